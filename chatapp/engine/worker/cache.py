"""The context's KV cache, and the list of tokens that it holds; the two never disagree."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.prefix import common_prefix
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.reuse import Reuse
from chatapp.engine.worker.states import State, States, copy_in, copy_out, rewritten

_ABORTED = 2
_NO_ROOM = 1
_WORTH = 4
"""Tokens; fewer are evaluated in less time than a state is copied."""


class Aborted(Exception):  # noqa: N818 - it was asked for
    """The evaluation was cancelled; what was finished before stays in the cache."""


class NoRoomError(Exception):
    """The cache is full."""


class EvaluationError(Exception):
    """llama.cpp refused a batch; the message is a sentence for people."""


class Cache:
    """One sequence. `tokens` are those whose keys and values are in the cache, by position.

    Other sequences' states wait beside it, in `states`, and are swapped in when they share more with a prompt.
    """

    def __init__(
        self, context: Any, model: Any, abort: Abort, *, reproducible: bool, states_limit: int = 0
    ) -> None:
        self.tokens: list[int] = []
        self.size: int = L.llama_n_ctx(context)
        self._context = context
        self._memory = L.llama_get_memory(context)
        self.reuse = Reuse(model, L.llama_n_ubatch(context), reproducible=reproducible)
        self.states = States(states_limit, can_be_cut=self.reuse.can_be_cut)
        self._abort = abort
        self.batched = 0
        """Tokens from the start on that were evaluated together with others."""
        self._read_tokens, self._read_seconds = 0, 0.0
        """Tokens of prompts that were evaluated, and what that took."""
        self._one = (L.llama_token * 1)()
        self._batch_of_one = L.llama_batch_get_one(self._one, 1)

    def clear(self) -> None:
        """Forget everything, what waits too."""
        self._empty()
        self.states.clear()

    def _empty(self) -> None:
        L.llama_memory_clear(self._memory, True)
        self.tokens.clear()
        self.batched = 0

    def recall(self, prompt: list[int], drawn: int = 0) -> None:
        """Prepare for a prompt: swap in the waiting state that shares most with it, if it beats what is held.

        Args:
            prompt: The whole prompt.
            drawn: How many tokens at its end were drawn by the reply that now goes on.
        """
        self.reuse.begin(prompt, drawn, [self.tokens, *(state.tokens for state in self.states)])
        held = self.reuse.usable(self.tokens, self.batched, self.first(), prompt)
        known = [(self.reuse.usable_of(state, prompt), state) for state in self.states]
        more, state = max(known, key=lambda one: one[0], default=(0, None))
        if state is not None and more > held:
            self._set_aside(common_prefix(self.tokens, state.tokens), prompt)
            self._swap_in(state, more)

    def keep_prefix(self, prompt: list[int]) -> int:
        """Drop all but the longest prefix shared with a prompt, of which at least one token stays to evaluate.

        What is lost by that waits from now on, if it is worth it. `recall` comes first.

        Returns:
            How many tokens are kept.
        """
        kept = self.reuse.usable(self.tokens, self.batched, self.first(), prompt)
        if kept < len(self.tokens):
            self._set_aside(kept, prompt)
            if not self._cut_back(kept):
                self._empty()
        return len(self.tokens)

    def first(self) -> int:
        """The first position of which everything is held."""
        # A sliding window may have dropped what new tokens must see; llama.cpp does not say so when it is cut.
        return int(L.llama_memory_seq_pos_min(self._memory, 0)) if self.reuse.window else 0

    def _cut_back(self, kept: int) -> bool:
        """Remove what follows the first `kept` tokens; False when the cache cannot do that."""
        if not kept or not self.reuse.can_cut(kept, self.first()):
            return False
        if not L.llama_memory_seq_rm(self._memory, 0, kept, -1) or not self.reuse.can_cut(kept, self.first()):
            return False
        del self.tokens[kept:]
        self.batched = min(self.batched, kept)
        return True

    # Other sequences ---------------------------------------------------------------------------------------------

    def _set_aside(self, kept: int, prompt: list[int]) -> None:
        """Let the state wait that is held now, before all but `kept` tokens of it are lost."""
        lost = self.tokens[kept:]
        if len(lost) >= _WORTH and not rewritten(lost, prompt[kept:]):
            self._wait_too()

    def _wait_too(self) -> None:
        """Let a copy of the present state wait, unless one does."""
        if not self.states.hold(self.tokens) and (state := self.copy()) is not None:
            self.states.add(state)

    def copy(self, limit: int | None = None) -> State | None:
        """The present state; None when it holds nothing, more than so many bytes, or what no copy holds exactly.

        Unless a limit is given, it is what may wait.
        """
        if not self.tokens or (self.reuse.reproducible and 0 < self.reuse.window < len(self.tokens)):
            return None  # a copy has no more than the window: sums over it run in another order, to other bits
        return copy_out(self._context, self.tokens, self.batched, limit or self.states.limit)

    def serving(self, prompt: list[int]) -> tuple[State | None, float]:
        """The state that shares most with a prompt, whether held or waiting, if any may be kept.

        Returns:
            The state, and the seconds that what it shares would take to evaluate anew, by what was measured here.
        """
        shared = common_prefix(self.tokens, prompt)
        known = [(common_prefix(state.tokens, prompt), state) for state in self.states]
        more, state = max(known, key=lambda one: one[0], default=(0, None))
        found = state if more > shared else self.copy()
        return found, max(shared, more) * self._read_seconds / max(1, self._read_tokens)

    def _swap_in(self, state: State, used: int) -> None:
        """Hold a waiting state. It goes on waiting where what is held can no longer serve for it."""
        self._empty()
        if not copy_in(self._context, state):
            os.write(2, b"chatapp: llama.cpp refused a KV state; it is evaluated anew\n")
            self.states.remove(state)
            self._empty()
            return
        self.tokens += state.tokens
        self.batched = state.batched
        if used == len(state.tokens) and self.reuse.can_be_cut:
            self.states.remove(state)
        else:
            self.states.touch(state)

    def prefill(self, prompt: Sequence[int], progress: Callable[[int], None], between: Callable[[], None]) -> None:
        """Evaluate what the cache does not hold of a prompt that begins with what it holds.

        Args:
            prompt: The whole prompt.
            progress: Called with the number of its tokens that are done, an estimate inside of a batch.
            between: Called after each batch.

        Raises:
            Aborted: when it was cancelled; the finished batches stay.
            NoRoomError: when the prompt does not fit.
            EvaluationError: when llama.cpp refuses.
        """
        while (done := len(self.tokens)) < len(prompt):
            end = self.reuse.end_of_batch(done)
            chunk = prompt[done:end]
            buffer = (L.llama_token * len(chunk))(*chunk)
            batch = L.llama_batch_get_one(buffer, len(chunk))
            started = time.monotonic()
            with self._abort.watching(self._context, range(done, end), progress):
                self._decode(batch, chunk)
            self._read_tokens += len(chunk)
            self._read_seconds += time.monotonic() - started
            if self.batched == done and len(chunk) > 1:
                self.batched = end
            if end == self.reuse.fork:
                self._wait_too()
            progress(end)
            between()

    def step(self, token: int) -> None:
        """Evaluate one more token of a reply.

        Raises:
            Aborted: when it was cancelled; the token is not in the cache then.
            NoRoomError: when the cache is full.
            EvaluationError: when llama.cpp refuses.
        """
        self._one[0] = token
        if self.reuse.recurrent:  # stopped in the middle, its whole state would be lost
            with self._abort.deaf(self._context):
                self._decode(self._batch_of_one, (token,))
        else:
            self._decode(self._batch_of_one, (token,))

    def _decode(self, batch: Any, tokens: Sequence[int]) -> None:
        if len(self.tokens) + len(tokens) > self.size:
            raise NoRoomError
        status = L.llama_decode(self._context, batch)
        if status == 0:
            self.tokens += tokens
            return
        if status == _ABORTED:
            self._keep_finished(tokens)
            raise Aborted
        if status == _NO_ROOM:
            raise NoRoomError
        self._empty()
        raise EvaluationError(f"llama.cpp could not evaluate the tokens (status {status}).")

    def _keep_finished(self, tokens: Sequence[int]) -> None:
        """After a cancel: the parts of the batch that were finished are in the cache."""
        if self.reuse.recurrent:  # what was not finished has changed the state all the same
            self._empty()
            return
        held = L.llama_memory_seq_pos_max(self._memory, 0) + 1
        self.tokens += tokens
        del self.tokens[held:]
        self.batched = min(self.batched, held)
        if self.reuse.window and not self.reuse.can_cut(held, self.first()):
            self._empty()

    def lost(self, kept: int) -> None:
        """What follows the first `kept` tokens is no longer in the context."""
        del self.tokens[kept:]
        self.batched = min(self.batched, kept)

    def logits(self) -> Any:
        """The address of the logits of the last evaluated token.

        Raises:
            EvaluationError: when there are none.
        """
        pointer = L.llama_get_logits_ith(self._context, -1)
        if not pointer:
            raise EvaluationError("llama.cpp gave no logits.")
        return ctypes.cast(pointer, ctypes.c_void_p).value
