"""What two sequences of tokens begin with in common."""

from __future__ import annotations

from collections.abc import Sequence


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences, of the same type for speed, begin with in common."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:  # nearly always, and much faster
        return length
    for index, (ours, theirs) in enumerate(zip(one, other, strict=False)):
        if ours != theirs:
            return index
    return length
