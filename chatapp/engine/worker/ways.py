"""Several replies to one prompt at the same time: the prompt is read once, each step evaluates a token of each.

The first token of each is drawn from the logits that a single reply would begin with. From the second on they run
in a context of their own (`shared.py`), as one batch that gets narrower as replies end.
"""

from __future__ import annotations

from collections.abc import Callable

from chatapp.conversation.message import StopReason
from chatapp.engine.protocol import Finished, GenerateMany, Prefill, Tokens
from chatapp.engine.worker.cache import Aborted, NoRoomError
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.control import Control
from chatapp.engine.worker.model import Model
from chatapp.engine.worker.reading import Reading
from chatapp.engine.worker.shared import SharedContext, room_for
from chatapp.engine.worker.way import Way


class Ways:
    """Runs one GenerateMany request that came at the time `asked`.

    `tell` gets its events; `between` is called after each step and each batch of the prompt.
    """

    def __init__(
        self,
        model: Model,
        request: GenerateMany,
        control: Control,
        *,
        tell: Callable[[Prefill | Tokens | Finished], None],
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
        self._asked = asked
        self._reading = Reading(model, request, tell, between)
        self._going: list[Way] = []
        self._last: Finished

    def run(self) -> Finished:
        """Generate the replies; each end is told but the last one's, which is returned.

        Raises:
            NoMemoryError: when memory is short for so many.
        """
        wanted = self._request.ways
        rooms = room_for(self._model, len(self._reading.prompt), [way.settings.max_tokens for way in wanted])
        ways: list[Way] = []
        try:
            for number, room in enumerate(rooms):
                ways.append(self._way(number, room))
            self._going = ways.copy()
            try:
                self._reading.run()
                self._write(len(self._reading.prompt) + sum(rooms))
            except Aborted:
                self._end_all(StopReason.CANCELLED)
            except NoRoomError:
                self._end_all(StopReason.CONTEXT_FULL)
        finally:
            for way in ways:
                way.close()
        return self._last

    def _way(self, number: int, room: int) -> Way:
        return Way(
            number, self._model, self._request, self._reading, room=room, tell=self._tell, asked=self._asked
        )

    def _write(self, cells: int) -> None:
        first = logits_at(self._model.cache.logits(), self._model.vocabulary.size)
        for way in self._going.copy():
            if (reason := way.draw(first)) is not None:
                self._end(way, reason)
        if self._going:
            shared = SharedContext(self._model, len(self._request.ways), cells)
            try:
                while self._going:
                    self._step(shared)
            finally:
                shared.close()

    def _step(self, shared: SharedContext) -> None:
        self._reading.pause()
        for way in self._going.copy():
            if self._control.is_cancelled(self._request.id, way.number):
                self._end(way, StopReason.CANCELLED)
        together = self._going.copy()
        tips = [way.tip for way in together]
        rows = shared.step(tips) if tips else []
        for way, (_, position, _), logits in zip(together, tips, rows, strict=True):
            if (reason := way.draw(logits)) is not None:
                self._keep(way, position, shared)
                self._end(way, reason)

    def _keep(self, way: Way, position: int, shared: SharedContext) -> None:
        """Let a reply's KV state wait, where it takes no other's place: one of them is gone on with.

        Not in reproducible mode: a token that was evaluated with others has other last bits than one alone.
        """
        states = self._model.cache.states
        state = shared.take(way.number, way.up_to(position), len(self._reading.prompt))
        if state is None or self._model.options.reproducible:
            return
        if states.size + len(state.data) <= states.limit:
            states.add(state)

    def _end(self, way: Way, reason: StopReason) -> None:
        self._going.remove(way)
        finished = way.end(reason, len(self._going))
        if self._going:
            self._tell(finished)
        else:
            self._last = finished

    def _end_all(self, reason: StopReason) -> None:
        for way in self._going.copy():
            self._end(way, reason)
