"""Keeps a model loaded: loads another beside it, lets that be called off, and starts again after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from chatapp.conversation.message import Message
from chatapp.engine.catalog import ModelFile
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.embedded import verify
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Loading
from chatapp.engine.restarts import LIMIT, WINDOW_SECONDS, Restarts
from chatapp.home import Home
from chatapp.loading import LoadPlan, learn_from_load, learn_from_reply, plan_load

DAMAGED = "The embedded model is damaged: its hash is wrong. Install it again."
CALLED_OFF = "Loading was stopped."


@dataclass
class ModelState:
    """The model on the desk: how far its load is, or why there is none."""

    file: ModelFile | None = None
    step: str = ""
    share: float = 0.0
    ready: bool = False
    problem: str = ""
    short: str = ""
    """The problem in a few words, for the status line."""
    instead: ModelFile | None = None
    """Where the one that was named is not there: one that is."""
    died: bool = False
    """Whether there was one, whose engine died too often."""


class Desk(Protocol):
    """What the loader asks of the desk."""

    async def make_room(self) -> None:
        """Let the running reply come to its end."""

    async def use(self, file: ModelFile) -> None:
        """Answer with this model from now on."""

    def tell_trouble(self, sentence: str) -> None:
        """Say what could not be done."""


class Loader:
    """Loads models into the engine. `changed` is called when `state` has changed."""

    def __init__(self, engine: Engine, home: Home, desk: Desk, changed: Callable[[], None]) -> None:
        self.state = ModelState()
        self._engine = engine
        self._home = home
        self._desk = desk
        self._changed = changed
        self._before: ModelFile | None = None
        """The model that goes on when the present load comes to nothing."""
        self._plans: dict[ModelFile, LoadPlan] = {}
        self._restarts = Restarts()
        self._task: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        engine.on_death = self._died

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded."""
        return self._task is not None and not self._task.done()

    def load(self, file: ModelFile) -> None:
        """Load a model; it takes the place of the present one when it is ready."""
        self._restarts.forgive()
        if self.state.ready:
            self._before = self.state.file
        self._begin(file)

    def again(self) -> bool:
        """Load the model that there is a problem with once more, or the one that is there; whether it can be."""
        file = self.state.file or self.state.instead
        if file is None or not self.state.problem or self.loading:
            return False
        self.load(file)
        return True

    def call_off(self) -> bool:
        """Stop the load at once; whether there was one."""
        if self._task is None or self._task.done():
            return False
        self._task.cancel()
        self._task = asyncio.create_task(self._after(self._task, self._go_back(CALLED_OFF, told=False)))
        return True

    async def close(self) -> None:
        """Load no more."""
        self._engine.on_death = lambda _death: None
        if self._learning is not None:
            await self._learning
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def report(self, event: Loading, step: str = "") -> None:
        """A load has come so far."""
        self.state.step, self.state.share = step or event.step, event.share
        self._changed()

    def options(self, file: ModelFile) -> ModelOptions:
        """How a model is loaded here: as it was planned when it was loaded last, whatever memory is left now."""
        return self._plan(file).options

    def learn(self, reply: Message) -> None:
        """Remember how fast the present model wrote a reply."""
        file, info = self.state.file, self._engine.info
        if file is not None and info is not None:
            self._learning = asyncio.create_task(
                asyncio.to_thread(learn_from_reply, self._home, file, reply, info.n_threads)
            )

    def _plan(self, file: ModelFile) -> LoadPlan:
        if file not in self._plans:
            self._plans[file] = plan_load(self._home, file, freed=self.to_be_freed())
        return self._plans[file]

    def to_be_freed(self) -> int:
        """What the present model holds of memory, mapped weights apart: those count as free already."""
        info = self._engine.info if self._engine.alive else None
        return info.memory.cache + info.memory.compute if info else 0

    def _begin(self, file: ModelFile, *, restarting: bool = False) -> None:
        self._plans.pop(file, None)  # memory may be another now
        self.state = ModelState(file)
        self._changed()
        before, loading = self._task, self._load(file, restarting=restarting)
        if before is not None and not before.done():
            before.cancel()
            loading = self._after(before, loading)
        self._task = asyncio.create_task(loading)

    async def _after(self, before: asyncio.Task[None], then: Awaitable[None]) -> None:
        await asyncio.wait([before])  # its process is gone then
        await then

    async def _load(self, file: ModelFile, *, restarting: bool = False) -> None:
        try:
            await self._desk.make_room()
            if not await self._sound(file):
                await self._go_back(DAMAGED)
                return
            await self._say_if_short(file)
            plan = self._plan(file)
            if plan.note and not restarting:
                self._desk.tell_trouble(plan.note)
            info = await self._engine.load(plan.options, self.report)
        except EngineDied as death:
            if not restarting:
                await self._go_back(str(death))
            elif self._restarts.allow():
                await self._load(file, restarting=True)
            else:
                self._give_up(file, death)
            return
        except EngineError as error:
            await self._go_back(str(error))
            return
        self._before = None
        await asyncio.to_thread(learn_from_load, self._home, file, plan.options, info)
        if info.note:
            self._desk.tell_trouble(info.note)
        if info.template != "own":
            self._desk.tell_trouble(info.template_note)
        await self._ready(file)

    async def _say_if_short(self, file: ModelFile) -> None:
        if self._before is not None and not await self._engine.room_beside(self.options(file)):
            self._desk.tell_trouble(f"Memory is short for two models: {self._before.name} is closed first.")

    async def _ready(self, file: ModelFile) -> None:
        self.state = ModelState(file, share=1.0, ready=True)
        await self._desk.use(file)
        self._changed()

    async def _go_back(self, problem: str, *, told: bool = True) -> None:
        """To the model before, if its engine still lives; else say that there is none."""
        before, self._before = self._before, None
        stays = before if before is not None and self._engine.alive else None
        if told:
            self._desk.tell_trouble(f"{problem} {stays.name} stays." if stays else problem)
        if stays is not None:
            await self._ready(stays)
        else:
            self.state.problem, self.state.short = problem, "not loaded" if told else "loading was stopped"
            self._changed()

    async def _sound(self, file: ModelFile) -> bool:
        if file.source != "comes with chatapp":
            return True
        self.report(Loading(step="mapping", share=0.0), "verifying")
        return await asyncio.to_thread(verify, file.path, self._home.paths.state)

    def _died(self, death: EngineDied) -> None:
        """The engine of the present model has ended by itself: start another, unless it has too often."""
        file = self.state.file
        if self.loading or file is None:
            return
        if self._restarts.allow():
            self._begin(file, restarting=True)
        else:
            self._give_up(file, death)

    def _give_up(self, file: ModelFile, death: EngineDied) -> None:
        times = f"{LIMIT + 1} times in {WINDOW_SECONDS / 60:.0f} minutes"
        self.state = ModelState(file, problem=f"The engine has stopped {times}. {death}", short=times, died=True)
        self._changed()
