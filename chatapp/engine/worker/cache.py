"""The context's KV cache, and the list of tokens that it holds; the two never disagree.

In reproducible mode the logits of a prompt must not depend on what was in the cache before. With flash attention
off they depend on one thing only: a token that is evaluated alone takes another path through llama.cpp's kernels
than one that is evaluated with others. So there, tokens that were evaluated alone (a reply's) are evaluated
again when they come back in a prompt, and batches end at fixed places. Only a reply that goes on where it stopped
has its tokens evaluated alone once more, as they were when they were drawn: so it is the reply it would have been.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.worker.abort import Abort

_ABORTED = 2
_NO_ROOM = 1


class Aborted(Exception):  # noqa: N818 - it was asked for
    """The evaluation was cancelled; what was finished before stays in the cache."""


class NoRoomError(Exception):
    """The cache is full."""


class EvaluationError(Exception):
    """llama.cpp refused a batch; the message is a sentence for people."""


class Cache:
    """One sequence. `tokens` are those whose keys and values are in the cache, by position."""

    def __init__(self, context: Any, model: Any, abort: Abort, *, reproducible: bool) -> None:
        self.tokens: list[int] = []
        self.size: int = L.llama_n_ctx(context)
        self._context = context
        self._memory = L.llama_get_memory(context)
        self._window: int = L.llama_model_n_swa(model)
        self._chunk: int = L.llama_n_ubatch(context)
        self._abort = abort
        self._reproducible = reproducible
        self._batched = 0
        """Tokens from the start on that were evaluated together with others."""
        self._whole = 0
        """Tokens of the present prompt that are evaluated in batches; those of a reply that goes on are not."""
        self._one = (L.llama_token * 1)()
        self._batch_of_one = L.llama_batch_get_one(self._one, 1)

    def clear(self) -> None:
        """Forget everything."""
        L.llama_memory_clear(self._memory, True)
        self.tokens.clear()
        self._batched = 0

    def keep_prefix(self, prompt: Sequence[int], drawn: int = 0) -> int:
        """Drop all but the longest prefix shared with a prompt, of which at least one token stays to evaluate.

        Args:
            prompt: The whole prompt.
            drawn: How many tokens at its end were drawn by the reply that now goes on.

        Returns:
            How many tokens are kept.
        """
        self._whole = len(prompt) - drawn if self._reproducible else len(prompt)
        kept = self._usable(prompt)
        if kept < len(self.tokens) and not self._roll_back(kept):
            self.clear()
        return len(self.tokens)

    def _usable(self, prompt: Sequence[int]) -> int:
        shared = 0
        for ours, theirs in zip(self.tokens, prompt[:-1], strict=False):
            if ours != theirs:
                break
            shared += 1
        if not self._reproducible:
            return shared
        if self._batched == self._whole <= shared:
            return shared  # a reply that goes on where it stopped
        shared = min(shared, self._batched, self._whole)
        first_batch = min(self._whole - shared, self._chunk - shared % self._chunk)
        return shared - 1 if first_batch == 1 and shared % self._chunk else shared

    def _roll_back(self, kept: int) -> bool:
        """Remove what follows the first `kept` tokens; False when the cache cannot do that."""
        if kept == 0 or not L.llama_memory_seq_rm(self._memory, 0, kept, -1):
            return False
        if self._window:
            # A sliding window may have dropped what the new tokens must see; llama.cpp does not say so.
            first = L.llama_memory_seq_pos_min(self._memory, 0)
            if first < 0 or first > max(0, kept - self._window):
                return False
        del self.tokens[kept:]
        self._batched = min(self._batched, kept)
        return True

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
            end = done + 1 if done >= self._whole else min(self._whole, done - done % self._chunk + self._chunk)
            chunk = prompt[done:end]
            buffer = (L.llama_token * len(chunk))(*chunk)
            batch = L.llama_batch_get_one(buffer, len(chunk))
            with self._abort.watching(self._context, range(done, end), progress):
                self._decode(batch, chunk)
            if self._batched == done and len(chunk) > 1:
                self._batched = end
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
        self.clear()
        raise EvaluationError(f"llama.cpp could not evaluate the tokens (status {status}).")

    def _keep_finished(self, tokens: Sequence[int]) -> None:
        """After a cancel: the parts of the batch that were finished are in the cache."""
        held = L.llama_memory_seq_pos_max(self._memory, 0) + 1
        self.tokens += tokens
        del self.tokens[held:]
        self._batched = min(self._batched, held)

    def logits(self) -> Any:
        """The address of the logits of the last evaluated token.

        Raises:
            EvaluationError: when there are none.
        """
        pointer = L.llama_get_logits_ith(self._context, -1)
        if not pointer:
            raise EvaluationError("llama.cpp gave no logits.")
        return ctypes.cast(pointer, ctypes.c_void_p).value
