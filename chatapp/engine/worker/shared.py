"""A context of its own, made for several replies to one prompt, whose KV cache they share.

The prompt's state is copied over from the conversation's context, so that nothing is evaluated twice. There a
second sequence would change the logits and the speed of every later reply; here it is what the context is for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.machine import available_memory
from chatapp.engine.worker.cache import Aborted, EvaluationError, NoRoomError
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.model import Model, context_parameters
from chatapp.engine.worker.states import State, copy_in, copy_out

LONGEST, LEAST = 1024, 32
"""Tokens of a reply: where no length is set, and the least that is worth it where memory is short."""
_CELLS = 256
_ROOMY = 0.9
"""Share of the available memory that may be taken."""
_ABORTED, _NO_ROOM = 2, 1


class NoMemoryError(Exception):
    """There is no memory for so many replies; the message is a sentence for people."""


def room_for(model: Model, prompt: int, lengths: Sequence[int | None]) -> list[int]:
    """How long each reply may become, in tokens, in what is left of the window and of memory.

    Args:
        model: llama.cpp's own figures of its buffers are gone by.
        prompt: Tokens of the prompt, which all share.
        lengths: What is set for each; none takes LONGEST.

    Raises:
        NoMemoryError: when memory is too short even for short replies.
    """
    left = model.cache.size - prompt
    rooms = [min(length or LONGEST, left) for length in lengths]
    used, free = model.info.memory, available_memory()
    if free is None or not used.cache:
        return rooms
    of_a_cell = used.cache / model.cache.size
    # The state is copied through memory: for a moment the prompt's cells are there twice.
    cells = int((free * _ROOMY - used.compute) / of_a_cell) - 2 * prompt - _CELLS
    while sum(rooms) > cells and max(rooms) > LEAST:
        rooms = [max(min(room, LEAST), room // 2) for room in rooms]
    if sum(rooms) > cells:
        raise NoMemoryError(
            f"Memory is short for {len(rooms)} replies at once: {free / 1e6:,.0f} MB are free. Try fewer."
        )
    return rooms


class SharedContext:
    """Several sequences that begin with one prompt, numbered from 0 on. Call `close` when they have ended."""

    def __init__(self, model: Model, sequences: int, cells: int) -> None:
        """Make the context and copy the prompt's state into each sequence.

        The conversation's context must hold the prompt, and nothing else.

        Raises:
            NoMemoryError: when llama.cpp cannot make it.
        """
        parameters = context_parameters(model.options)
        parameters.n_ctx, parameters.n_seq_max = -(-cells // _CELLS) * _CELLS, sequences
        parameters.n_outputs_max = sequences
        self._model = model
        self._context = L.llama_init_from_model(model.pointer, parameters)
        if not self._context:
            raise NoMemoryError(f"llama.cpp could not make a context for {sequences} replies. Try fewer.")
        self._memory = L.llama_get_memory(self._context)
        self._batch = L.llama_batch_init(sequences, 0, 1)
        model.abort.attach(self._context)
        try:
            self._fill(sequences)
        except BaseException:
            self.close()
            raise

    def _fill(self, sequences: int) -> None:
        held = self._model.cache
        state = copy_out(self._model.context, held.tokens, held.batched, 2**62)
        if state is None or not copy_in(self._context, state):
            raise NoMemoryError(f"The prompt could not be shared by {sequences} replies. Try fewer.")
        for sequence in range(1, sequences):
            L.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)

    def step(self, tokens: Sequence[tuple[int, int, int]]) -> list[Any]:
        """Evaluate a token of each of some sequences, given as (sequence, position, token).

        Returns:
            Their logits in that order, each of the shape (vocabulary,); good until the next step.

        Raises:
            Aborted: when it was cancelled.
            NoRoomError: when the cells are used up.
            EvaluationError: when llama.cpp refuses.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for row, (sequence, position, token) in enumerate(tokens):
            batch.token[row], batch.pos[row], batch.logits[row] = token, position, 1
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, sequence
        status = L.llama_decode(self._context, batch)
        if status == _ABORTED:
            raise Aborted
        if status == _NO_ROOM:
            raise NoRoomError
        if status:
            raise EvaluationError(f"llama.cpp could not evaluate the tokens (status {status}).")
        return [self._logits(row) for row in range(len(tokens))]

    def _logits(self, row: int) -> Any:
        pointer = L.llama_get_logits_ith(self._context, row)
        if not pointer:
            raise EvaluationError("llama.cpp gave no logits.")
        return logits_at(ctypes.cast(pointer, ctypes.c_void_p).value or 0, self._model.vocabulary.size)

    def take(self, sequence: int, tokens: list[int], batched: int) -> State | None:
        """A sequence's state, and let its cells go; None where it is larger than what may wait."""
        state = copy_out(self._context, tokens, batched, self._model.cache.states.limit, sequence)
        L.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return state

    def close(self) -> None:
        """Free the context, and all that it took."""
        L.llama_batch_free(self._batch)
        L.llama_free(self._context)
