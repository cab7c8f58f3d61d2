"""Drawing the next token: llama.cpp's samplers narrow the candidates, the draw itself is ours.

The draw's random number depends only on the seed and on the position of the token in the reply. So there is no
generator state: settings may change in mid-reply, and Continue goes on with the same draws, from the seed alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.sampling import SamplingSettings

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)
_WORD = 2**64 - 1
_FEW = 256
"""Candidates that are sorted at once."""
_HEAD = 12.0
"""Candidates whose logit is this far below the best one's have less than a hundred-thousandth of its chance."""


class NoCandidatesError(Exception):
    """The model's numbers are broken; the message is a sentence for people."""


def uniform(seed: int, index: int) -> float:
    """The number in [0, 1) for one position of one seed: two rounds of splitmix64."""
    return (_mix(_mix(seed) + index) >> 11) * 2.0**-53


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


def _array_at(address: Any, length: int, kind: np.dtype[Any]) -> Any:
    """A view of foreign memory as an array of shape (length,)."""
    memory: Any = (ctypes.c_char * (length * kind.itemsize)).from_address(address)
    return np.frombuffer(memory, kind)


class Sampler:
    """Draws the tokens of one reply with the settings in force."""

    def __init__(self, vocabulary: int, settings: SamplingSettings, seed: int, said: Sequence[int]) -> None:
        """A sampler for a vocabulary of that size; `said` are the prompt's and the reply's tokens so far."""
        self._candidates = np.empty(vocabulary, _CANDIDATE)
        self._ids = np.arange(vocabulary, dtype=np.int32)
        self._array = L.llama_token_data_array()
        self._seed = seed
        self._chain: Any = None
        self.retune(settings, said)

    def retune(self, settings: SamplingSettings, said: Sequence[int]) -> None:
        """Take other settings for the next draw on."""
        self.close()
        self._greedy = settings.temperature == 0
        self._penalised = settings.repeat_penalty != 1 and settings.repeat_last_n > 0
        self._chain = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
        for sampler in self._samplers(settings):
            if not sampler:
                raise MemoryError("llama.cpp could not make a sampler")
            L.llama_sampler_chain_add(self._chain, sampler)
        if self._penalised:
            for token in said[-settings.repeat_last_n :]:
                L.llama_sampler_accept(self._chain, token)

    def _samplers(self, settings: SamplingSettings) -> Iterator[Any]:
        """Those that change something, in llama.cpp's own order."""
        if self._penalised:
            yield L.llama_sampler_init_penalties(
                len(self._ids), settings.repeat_last_n, settings.repeat_penalty, 0.0, 0.0
            )
        if self._greedy:  # whatever else is set, the likeliest token stays the likeliest
            return
        if settings.top_k > 0:
            yield L.llama_sampler_init_top_k(settings.top_k)
        if settings.top_p < 1:
            yield L.llama_sampler_init_top_p(settings.top_p, 1)
        if settings.min_p > 0:
            yield L.llama_sampler_init_min_p(settings.min_p, 1)
        if settings.temperature != 1:
            yield L.llama_sampler_init_temp(settings.temperature)

    def draw(self, address: int, index: int) -> int:
        """The next token.

        Args:
            address: Where the logits are: one float32 for each token of the vocabulary.
            index: The position of the token in the reply.

        Raises:
            NoCandidatesError: when a logit is not a number.
        """
        logits = _array_at(address, len(self._ids), np.dtype(np.float32))
        if not np.isfinite(logits.max()):
            raise NoCandidatesError("The model computes numbers that are no numbers; its file may be damaged.")
        if self._greedy and not self._penalised:
            return int(logits.argmax())
        ids, narrowed = self._narrow(logits)
        if self._greedy:
            return int(ids[narrowed.argmax()])
        return pick(ids, narrowed, uniform(self._seed, index))

    def _narrow(self, logits: Any) -> tuple[Any, Any]:
        """What the chain leaves: ids and logits."""
        self._candidates["id"] = self._ids
        self._candidates["logit"] = logits
        array = self._array
        array.data = ctypes.cast(self._candidates.ctypes.data, L.llama_token_data_p)
        array.size, array.selected, array.sorted = len(self._ids), -1, False
        L.llama_sampler_apply(self._chain, ctypes.byref(array))
        # A sampler may have pointed `data` at memory of its own, that the next call overwrites.
        left = _array_at(ctypes.cast(array.data, ctypes.c_void_p).value, array.size, _CANDIDATE)
        return left["id"].copy(), left["logit"].copy()

    def accept(self, token: int) -> None:
        """Let the penalties know what was drawn."""
        if self._penalised:
            L.llama_sampler_accept(self._chain, token)

    def close(self) -> None:
        """Free what llama.cpp holds."""
        if self._chain is not None:
            L.llama_sampler_free(self._chain)
            self._chain = None
