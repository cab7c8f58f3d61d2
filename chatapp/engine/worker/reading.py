"""Bringing a prompt into the KV cache, whoever replies to it: its tokens, what of them is reused, the progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from chatapp.engine.protocol import CacheUse, Generate, GenerateMany, Prefill
from chatapp.engine.worker.cache import Aborted
from chatapp.engine.worker.model import Model

_TOLD_EVERY = 0.05
_SHOWN_OF_BREAK = 8
"""Tokens shown of the place where the prompt leaves what the cache holds."""


class PromptTooLongError(Exception):
    """The prompt leaves no room for a reply; the message is a sentence for people."""


class Reading:
    """Reads the prompt of one request.

    `tell` gets the progress; `between` is called after each batch.
    """

    def __init__(
        self,
        model: Model,
        request: Generate | GenerateMany,
        tell: Callable[[Prefill], None],
        between: Callable[[], None],
    ) -> None:
        """Make the prompt's tokens.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            PromptTooLongError: when the prompt leaves no room for a reply.
        """
        self._model = model
        self._request = request
        self._tell = tell
        self._between = between
        self._told = 0.0
        self.reused = self.evaluated = 0
        self.use: CacheUse | None = None
        """What the cache held when the prompt came."""
        self.done_at = 0.0
        """When it was read, by the monotonic clock."""
        self.prompt = model.prompts.ids(request.turns, template=request.template, open_last=request.open_last) or [
            max(model.vocabulary.bos, 0)
        ]  # there must be something to go on from
        if len(self.prompt) >= (room := model.cache.size):
            raise PromptTooLongError(
                f"The prompt has {len(self.prompt):,} tokens, and the context window holds {room:,}."
            )
        ids = list(request.turns[-1].token_ids) if request.open_last else []
        self.drawn = len(ids) if ids and self.prompt[-len(ids) :] == ids else 0
        """How many tokens at the end of the prompt are known to be those of the reply that goes on."""

    @property
    def begun(self) -> bytes:
        """What the reply that goes on has said, as far as that is known."""
        return b"".join(map(self._model.vocabulary.piece, self.prompt[len(self.prompt) - self.drawn :]))

    def run(self) -> None:
        """Evaluate what the cache does not hold.

        Raises:
            Aborted: when it was cancelled.
            NoRoomError: when it does not fit.
        """
        cache = self._model.cache
        cache.recall(self.prompt, self.drawn)
        self.use = self._compare(cache.tokens)
        self.reused = cache.keep_prefix(self.prompt)
        self._tell_progress(self.reused)
        try:
            cache.prefill(self.prompt, self._tell_progress, self.pause)
        finally:
            self.evaluated = max(0, len(cache.tokens) - self.reused)  # a cancel may have cost all
            self.done_at = time.monotonic()

    def _compare(self, held: list[int]) -> CacheUse:
        """How far the prompt agrees with what the cache holds, and what comes first where it does not."""
        pairs = zip(held, self.prompt, strict=False)
        shared = next((place for place, (old, new) in enumerate(pairs) if old != new), None)
        if shared is None:
            return CacheUse(held=len(held), shared=min(len(held), len(self.prompt)))
        old, new = (
            "".join(map(self._model.vocabulary.name, ids[shared : shared + _SHOWN_OF_BREAK]))
            for ids in (held, self.prompt)
        )
        return CacheUse(held=len(held), shared=shared, old=old, new=new)

    def _tell_progress(self, done: int) -> None:
        now, total = time.monotonic(), len(self.prompt)
        if now - self._told >= _TOLD_EVERY or done == total:
            self._told = now
            self._tell(
                Prefill(id=self._request.id, done=done - self.reused, total=total - self.reused, kept=self.reused)
            )

    def pause(self) -> None:
        """Between two evaluations: let others be answered.

        Raises:
            Aborted: when the reply was asked to stop.
        """
        self._between()
        if self._model.abort.requested:
            raise Aborted
