"""One of several replies to the same prompt: its sampler, its text, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.message import Segment, StopReason
from chatapp.engine.protocol import Finished, GenerateMany, Tokens
from chatapp.engine.worker.generate import Clock
from chatapp.engine.worker.model import Model
from chatapp.engine.worker.reading import Reading
from chatapp.engine.worker.record import Recorder
from chatapp.engine.worker.sampler import Said, Sampler
from chatapp.engine.worker.stream import TextStream


class Way:
    """Draws one reply, token by token, from logits that others share a batch with. To be closed."""

    def __init__(
        self,
        number: int,
        model: Model,
        request: GenerateMany,
        reading: Reading,
        *,
        room: int,
        tell: Callable[[Tokens], None],
        asked: float,
    ) -> None:
        """A reply that has said nothing yet; it becomes `room` tokens long at most.

        Raises:
            ConstraintError: when its grammar or schema is none.
        """
        self.number = number
        self._model = model
        self._request = request
        self._reading = reading
        self._room = room
        self._tell = tell
        self._clock = Clock(asked)
        wanted = request.ways[number]
        self._settings, self._seed = wanted.settings, wanted.seed
        self._said = reading.prompt.copy()
        self._sampler = Sampler(
            model.vocabulary,
            wanted.settings,
            wanted.seed,
            Said(self._said, len(reading.prompt) - reading.drawn),
            context=model.cache.size,
        )
        self._recorder = Recorder(model.vocabulary, request.record) if request.record else None
        self._text = TextStream((*wanted.settings.stop, *(model.template.stop if request.template else ())))
        self._text.go_on_from(reading.begun)
        self._generated = 0

    @property
    def tip(self) -> tuple[int, int, int]:
        """The token to evaluate next, as (sequence, position, token)."""
        return self.number, len(self._said) - 1, self._said[-1]

    def up_to(self, position: int) -> list[int]:
        """The prompt and the reply up to the token at this position."""
        return self._said[: position + 1]

    def draw(self, logits: Any) -> StopReason | None:
        """Draw the next token; returns why the reply ends with it, if it does.

        Raises:
            NoCandidatesError: when everything is ruled out.
        """
        vocabulary = self._model.vocabulary
        token = self._sampler.draw(logits, self._request.first_index + self._generated, self._recorder)
        if vocabulary.ends_turn(token):
            return StopReason.END
        records = (self._recorder.record(token, self._sampler.left),) if self._recorder else ()
        self._sampler.accept(token)
        self._said.append(token)
        self._generated += 1
        self._clock.count(self._generated)
        self._say(self._text.feed(vocabulary.piece(token)), token, records=records)
        if self._text.stops.found:
            own = self._text.stops.found in self._model.template.stop
            return StopReason.END if own else StopReason.STOP_STRING
        if self._generated < self._room:
            return None
        return StopReason.CONTEXT_FULL if len(self._said) >= self._model.cache.size else StopReason.MAX_TOKENS

    def _say(self, text: str, *token_ids: int, records: tuple[TokenRecord, ...] = ()) -> None:
        said = Tokens.model_construct(
            id=self._request.id, text=text, token_ids=token_ids, records=records, way=self.number
        )
        self._tell(said)
        if text and not self._clock.first_text:
            self._clock.first_text = self._clock.last_token

    def end(self, reason: StopReason, going: int) -> Finished:
        """Say what was held back, and how it ended; `going` are the others that still go on."""
        if not self._text.stops.found and (rest := self._text.stops.flush()):
            self._say(rest)
        reading = self._reading
        self._clock.read = reading.done_at
        paid = self.number == 0  # the prompt was evaluated once, whoever is said to have done it
        return Finished(
            id=self._request.id,
            way=self.number,
            going=going,
            stop_reason=reason,
            prompt_tokens=reading.reused + reading.evaluated,
            reused_tokens=reading.reused + (0 if paid else reading.evaluated),
            evaluated_tokens=reading.evaluated if paid else 0,
            generated_tokens=self._generated,
            segments=(Segment(from_token=self._request.first_index, settings=self._settings, seed=self._seed),),
            memory=self._sampler.memory,
            timings=self._clock.timings(self._generated),
            cache=reading.use,
        )

    def close(self) -> None:
        """Free what llama.cpp holds."""
        self._sampler.close()
