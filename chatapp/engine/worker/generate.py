"""One reply, from the turns to how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.engine.protocol import CacheUse, Finished, Generate, Prefill, Tokens
from chatapp.engine.worker.cache import Aborted, NoRoomError
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.control import Control
from chatapp.engine.worker.model import Model
from chatapp.engine.worker.record import Recorder
from chatapp.engine.worker.sampler import Said, Sampler
from chatapp.engine.worker.stream import TextStream

_TOLD_EVERY = 0.05
_SHOWN_OF_BREAK = 8
"""Tokens shown of the place where the prompt leaves what the cache holds."""

Tell = Callable[[Prefill | Tokens], None]


class PromptTooLongError(Exception):
    """The prompt leaves no room for a reply; the message is a sentence for people."""


@dataclass
class _Clock:
    """When things happened, in seconds of the monotonic clock; 0 for what did not."""

    asked: float
    started: float = field(default_factory=time.monotonic)
    read: float = 0.0
    first_text: float = 0.0
    first_token: float = 0.0
    last_token: float = 0.0

    def timings(self, generated: int) -> Timings:
        decode = self.last_token - self.first_token
        return Timings(
            prefill_s=(self.read or time.monotonic()) - self.started,
            first_token_s=max(0.0, self.first_text - self.asked),
            decode_s=decode,
            tokens_per_s=(generated - 1) / decode if decode > 0 else 0.0,
        )


class Generation:
    """Runs one Generate request that came at the time `asked`.

    `tell` gets its events; `between` is called after each token and each batch of the prompt.
    """

    def __init__(
        self,
        model: Model,
        request: Generate,
        control: Control,
        *,
        tell: Tell,
        between: Callable[[], None],
        asked: float,
    ) -> None:
        self._model = model
        self._request = request
        self._control = control
        self._tell = tell
        self._between = between
        self._clock = _Clock(asked)
        self._settings = request.settings
        self._memory = request.memory
        self._segments = [
            Segment(
                from_token=request.first_index,
                settings=request.settings,
                seed=request.seed,
                memory=request.memory,
            )
        ]
        self._recorder = Recorder(model.vocabulary, request.record) if request.record else None
        self._text = TextStream(self._stops())
        self._prompt: list[int] = []
        self._said: list[int] = []
        """The prompt and the reply so far."""
        self._reused = self._evaluated = self._generated = 0
        self._told = 0.0
        self._cache_use: CacheUse | None = None

    def run(self) -> Finished:
        """Generate the reply.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            PromptTooLongError: when the prompt leaves no room for a reply.
        """
        self._make_prompt()
        try:
            self._read_prompt()
            reason = self._write()
        except Aborted:
            reason = StopReason.CANCELLED
        except NoRoomError:
            reason = StopReason.CONTEXT_FULL
        if reason != StopReason.STOP_STRING and (rest := self._text.stops.flush()):
            self._say(rest)
        if reason == StopReason.STOP_STRING and self._text.stops.found in self._model.template.stop:
            reason = StopReason.END
        return self._finished(reason)

    def _make_prompt(self) -> None:
        request = self._request
        self._prompt = self._model.prompts.ids(
            request.turns, template=request.template, open_last=request.open_last
        ) or [max(self._model.vocabulary.bos, 0)]  # there must be something to go on from
        if len(self._prompt) >= (room := self._model.cache.size):
            raise PromptTooLongError(
                f"The prompt has {len(self._prompt):,} tokens, and the context window holds {room:,}."
            )

        self._said = self._prompt.copy()
        begun = self._prompt[len(self._prompt) - self._drawn() :]
        self._text.go_on_from(b"".join(map(self._model.vocabulary.piece, begun)))

    # Reading -----------------------------------------------------------------------------------------------------

    def _read_prompt(self) -> None:
        cache = self._model.cache
        cache.recall(self._prompt, self._drawn())
        self._cache_use = self._compare(cache.tokens)
        self._reused = cache.keep_prefix(self._prompt)
        self._tell_progress(self._reused)
        try:
            cache.prefill(self._prompt, self._tell_progress, self._pause)
        finally:
            self._evaluated = max(0, len(cache.tokens) - self._reused)  # a cancel may have cost all
            self._clock.read = time.monotonic()

    def _compare(self, held: list[int]) -> CacheUse:
        """How far the prompt agrees with what the cache holds, and what comes first where it does not."""
        pairs = zip(held, self._prompt, strict=False)
        shared = next((place for place, (old, new) in enumerate(pairs) if old != new), None)
        if shared is None:
            return CacheUse(held=len(held), shared=min(len(held), len(self._prompt)))
        old, new = (
            "".join(map(self._model.vocabulary.name, ids[shared : shared + _SHOWN_OF_BREAK]))
            for ids in (held, self._prompt)
        )
        return CacheUse(held=len(held), shared=shared, old=old, new=new)

    def _drawn(self) -> int:
        """How many tokens at the end of the prompt are known to be those of the reply that goes on."""
        ids = list(self._request.turns[-1].token_ids) if self._request.open_last else []
        return len(ids) if ids and self._prompt[-len(ids) :] == ids else 0

    def _tell_progress(self, done: int) -> None:
        now, total = time.monotonic(), len(self._prompt)
        if now - self._told >= _TOLD_EVERY or done == total:
            self._told = now
            self._tell(
                Prefill(
                    id=self._request.id, done=done - self._reused, total=total - self._reused, kept=self._reused
                )
            )

    def _pause(self) -> None:
        self._between()
        if self._model.abort.requested:
            raise Aborted

    # Writing -----------------------------------------------------------------------------------------------------

    def _write(self) -> StopReason:
        self._take_settings()
        sampler = Sampler(
            self._model.vocabulary,
            self._settings,
            self._request.seed,
            self._so_far(),
            context=self._model.cache.size,
            memory=self._memory,
        )
        try:
            return self._write_with(sampler)
        finally:
            self._memory = sampler.memory
            sampler.close()

    def _so_far(self) -> Said:
        return Said(self._said, len(self._prompt) - self._drawn())

    def _write_with(self, sampler: Sampler) -> StopReason:
        vocabulary, cache = self._model.vocabulary, self._model.cache
        while True:
            self._memory = sampler.memory
            if self._take_settings():
                sampler.retune(self._settings, self._so_far())
            if self._text.stops.found:
                return StopReason.STOP_STRING
            logits = logits_at(cache.logits(), vocabulary.size)
            token = sampler.draw(logits, self._request.first_index + self._generated, self._recorder)
            if vocabulary.ends_turn(token):
                return StopReason.END
            record = (self._recorder.record(token, sampler.left),) if self._recorder else ()
            sampler.accept(token)
            self._count_token()
            self._say(self._text.feed(vocabulary.piece(token)), token, records=record)
            if self._text.stops.found:
                return StopReason.STOP_STRING
            if self._generated >= (self._settings.max_tokens or math.inf):
                return StopReason.MAX_TOKENS
            self._pause()
            cache.step(token)

    def _take_settings(self) -> bool:
        """Put settings in force that came since the last token; return whether there were any."""
        settings = self._control.take_settings(self._request.id)
        if settings is None or settings == self._settings:
            return False
        self._settings = settings
        segment = Segment(
            from_token=self._request.first_index + self._generated,
            settings=settings,
            seed=self._request.seed,
            memory=self._memory,
        )
        if self._segments[-1].from_token == segment.from_token:
            self._segments.pop()  # it has drawn nothing
        self._segments.append(segment)
        if text := self._text.stops.replace(self._stops()):
            self._say(text)
        return True

    def _stops(self) -> tuple[str, ...]:
        return (*self._settings.stop, *(self._model.template.stop if self._request.template else ()))

    def _count_token(self) -> None:
        self._generated += 1
        self._clock.last_token = time.monotonic()
        if self._generated == 1:
            self._clock.first_token = self._clock.last_token

    def _say(self, text: str, *token_ids: int, records: tuple[TokenRecord, ...] = ()) -> None:
        self._said += token_ids
        self._tell(Tokens.model_construct(id=self._request.id, text=text, token_ids=token_ids, records=records))
        if text and not self._clock.first_text:
            self._clock.first_text = time.monotonic()

    def _finished(self, reason: StopReason) -> Finished:
        return Finished(
            id=self._request.id,
            stop_reason=reason,
            prompt_tokens=self._reused + self._evaluated,
            reused_tokens=self._reused,
            evaluated_tokens=self._evaluated,
            generated_tokens=self._generated,
            segments=tuple(self._segments),
            memory=self._memory,
            timings=self._clock.timings(self._generated),
            cache=self._cache_use,
        )
