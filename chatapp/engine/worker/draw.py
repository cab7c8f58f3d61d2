"""Random numbers and the draw. A number depends only on the seed and on the position of the token in the reply.

So there is no generator state: settings may change in mid-reply, and Continue goes on with the same draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_WORD = 2**64 - 1
_FEW = 256
"""Candidates that are sorted at once."""
_HEAD = 12.0
"""Candidates whose logit is this far below the best one's have less than a hundred-thousandth of its chance."""

XTC, SECOND_DRAW = 1, 2
"""Uses of further numbers at one position, beside the draw's own: they must not hang together."""


def uniform(seed: int, index: int, use: int = 0) -> float:
    """The number in [0, 1) for one position of one seed: two rounds of splitmix64, one more for a further use."""
    word = _mix(seed)
    if use:
        word = _mix(word ^ use)
    return (_mix(word + index) >> 11) * 2.0**-53


def _mix(word: int) -> int:
    word = (word + 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def pick(ids: Any, logits: Any, chance: float) -> int:
    """The candidate at which the cumulative probability, likeliest first and ties by id, passes a chance.

    Args:
        ids: Token ids, shape (n,).
        logits: Their logits, shape (n,), all but infinite ones finite.
        chance: In [0, 1).
    """
    best = logits.max()
    weights = np.exp(logits - best)
    goal = chance * float(weights.sum(dtype=np.float64))
    if len(ids) > _FEW:
        # Sorting a whole vocabulary takes longer than the model; its likeliest part nearly always decides.
        head = np.flatnonzero(logits > best - _HEAD)
        order, position = _reach(ids[head], weights[head], goal)
        if position < len(head):
            return int(ids[head[order[position]]])
    order, position = _reach(ids, weights, goal)
    possible = np.count_nonzero(weights)  # two sums of the same numbers may differ in the last digit
    return int(ids[order[min(position, possible - 1)]])


def _reach(ids: Any, weights: Any, goal: float) -> tuple[Any, int]:
    """The candidates in order, and the first position at which their weights add up to more than a goal."""
    order = np.lexsort((ids, -weights))
    return order, int(np.searchsorted(np.cumsum(weights[order], dtype=np.float64), goal, side="right"))
