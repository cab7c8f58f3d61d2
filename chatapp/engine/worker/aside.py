"""Evaluating tokens beside the conversation: the KV cache serves for it, and is then as it was before.

What the cache holds beyond the prefix that it shares with the text is copied out, the text is evaluated in its
place, and what was copied comes back. So the text is evaluated in the very cells in which the conversation would
have evaluated it: which cells these are changes the order of llama.cpp's sums, and with it the last bits.

A model whose cache cannot be cut back (see `reuse.py`) gives way as a whole. What cannot come back to the bit in
reproducible mode, which is what lies before a sliding window, does not come back.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.prefix import common_prefix
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.cache import Aborted, Cache, EvaluationError, NoRoomError
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.states import State, copy_in

SEQUENCES = 2
"""Sequences that a context needs for this: the second one holds what is copied, for a moment."""
_MAIN, _MOVED = 0, 1
_ABORTED, _NO_ROOM = 2, 1
_ANY_SIZE = 2**62
_ROW_BYTES = 4 * 2**20


def rows_at_once(vocabulary: int) -> int:
    """Tokens of one batch whose logits may be asked for: they need room for a row each."""
    return max(1, min(16, _ROW_BYTES // (4 * max(1, vocabulary))))


class Aside:
    """Reads texts beside the cache of one context, one at a time."""

    def __init__(self, context: Any, cache: Cache, abort: Abort, vocabulary: int) -> None:
        self._context = context
        self._memory = L.llama_get_memory(context)
        self._cache = cache
        self._abort = abort
        self._vocabulary = vocabulary
        self._reuse = cache.reuse
        self._rows = rows_at_once(vocabulary)
        self._done = 0
        """Tokens of the text whose keys and values are in the cache."""

    def last(self, tokens: Sequence[int], drawn: int, progress: Callable[[int], None]) -> Any:
        """The logits after the last of these tokens, shape (vocabulary,).

        Args:
            tokens: All that stands before the token asked about.
            drawn: How many of them, at the end, a reply has drawn: evaluated one by one where it matters.
            progress: Called with the number of tokens done.

        Raises:
            Aborted: when it was cancelled.
            NoRoomError: when the text is longer than the context window.
            EvaluationError: when llama.cpp refuses.
        """
        whole = len(tokens) - drawn if self._reuse.reproducible else len(tokens)
        chunk = self._reuse.chunk
        with self._opened(self._start(tokens, whole)):
            while (done := self._done) < len(tokens):
                end = done + 1 if done >= whole else min(whole, done - done % chunk + chunk)
                self._evaluate(tokens[done:end], 1 if end == len(tokens) else 0, progress)
            return self._logits(-1).copy()

    def each(self, tokens: Sequence[int], first: int, progress: Callable[[int], None]) -> Iterator[Any]:
        """The logits after each token from the one at `first` on, in order; each is good until the next.

        Raises:
            Aborted: when it was cancelled.
            NoRoomError: when the text is longer than the context window.
            EvaluationError: when llama.cpp refuses.
        """
        with self._opened(min(first, common_prefix(self._cache.tokens, tokens))):
            while (done := self._done) < len(tokens):
                end = (
                    min(first, done + self._reuse.chunk)
                    if done < first
                    else min(len(tokens), done + min(self._rows, self._reuse.chunk))
                )
                wanted = 0 if done < first else end - done
                self._evaluate(tokens[done:end], wanted, progress)
                for row in range(wanted):
                    yield self._logits(row)

    def _start(self, tokens: Sequence[int], whole: int) -> int:
        """How many tokens need not be evaluated: the last one always does."""
        shared = min(common_prefix(self._cache.tokens, tokens), len(tokens) - 1)
        if not self._reuse.reproducible or self._cache.batched == whole <= shared:
            return shared
        # What was evaluated in other company than the first time, or at another place of a batch, is done again.
        shared = max(0, min(shared, self._cache.batched, whole - 1))
        return shared - shared % self._reuse.chunk

    @contextmanager
    def _opened(self, shared: int) -> Iterator[None]:
        """Only a prefix of what is held is in the cache; afterwards all of it is again, or what of it is exact."""
        cache, start = self._cache, shared if self._can_go_on_from(shared) else 0
        self._done = start
        put_back = self._put_by(start, len(cache.tokens))
        try:
            yield
        finally:
            L.llama_memory_seq_rm(self._memory, _MAIN, start, -1)
            put_back()

    def _can_go_on_from(self, shared: int) -> bool:
        """Whether the cells of a prefix suffice: a recurrent model has none for less than all that it holds."""
        if self._reuse.recurrent:
            return shared == len(self._cache.tokens)
        return self._reuse.can_cut(shared, self._cache.first())

    def _put_by(self, start: int, held: int) -> Callable[[], None]:
        """Take what is held from a position on out of the cache; returns what puts it back."""
        if not held or (start == held and not self._reuse.recurrent):
            return lambda: None  # nothing gives way
        if self._reuse.can_be_cut:
            rest = self._move_out(start)
            return lambda: self._refused(start) if not self._move_in(rest) else None
        # All of it: a window that came back by halves would have a gap, of which llama.cpp does not tell.
        whole = self._cache.copy(_ANY_SIZE)
        if start < held:
            L.llama_memory_seq_rm(self._memory, _MAIN, start, -1)
        return lambda: self._put_back(whole, start)

    def _put_back(self, whole: State | None, start: int) -> None:
        if whole is None and not self._reuse.recurrent:
            self._cache.lost(start)  # it could not be copied to the bit: it is evaluated anew when it is asked for
            return
        L.llama_memory_clear(self._memory, True)
        if whole is None or not copy_in(self._context, whole):
            self._refused(0)

    def _refused(self, start: int) -> None:
        os.write(2, b"chatapp: llama.cpp refused a KV state; it is evaluated anew\n")
        L.llama_memory_seq_rm(self._memory, _MAIN, start, -1)
        self._cache.lost(start)

    def _move_out(self, start: int) -> Any:
        """What is held from a position on, copied and removed."""
        L.llama_memory_seq_cp(self._memory, _MAIN, _MOVED, start, -1)
        size = L.llama_state_seq_get_size(self._context, _MOVED)
        data = (ctypes.c_uint8 * size)()
        L.llama_state_seq_get_data(self._context, data, size, _MOVED)
        L.llama_memory_seq_rm(self._memory, _MOVED, -1, -1)
        L.llama_memory_seq_rm(self._memory, _MAIN, start, -1)
        return data

    def _move_in(self, data: Any) -> bool:
        if not L.llama_state_seq_set_data(self._context, data, len(data), _MOVED):
            return False
        L.llama_memory_seq_cp(self._memory, _MOVED, _MAIN, -1, -1)
        L.llama_memory_seq_rm(self._memory, _MOVED, -1, -1)
        return True

    def _evaluate(self, tokens: Sequence[int], wanted: int, progress: Callable[[int], None]) -> None:
        """Evaluate the next tokens, and keep the logits of the last `wanted` of them."""
        if self._abort.requested:
            raise Aborted
        batch = L.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for place, token in enumerate(tokens):
                batch.token[place], batch.pos[place] = token, self._done + place
                batch.n_seq_id[place], batch.seq_id[place][0] = 1, _MAIN
                batch.logits[place] = place >= len(tokens) - wanted
            with self._abort.watching(self._context, range(self._done, self._done + len(tokens)), progress):
                status = L.llama_decode(self._context, batch)
        finally:
            L.llama_batch_free(batch)
        if status == _ABORTED:
            raise Aborted
        if status == _NO_ROOM:
            raise NoRoomError
        if status:
            raise EvaluationError(f"llama.cpp could not evaluate the tokens (status {status}).")
        self._done += len(tokens)
        progress(self._done)

    def _logits(self, row: int) -> Any:
        pointer = L.llama_get_logits_ith(self._context, row)
        if not pointer:
            raise EvaluationError("llama.cpp gave no logits.")
        return logits_at(ctypes.cast(pointer, ctypes.c_void_p).value or 0, self._vocabulary)
