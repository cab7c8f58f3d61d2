"""KV states that wait in memory: of other sessions, of branches, of a persona's beginning.

A context holds one sequence. What would be lost when another prompt takes its place is copied out, and copied back
when a prompt comes that shares more with it: 2,000 tokens of a small model are 46 MB and 5 ms, and seconds to
evaluate anew.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

_SEQUENCE = 0
_TAIL = 8


@dataclass(frozen=True, eq=False)
class State:
    """What a context holds of one sequence: its tokens, how many were evaluated in batches, llama.cpp's bytes."""

    tokens: list[int]
    batched: int
    data: bytearray


def copy_out(context: Any, tokens: list[int], batched: int, limit: int, sequence: int = _SEQUENCE) -> State | None:
    """Copy a context's state; None when it is larger than a limit in bytes, or memory is short."""
    size = L.llama_state_seq_get_size(context, sequence)
    if not 0 < size <= limit:
        return None
    try:
        data = bytearray(size)
    except MemoryError:
        return None
    written = L.llama_state_seq_get_data(context, _array(data), size, sequence)
    del data[written:]
    return State(tokens.copy(), batched, data) if data else None


def copy_in(context: Any, state: State) -> bool:
    """Give a cleared context a state; False when llama.cpp refuses it. There are no logits afterwards."""
    size = len(state.data)
    if L.llama_state_seq_set_data(context, _array(state.data), size, _SEQUENCE) != size:
        return False
    return bool(L.llama_memory_seq_pos_max(L.llama_get_memory(context), _SEQUENCE) + 1 == len(state.tokens))


def _array(data: bytearray) -> Any:
    return (ctypes.c_uint8 * len(data)).from_buffer(data)


class States:
    """The states that wait, bounded in bytes: the one used longest ago goes first."""

    def __init__(self, limit: int, *, can_be_cut: bool = True) -> None:
        """No states yet.

        Args:
            limit: The bytes that they may take.
            can_be_cut: Whether a state serves for whatever it begins with, too.
        """
        self.limit = limit
        self._can_be_cut = can_be_cut
        self._waiting: list[State] = []

    def __iter__(self) -> Iterator[State]:
        """The one used last comes first."""
        return reversed(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes that they take."""
        return sum(len(state.data) for state in self._waiting)

    def add(self, state: State) -> None:
        """Let a state wait, if it fits; those that it can serve for make room, then the oldest do."""
        if len(state.data) > self.limit:
            return
        self._waiting = [other for other in self._waiting if not self._serves(state, other)]
        self._waiting.append(state)
        while self.size > self.limit:
            del self._waiting[0]

    def clear(self) -> None:
        """Let go of all."""
        self._waiting.clear()

    def remove(self, state: State) -> None:
        """Let go of a state, if it still waits: others may have taken its place."""
        if state in self._waiting:
            self._waiting.remove(state)

    def touch(self, state: State) -> None:
        """Make it the one used last, if it still waits."""
        if state in self._waiting:
            self._waiting.remove(state)
            self._waiting.append(state)

    def _serves(self, state: State, other: State) -> bool:
        if self._can_be_cut:
            return state.tokens[: len(other.tokens)] == other.tokens
        return state.tokens == other.tokens

    def hold(self, tokens: list[int]) -> bool:
        """Whether one of them serves for these tokens."""
        return any(
            state.tokens == tokens or (self._can_be_cut and state.tokens[: len(tokens)] == tokens)
            for state in self._waiting
        )


def rewritten(lost: list[int], prompt: list[int]) -> bool:
    """Whether a prompt has the end of what would be lost: then it is the same turn, put in other words.

    So does a template that leaves the reasoning out of earlier replies: nobody comes back to the old version.
    """
    tail = lost[-_TAIL:]
    return any(prompt[at : at + len(tail)] == tail for at in range(len(prompt) - len(tail) + 1))
