"""One engine process, and those who wait for its answers.

Events are sorted into the queues of those who wait for them as the bytes arrive, with no task of their own. A
process that hangs is ended; one that was asked to stop a reply is not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from chatapp.engine.frames import FrameError, Piece, Unpacker, pack
from chatapp.engine.model import ModelInfo
from chatapp.engine.process import Child
from chatapp.engine.protocol import (
    EVENT,
    Cancel,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateMany,
    Load,
    Loaded,
    Loading,
    Ping,
    Pulse,
)
from chatapp.engine.watchdog import TICK_SECONDS, Watchdog, held_by_system

_log = logging.getLogger(__name__)
STOP_SECONDS = 0.15
"""How long a reply that was asked to stop is waited for; then it has ended without the engine's report."""
CANCEL_SECONDS = 5.0
"""How long the engine may take to stop a reply before it is killed."""
MAX_BACKLOG = 100_000
"""Events that may wait to be read; more means that the engine talks without being asked."""
LOAD = 0
"""The id under which a load is waited for; those of requests start at 1."""


class EngineError(Exception):
    """The engine lives, but could not do what was asked; the message is a sentence for people."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class EngineDied(Exception):  # noqa: N818 - it names what happened
    """The engine's process has ended; the message is a sentence for people, `detail` its last printed lines."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class Unanswered(Exception):  # noqa: N818 - it names what happened
    """A reply was asked to stop, and the engine has not said that it did: it is slow, or it hangs."""


