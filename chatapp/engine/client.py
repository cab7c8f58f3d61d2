"""The app's side of the engine: load a model, ask for a reply, stop it, and start again after a crash.

Nothing here waits on the child but by asyncio: requests are written by the event loop, answers come by `link`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from chatapp.conversation.decision import Memory
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.asking import Asker
from chatapp.engine.fit import fit
from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import read_header
from chatapp.engine.link import EngineDied, EngineError, Link, Unanswered
from chatapp.engine.look import Look
from chatapp.engine.machine import available_memory
from chatapp.engine.model import ModelInfo, ModelOptions
from chatapp.engine.process import TEMPLATE_HUNG
from chatapp.engine.prompts import Prompts
from chatapp.engine.protocol import (
    CancelWay,
    Finished,
    Generate,
    GenerateMany,
    Load,
    Loading,
    Prefill,
    Retune,
    Tokens,
    Way,
)
from chatapp.engine.states import States
from chatapp.engine.trial import Trials

__all__ = ["Engine", "EngineDied", "EngineError"]

CLOSE_SECONDS = 1.0
"""How long the engine may take to leave by itself."""
REPLACED = "Another model was loaded."


class Engine:
    """An engine with at most one model loaded, in a process of its own.

    One reply is generated at a time: a second `generate` waits for its turn. A process that died is not started
    again by itself: `on_death` tells of it, and `ensure` starts another.
    """

    def __init__(
        self, log: Path | None = None, command: Sequence[str] | None = None, *, verdicts: Path | None = None
    ) -> None:
        """An engine that is not started yet.

        Args:
            log: The file for what llama.cpp prints.
            command: The worker's command line, where it is not this Python's own.
            verdicts: The file that remembers which chat templates were tried, and how that went.
        """
        self.info: ModelInfo | None = None
        """The model that was loaded last; it stays after a crash."""
        self.tenant: object | None = None
        """Whose prompt was the last; told by those who ask."""
        self.options: ModelOptions | None = None
        self._log = log
        self._command = command
        self.on_death: Callable[[EngineDied], None] = lambda _death: None
        """Told when the process of a loaded model ended without being asked to."""
        self._link: Link | None = None
        self._coming: Link | None = None
        """The process that a model is being loaded by."""
        self._trials = Trials(verdicts)
        self._running: int | None = None
        self._asker = Asker(self._living)
        self.prompts = Prompts(self._asker)
        """Questions about prompts."""
        self.look = Look(self._asker)
        """Questions about how the model decides."""
        self.states = States(self._asker)
        """KV states, which are kept for another time."""
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
        """Load a model in a new process, which takes the place of the present one once that has succeeded.

        Where memory is short for both (see `room_beside`), the present one is ended first.

        Being cancelled kills the new process, and leaves the present one as it is.

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
            if self._link is not None:
                await self._link.rest()  # one that hangs is better left before it is asked again
            if self.alive and self.info is not None and self.options == options:
                return self.info
            return await self._load(options, progress)

    async def _load(self, options: ModelOptions, progress: Callable[[Loading], None] | None) -> ModelInfo:
        if not await self.room_beside(options):
            await self._end_present()
        link = self._coming = await Link.start(self._command, self._log, self._died)
        try:
            problem = await self._trials.verdict(Path(options.path))  # while the process starts
            info = await link.load(Load(options=options, template_problem=problem), progress)
        except BaseException:
            link.child.kill("The model was not loaded.")
            await link.child.gone()
            raise
        finally:
            self._coming = None
        before, self._link, self.info, self.options = self._link, link, info, options
        if before is not None:
            await before.child.end(REPLACED, CLOSE_SECONDS)
        return info

    async def _end_present(self) -> None:
        link, self._link = self._link, None
        self.info = self.options = None
        if link is not None:
            await link.child.end(REPLACED, CLOSE_SECONDS)

    async def room_beside(self, options: ModelOptions) -> bool:
        """Whether memory has room for a model beside the present one, as far as is known."""
        return not self.alive or await asyncio.to_thread(_fits, options)

    def _died(self, link: Link, death: EngineDied) -> None:
        if link is self._link:
            if TEMPLATE_HUNG in str(death) and self.options is not None:
                self._trials.condemn(Path(self.options.path))
            self.on_death(death)

    def generate(
        self,
        turns: Sequence[Turn],
        settings: SamplingSettings,
        seed: int,
        *,
        template: bool = True,
        open_last: bool = False,
        first_index: int = 0,
        memory: Memory | None = None,
        record: int = 0,
    ) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        """Generate a reply: progress through the prompt, text as it comes, and at last how it ended.

        Whoever stops iterating, or is cancelled, stops the generation too. After `cancel` the events end at once,
        without a Finished when the engine is too slow, or too stuck, to send one. For the arguments see
        `Generate`.

        Raises:
            EngineError: when the prompt cannot be answered.
            EngineDied: when the process has ended.
        """
        request = Generate(
            id=self._asker.number(),
            turns=tuple(turns),
            template=template,
            open_last=open_last,
            first_index=first_index,
            settings=settings,
            seed=seed,
            memory=memory or Memory(),
            record=record,
        )
        return self._run(request)

    def generate_many(
        self,
        turns: Sequence[Turn],
        ways: Sequence[Way],
        *,
        template: bool = True,
        open_last: bool = False,
        first_index: int = 0,
        record: int = 0,
    ) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        """Generate several replies to one prompt at the same time; for the rest see `generate`.

        Tokens and Finished carry the number of their way. `cancel` stops all of them, `cancel_way` one.

        Raises:
            EngineError: when the prompt cannot be answered, or memory is short for so many replies.
            EngineDied: when the process has ended.
        """
        request = GenerateMany(
            id=self._asker.number(),
            turns=tuple(turns),
            template=template,
            open_last=open_last,
            first_index=first_index,
            ways=tuple(ways),
            record=record,
        )
        return self._run(request)

    async def _run(self, request: Generate | GenerateMany) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        async with self._one_reply:
            link = self._living()
            with link.answers_to(request.id) as answers:
                self._running = request.id
                try:
                    link.begin(request)
                    while isinstance(event := await link.next(answers), Prefill | Tokens | Finished):
                        if isinstance(event, Finished) and not event.going:
                            break
                        yield event
                    else:
                        raise link.nonsense(event)
                except Unanswered:
                    return
                finally:
                    self._running = None
                    link.cancel(request.id)
        yield event

    def cancel(self) -> None:
        """Ask the running reply to stop, without waiting: it then ends, with a Finished that says `cancelled`."""
        if self._link is not None and self._running is not None:
            self._link.cancel(self._running)

    def cancel_way(self, way: int) -> None:
        """Ask one of the replies that run together to stop; it then ends with a Finished of its own."""
        if self._link is not None and self._running is not None:
            self._link.send(CancelWay(id=self._running, way=way))

    def retune(self, settings: SamplingSettings) -> None:
        """Let the running reply go on with other settings from its next token on."""
        if self._link is not None and self._running is not None:
            self._link.send(Retune(id=self._running, settings=settings))

    async def close(self) -> None:
        """End the process: politely, then by force."""
        links, self._link = [self._link, self._coming], None
        self.info = self.options = None
        for link in filter(None, links):
            await link.child.end("The engine was closed.", CLOSE_SECONDS)

    def _living(self) -> Link:
        if self._link is None:
            raise EngineDied("The engine is not running.")
        self._link.check()
        return self._link


def _fits(options: ModelOptions) -> bool:
    """Whether a model fits beside all that runs now; reads its header."""
    try:
        return fit(read_header(Path(options.path)), options, available_memory()).fits
    except NotAModel:
        return True  # it will not be loaded anyway
