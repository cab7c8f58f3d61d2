"""One reply, from the turns to how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.engine.protocol import Finished, Generate, Prefill, Tokens
from chatapp.engine.worker.cache import Aborted, NoRoomError
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.control import Control
from chatapp.engine.worker.model import Model
from chatapp.engine.worker.reading import Reading
from chatapp.engine.worker.record import Recorder
from chatapp.engine.worker.sampler import Said, Sampler
from chatapp.engine.worker.stream import TextStream

Tell = Callable[[Prefill | Tokens], None]


@dataclass
class Clock:
    """Of one reply: when things happened, in seconds of the monotonic clock; 0 for what did not."""

    asked: float
    started: float = field(default_factory=time.monotonic)
    read: float = 0.0
    first_text: float = 0.0
    first_token: float = 0.0
    last_token: float = 0.0

    def count(self, generated: int) -> None:
        """A token was drawn; so many there are."""
        self.last_token = time.monotonic()
        if generated == 1:
            self.first_token = self.last_token

    def timings(self, generated: int) -> Timings:
        """What the reply of so many tokens took."""
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
        """Make the prompt.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            PromptTooLongError: when the prompt leaves no room for a reply.
        """
        self._model = model
        self._request = request
        self._control = control
        self._tell = tell
        self._clock = Clock(asked)
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
        self._in_force: tuple[Segment, ...] = ()
        """Settings that the next token is the first one of, if there are any."""
        self._recorder = Recorder(model.vocabulary, request.record) if request.record else None
        self._text = TextStream(self._stops())
        self._reading = Reading(model, request, tell, between)
        self._text.go_on_from(self._reading.begun)
        self._said = self._reading.prompt.copy()
        """The prompt and the reply so far."""
        self._generated = 0

    def run(self) -> Finished:
        """Generate the reply."""
        try:
            self._reading.run()
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
        return Said(self._said, len(self._reading.prompt) - self._reading.drawn)

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
            self._reading.pause()
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
        self._in_force = (segment,)
        if text := self._text.stops.replace(self._stops()):
            self._say(text)
        return True

    def _stops(self) -> tuple[str, ...]:
        return (*self._settings.stop, *(self._model.template.stop if self._request.template else ()))

    def _count_token(self) -> None:
        self._generated += 1
        self._clock.count(self._generated)

    def _say(self, text: str, *token_ids: int, records: tuple[TokenRecord, ...] = ()) -> None:
        self._said += token_ids
        segments, self._in_force = self._in_force if token_ids else (), ()
        self._tell(
            Tokens.model_construct(
                id=self._request.id, text=text, token_ids=token_ids, records=records, segments=segments
            )
        )
        if text and not self._clock.first_text:
            self._clock.first_text = time.monotonic()

    def _finished(self, reason: StopReason) -> Finished:
        reading = self._reading
        self._clock.read = reading.done_at
        return Finished(
            id=self._request.id,
            stop_reason=reason,
            prompt_tokens=reading.reused + reading.evaluated,
            reused_tokens=reading.reused,
            evaluated_tokens=reading.evaluated,
            generated_tokens=self._generated,
            segments=tuple(self._segments),
            memory=self._memory,
            timings=self._clock.timings(self._generated),
            cache=reading.use,
        )
