"""The app's side of the engine: load a model, ask for a reply, stop it, and start again after a crash.

Nothing here waits on the child but by asyncio: requests are written by the event loop, events are sorted into the
queues of those who wait for them as the bytes arrive, with no task of their own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.frames import FrameError, Unpacker, pack
from chatapp.engine.process import Child
from chatapp.engine.protocol import (
    EVENT,
    Cancel,
    Count,
    Counted,
    Event,
    Failed,
    Finished,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    Loading,
    ModelInfo,
    ModelOptions,
    Plan,
    Planned,
    Prefill,
    Retune,
    Tokens,
)

CANCEL_SECONDS = 5.0
"""How long the engine may take to stop a reply before it is killed."""
CLOSE_SECONDS = 1.0
"""How long it may take to leave by itself."""
MAX_BACKLOG = 100_000
"""Events that may wait to be read; more means that the engine talks without being asked."""
A = TypeVar("A", Counted, Planned, Inspected)
_LOAD = 0
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


class Engine:
    """An engine with at most one model loaded, in a process of its own.

    One reply is generated at a time: a second `generate` waits for its turn. A process that died is not started
    again by itself: `ensure` does that.
    """

    def __init__(self, log: Path | None = None, command: Sequence[str] | None = None) -> None:
        """An engine that is not started yet.

        Args:
            log: The file for what llama.cpp prints.
            command: The worker's command line, where it is not this Python's own.
        """
        self.info: ModelInfo | None = None
        """The model that was loaded last; it stays after a crash."""
        self.options: ModelOptions | None = None
        self._log = log
        self._command = command
        self._link: _Link | None = None
        self._ids = itertools.count(_LOAD + 1)
        self._running: int | None = None
        self._one_load = asyncio.Lock()
        self._one_reply = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether a model is loaded and its process runs."""
        return self._link is not None and self._link.child.alive and self.info is not None

    @property
    def pid(self) -> int | None:
        """The process id of the engine, while it runs."""
        return self._link.child.pid if self._link is not None and self._link.child.alive else None

    async def load(self, options: ModelOptions, progress: Callable[[Loading], None] | None = None) -> ModelInfo:
        """Load a model in a new process; one that runs is ended first. Being cancelled kills the new one.

        Raises:
            EngineError: when the model cannot be loaded.
            EngineDied: when loading it killed the process.
        """
        async with self._one_load:
            return await self._load(options, progress)

    async def ensure(self, options: ModelOptions, progress: Callable[[Loading], None] | None = None) -> ModelInfo:
        """Load a model unless it is loaded already, with these options, by a process that lives.

        Raises:
            EngineError: when the model cannot be loaded.
            EngineDied: when loading it killed the process.
        """
        async with self._one_load:
            if self.alive and self.info is not None and self.options == options:
                return self.info
            return await self._load(options, progress)

    async def _load(self, options: ModelOptions, progress: Callable[[Loading], None] | None) -> ModelInfo:
        await self._end("Another model was loaded.")
        link = self._link = await _Link.start(self._command, self._log)
        try:
            info = await link.load(options, progress)
        except BaseException:
            link.child.kill("The model was not loaded.")
            await link.child.gone()
            raise
        self.info, self.options = info, options
        return info

    async def generate(
        self,
        turns: Sequence[Turn],
        settings: SamplingSettings,
        seed: int,
        *,
        template: bool = True,
        open_last: bool = False,
        first_index: int = 0,
    ) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        """Generate a reply: progress through the prompt, text as it comes, and at last how it ended.

        Whoever stops iterating, or is cancelled, stops the generation too. For the arguments see `Generate`.

        Raises:
            EngineError: when the prompt cannot be answered.
            EngineDied: when the process has ended.
        """
        async with self._one_reply:
            link = self._living()
            request = Generate(
                id=next(self._ids),
                turns=tuple(turns),
                template=template,
                open_last=open_last,
                first_index=first_index,
                settings=settings,
                seed=seed,
            )
            with link.answers_to(request.id) as answers:
                self._running = request.id
                try:
                    link.begin(request)
                    while isinstance(event := await link.next(answers), Prefill | Tokens):
                        yield event
                    if not isinstance(event, Finished):
                        raise link.nonsense(event)
                finally:
                    self._running = None
                    link.cancel(request.id)
        yield event

    def cancel(self) -> None:
        """Ask the running reply to stop, without waiting: it then ends with a Finished that says `cancelled`."""
        if self._link is not None and self._running is not None:
            self._link.cancel(self._running)

    def retune(self, settings: SamplingSettings) -> None:
        """Let the running reply go on with other settings from its next token on."""
        if self._link is not None and self._running is not None:
            self._link.send(Retune(id=self._running, settings=settings))

    async def count(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> int:
        """Count the tokens that a prompt would take; also while a reply is running.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        request = Count(id=next(self._ids), turns=tuple(turns), template=template, open_last=open_last)
        return (await self._question(request, Counted)).tokens

    async def plan(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> Planned:
        """Count the tokens of a prompt by its turns; also while a reply is running.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        number = next(self._ids)
        request = Plan(id=number, turns=tuple(turns), template=template, open_last=open_last)
        return await self._question(request, Planned)

    async def inspect(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> Inspected:
        """A prompt token by token; also while a reply is running.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        number = next(self._ids)
        request = Inspect(id=number, turns=tuple(turns), template=template, open_last=open_last)
        return await self._question(request, Inspected)

    async def _question(self, request: Count | Plan | Inspect, answer: type[A]) -> A:
        link = self._living()
        with link.answers_to(request.id) as answers:
            link.send(request)
            event = await link.next(answers)
        if not isinstance(event, answer):
            raise link.nonsense(event)
        return event

    async def close(self) -> None:
        """End the process: politely, then by force."""
        await self._end("The engine was closed.")

    async def _end(self, verdict: str) -> None:
        link, self._link = self._link, None
        self.info = self.options = None
        if link is not None:
            await link.child.end(verdict, CLOSE_SECONDS)

    def _living(self) -> _Link:
        if self._link is None:
            raise EngineDied("The engine is not running.")
        self._link.check()
        return self._link


class _Link:
    """One child, and those who wait for its answers."""

    def __init__(self) -> None:
        self.child: Child
        self._died: tuple[str, str] | None = None
        self._unpacker = Unpacker()
        self._waiting: dict[int, asyncio.Queue[Event | None]] = {}
        self._unfinished: dict[int, asyncio.TimerHandle | None] = {}

    @classmethod
    async def start(cls, command: Sequence[str] | None, log: Path | None) -> _Link:
        link = cls()
        try:
            link.child = await Child.start(link._heard, link._ended, command=command, log=log)
        except OSError as error:
            raise EngineDied(f"The engine could not be started ({error.strerror}).") from error
        return link

    def send(self, message: BaseModel) -> None:
        self.child.send(pack(message))

    async def load(self, options: ModelOptions, progress: Callable[[Loading], None] | None) -> ModelInfo:
        with self.answers_to(_LOAD) as answers:
            self.send(Load(options=options))
            while isinstance(event := await self.next(answers), Loading):
                if progress is not None:
                    progress(event)
        if not isinstance(event, Loaded):
            raise self.nonsense(event)
        return event.info

    def begin(self, request: Generate) -> None:
        """Ask for a generation, which is unfinished from now on."""
        self._unfinished[request.id] = None
        self.send(request)

    def cancel(self, number: int) -> None:
        """Ask for the end of an unfinished generation; kill the child when it does not come."""
        if number not in self._unfinished or self._unfinished[number] is not None:
            return
        self.send(Cancel(id=number))
        verdict = f"The engine did not stop within {CANCEL_SECONDS:g} seconds and was ended."
        loop = asyncio.get_running_loop()
        self._unfinished[number] = loop.call_later(CANCEL_SECONDS, self.child.kill, verdict)

    def _finished(self, number: int) -> None:
        if (deadline := self._unfinished.pop(number, None)) is not None:
            deadline.cancel()

    @contextmanager
    def answers_to(self, number: int) -> Iterator[asyncio.Queue[Event | None]]:
        """The queue that gets the events of a request; afterwards they are dropped."""
        self.check()
        queue = self._waiting[number] = asyncio.Queue()
        try:
            yield queue
        finally:
            del self._waiting[number]

    async def next(self, queue: asyncio.Queue[Event | None]) -> Event:
        """The next event; a failure or a death is raised."""
        event = await queue.get()
        if event is None:
            self.check()
        if isinstance(event, Failed):
            raise EngineError(event.message, event.reason)
        assert event is not None  # noqa: S101 - None is put only when the child has died; for mypy
        return event

    def check(self) -> None:
        """Raise the death of the child, if it has died."""
        if self._died is not None:
            raise EngineDied(*self._died)

    def nonsense(self, event: Event) -> EngineDied:
        """End a child that answers what was not asked."""
        verdict = f"The engine gave an answer out of place (‘{event.kind}’) and was ended."
        self.child.kill(verdict)
        return EngineDied(verdict)

    def _heard(self, data: bytes) -> None:
        try:
            for body in self._unpacker.feed(data):
                self._deliver(EVENT.validate_json(body))
        except (FrameError, ValidationError):
            # What it said is not kept: it may be anything, also a person's text.
            self.child.kill("The engine said something that is not a message and was ended.")

    def _deliver(self, event: Event) -> None:
        number: int | None = getattr(event, "id", None)
        if isinstance(event, Failed) and number is None and _LOAD not in self._waiting:
            self.child.kill(event.message)  # it failed at nothing in particular: it is not to be relied on
            return
        if isinstance(event, Finished | Failed) and number is not None:
            self._finished(number)
        if (queue := self._waiting.get(number or _LOAD)) is not None:
            queue.put_nowait(event)
            if queue.qsize() > MAX_BACKLOG:
                self.child.kill("The engine talked without end and was ended.")

    def _ended(self, message: str, detail: str) -> None:
        self._died = (message, detail)
        for number in list(self._unfinished):
            self._finished(number)
        for queue in self._waiting.values():
            queue.put_nowait(None)
