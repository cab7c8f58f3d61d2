"""How much of a prompt is evaluated at once, so that Stop is heard soon on a large model too.

llama.cpp asks whether to stop after each node of its graph. The more tokens a batch has, the longer its heaviest
nodes take: on a slow machine half a second and more, where a small model needs a hundredth of one.
"""

from __future__ import annotations

from collections.abc import Sequence

TRIED = 8
"""Tokens of the batch that is measured."""
SLOW_SECONDS = 0.1
"""A model whose first token takes no longer needs no measuring."""
_NODE_SECONDS = 0.05
_EAGERNESS = 0.55
"""What a token costs in a large batch, as a share of what it costs in one of eight; measured."""
_LEAST = 32


def batch_for(spans: Sequence[float], layers: int, largest: int) -> int:
    """The tokens to evaluate at once, at most `largest`, and a power of two below that.

    Args:
        spans: Seconds that each node took for a batch of TRIED tokens.
        layers: Layers of the model. The heaviest kind of node comes once in each, so that by their number what
            stands out once (the output layer, a moment that the machine was busy elsewhere) is passed over.
        largest: What is taken when nothing speaks against it.
    """
    if len(spans) <= layers:  # another device computes, and does not say how long it takes
        return largest
    a_token = sorted(spans, reverse=True)[layers] * _EAGERNESS / TRIED
    batch = largest
    while batch > _LEAST and batch * a_token > _NODE_SECONDS:
        batch = 1 << ((batch - 1).bit_length() - 1)
    return batch