class Link:
    """One child. `died` is called when it ends, after those who wait for it were told."""

    def __init__(self, died: Callable[[Link, EngineDied], None]) -> None:
        self.child: Child
        self._tell_death = died
        self._death: EngineDied | None = None
        self._unpacker = Unpacker()
        self._waiting: dict[int, asyncio.Queue[Event | Piece | Exception]] = {}
        self._unfinished: dict[int, list[asyncio.TimerHandle]] = {}
        """Generations that have not ended, with what happens in time to those that were asked to stop."""
        self._stopping = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._watchdog = Watchdog(lambda: held_by_system(self.child.pid))
        self._next_tick: asyncio.TimerHandle

    @classmethod
    async def start(
        cls, command: Sequence[str] | None, log: Path | None, died: Callable[[Link, EngineDied], None]
    ) -> Link:
        """Start a process.

        Raises:
            EngineDied: when the system refuses.
        """
        link = cls(died)
        try:
            link.child = await Child.start(link._heard, link._ended, command=command, log=log)
        except OSError as error:
            raise EngineDied(f"The engine could not be started ({error.strerror}).") from error
        _log.info("engine %d: started", link.child.pid)
        link._next_tick = asyncio.get_running_loop().call_later(TICK_SECONDS, link._tick)
        return link

    def send(self, message: BaseModel) -> None:
        """Send a request; never waits."""
        self.child.send(pack(message))

    async def load(self, request: Load, progress: Callable[[Loading], None] | None) -> ModelInfo:
        """Load the model of this process.

        Raises:
            EngineError: when the model cannot be loaded.
            EngineDied: when loading it killed the process.
        """
        began, steps = time.monotonic(), dict[str, float]()
        with self.answers_to(LOAD) as answers:
            self.send(request)
            while isinstance(event := await self.next(answers), Loading):
                steps.setdefault(event.step, time.monotonic() - began)
                if progress is not None:
                    progress(event)
        if not isinstance(event, Loaded):
            raise self.nonsense(event)
        came = ", ".join(f"{step} at {at:.1f} s" for step, at in steps.items())
        _log.info("engine %d: ready after %.1f s (%s)", self.child.pid, time.monotonic() - began, came)
        return event.info

    # Generations --------------------------------------------------------------------------------------------

    def begin(self, request: Generate | GenerateMany) -> None:
        """Ask for a generation, which is unfinished from now on."""
        self._unfinished[request.id] = []
        self.send(request)

    def cancel(self, number: int) -> None:
        """Ask for the end of an unfinished generation; kill the child when it does not come."""
        if self._unfinished.get(number) != []:
            return
        self.send(Cancel(id=number))
        self._stopping += 1
        self._at_rest.clear()
        verdict = f"The engine did not stop within {CANCEL_SECONDS:g} seconds and was ended."
        loop = asyncio.get_running_loop()
        self._unfinished[number] = [
            loop.call_later(STOP_SECONDS, self._put, number, Unanswered()),
            loop.call_later(CANCEL_SECONDS, self.child.kill, verdict),
        ]

    async def rest(self) -> None:
        """Wait until what was asked to stop has stopped, or has died of it."""
        await self._at_rest.wait()

    def _finished(self, number: int) -> None:
        if timers := self._unfinished.pop(number, []):
            for timer in timers:
                timer.cancel()
            self._stopping -= 1
            if not self._stopping:
                self._at_rest.set()

    # Answers ------------------------------------------------------------------------------------------------

    @contextmanager
    def answers_to(self, number: int) -> Iterator[asyncio.Queue[Event | Piece | Exception]]:
        """The queue that gets the events of a request; afterwards they are dropped."""
        self.check()
        queue = self._waiting[number] = asyncio.Queue()
        try:
            yield queue
        finally:
            del self._waiting[number]

    async def next(self, queue: asyncio.Queue[Event | Piece | Exception]) -> Event | Piece:
        """The next event.

        Raises:
            EngineError: when it is a failure.
            EngineDied: when there will be none.
            Unanswered: when it would be the end of a reply that was asked to stop, and does not come.
        """
        event = await queue.get()
        if isinstance(event, Exception):
            raise event
        if isinstance(event, Failed):
            raise EngineError(event.message, event.reason)
        return event

    def check(self) -> None:
        """Raise the death of the child, if it has died."""
        if self._death is not None:
            raise EngineDied(str(self._death), self._death.detail)

    def nonsense(self, event: Event | Piece) -> EngineDied:
        """End a child that answers what was not asked."""
        verdict = f"The engine gave an answer out of place (‘{event.kind}’) and was ended."
        self.child.kill(verdict)
        return EngineDied(verdict)

    def _put(self, number: int, event: Event | Piece | Exception) -> None:
        if (queue := self._waiting.get(number)) is not None:
            queue.put_nowait(event)
            if queue.qsize() > MAX_BACKLOG:
                self.child.kill("The engine talked without end and was ended.")

    # What the child does ------------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        self._watchdog.heard()
        try:
            for body in self._unpacker.feed(data):
                if isinstance(body, Piece):
                    self._put(body.id, body)
                else:
                    self._deliver(EVENT.validate_json(body))
        except (FrameError, ValidationError):
            # What it said is not kept: it may be anything, also a person's text.
            self.child.kill("The engine said something that is not a message and was ended.")

    def _deliver(self, event: Event) -> None:
        if isinstance(event, Pulse):
            self._watchdog.felt(event)
            return
        number: int | None = getattr(event, "id", None)
        if isinstance(event, Failed) and number is None and LOAD not in self._waiting:
            self.child.kill(event.message)  # it failed at nothing in particular: it is not to be relied on
            return
        if isinstance(event, Finished | Failed) and number is not None and not getattr(event, "going", 0):
            self._finished(number)
        self._put(number or LOAD, event)

    def _tick(self) -> None:
        if verdict := self._watchdog.tick():
            self.child.kill(verdict)
            return
        self.send(Ping())
        self._next_tick = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _ended(self, message: str, detail: str) -> None:
        _log.info("engine %d: ended. %s", self.child.pid, message)
        self._death = EngineDied(message, detail)
        self._next_tick.cancel()
        for number in list(self._unfinished):
            self._finished(number)
        for number in self._waiting:
            self._put(number, EngineDied(message, detail))
        self._tell_death(self, self._death)
