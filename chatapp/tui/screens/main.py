"""The main screen: the sessions, the page, the sampling settings, and the keys that work anywhere."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from chatapp.calls import Proposal
from chatapp.chat import Chat
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.recording import Saving
from chatapp.store import Damaged, Foreign, StoreError
from chatapp.tui.assistant import LOOK_SECONDS, Assistant
from chatapp.tui.branching import open_branches, show_details, start_fork
from chatapp.tui.choosing import choose_model, choose_persona, load_named
from chatapp.tui.collector import collector_rests
from chatapp.tui.cutting import open_cut_view
from chatapp.tui.desk import Desk
from chatapp.tui.every_key import show_keys
from chatapp.tui.inspecting import inspect_prompt
from chatapp.tui.loader import ModelState
from chatapp.tui.many import open_many
from chatapp.tui.page_view import PageView
from chatapp.tui.palette import open_palette, open_search
from chatapp.tui.screens.sessions_screen import SessionsScreen
from chatapp.tui.start import Start
from chatapp.tui.tools import agrees
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.transcript import Transcript
from chatapp.turn import Began, Ended, TurnEvent

RECORDED = 10
"""Candidates of each token that are recorded while the sampling column shows them."""


class MainScreen(SessionsScreen):
    """Shows the chat in view in three columns, and hears from the desk what happens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", "everything, by name", id="app.palette"),
        Binding("ctrl+f", "find", "find", id="app.find"),
        Binding("f1", "keys", "every key", id="app.keys"),
        Binding("ctrl+n", "new", "new session", id="app.new"),
        Binding("ctrl+o", "models", "model", id="app.model"),
        Binding("ctrl+g", "personas", "persona", id="app.persona"),
        Binding("f4", "cut", "how the next token is decided", id="app.cut"),
        Binding("f6", "many", "several replies at once", id="app.many"),
        Binding("f7", "branches", "branches", id="app.branches"),
        Binding("f8", "inspect", "the prompt, token by token", id="app.prompt"),
        Binding("f9", "agenda", "agenda", id="app.agenda"),
    ]
    CSS_PATH: ClassVar[list[str]] = ["../styles/main.tcss", "../styles/composer.tcss"]  # type: ignore[assignment]

    def __init__(
        self, home: Home, wanted: Start, give_up: Callable[[str], None], recover: Callable[[StoreError], object]
    ) -> None:
        super().__init__(Desk(home, self), temporary=wanted.temporary)
        self.wanted = wanted
        self.furnished = asyncio.Event()
        """Set when there is a chat in view, and keys may come."""
        self.assistant = Assistant(self)
        self._give_up = give_up
        self._recover = recover

    def compose(self) -> ComposeResult:
        """The page; the columns beside it follow after the first frame."""
        with Horizontal(id="columns"):
            yield self.page

    def on_mount(self) -> None:
        """Paint first, furnish then."""
        self.call_after_refresh(self._furnish)

    @work(group="furnish")
    async def _furnish(self) -> None:
        with suppress(Refusal):  # load_named says it; here it is only for the persona's {{model}}
            self.desk.loader.state = ModelState(self.home.model(self.wanted.model))
        try:
            await self.desk.open(temporary=self.wanted.temporary, reading=self.wanted.reading)
            with collector_rests():
                await self._first_chat()
        except (Damaged, Foreign) as error:
            self._recover(error)
            return
        except (StoreError, Refusal) as error:
            self._give_up(str(error))
            return
        await self.mount_columns()
        await self.tuning.read_presets()
        self.show_chat()
        self.page.composer.focus()
        # What the app starts with stays: the collector need not walk it again and again, 100 ms each time.
        gc.freeze()
        self.furnished.set()
        load_named(self, self.wanted.model or self.chat.session.model)
        if self.home.problem:
            self.tell_trouble(self.home.problem)
        if self.desk.store.warning:
            self.tell_trouble(self.desk.store.warning)
        if not self.wanted.temporary:
            self.set_interval(LOOK_SECONDS, self._look_for_due)
            self._look_for_due()

    async def _first_chat(self) -> None:
        if self.wanted.session:
            await self.desk.show(self.wanted.session)
        elif self.wanted.continue_newest and (heads := await self.desk.store.sessions(limit=1)):
            await self.desk.show(heads[0].uid)
        else:
            await self.desk.begin(self.wanted.persona)

    async def leave(self) -> None:
        """Keep the draft and what was said, and end the engine."""
        try:
            if self.furnished.is_set():  # before that the composer does not hold the draft yet
                await self.page.save_draft(self.chat)
        finally:
            await self.desk.close()

    # The desk tells -----------------------------------------------------------------------------------------

    def hear_turn(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn."""
        if isinstance(event, Began):
            shown = self.page.reading is not None or any(panel.display for panel in self.columns(SamplingPanel))
            chat.record = RECORDED if shown else 0
        self.page.hear(chat, event)
        if isinstance(event, Began):
            self.show_sessions()
        elif isinstance(event, Ended):
            self.show_sampling()
        if chat is self.desk.chat:
            self.show_token(chat, event)

    def hear_saving(self, saving: Saving) -> None:
        """The disk refuses what is said, or takes it after all."""
        self.page.hear_saving(saving)

    def hear_model(self) -> None:
        """The model loads, is ready, or failed to load."""
        if self.desk.chat is not None:
            self.page.show_model()
            if self.desk.model.ready:
                self.show_sessions()

    def hear_waiting(self) -> None:
        """The queue has changed."""
        self.page.show_path()
        self.page.keep_draft()

    def hear_idle(self) -> None:
        """A turn is over and the model is free."""
        self.page.idle()
        self.show_sessions()

    def hear_others(self, chat: Chat | None) -> None:
        """Another window has written something; in this chat, if one is given."""
        if chat is not None and chat is self.desk.chat:
            self.page.hear_others()
        self.show_sessions()

    async def agrees(self, proposal: Proposal) -> bool:
        """The model would write something: the person is asked."""
        return await agrees(self, proposal)

    def hear_damage(self, error: StoreError) -> None:
        """The file that holds the chats was found to be damaged."""
        self._recover(error)

    # The assistant ------------------------------------------------------------------------------------------

    @work(group="look", exclusive=True)
    async def _look_for_due(self) -> None:
        await self.assistant.look_for_due()

    @on(PageView.Commanded)
    def _commanded(self, event: PageView.Commanded) -> None:
        self.assistant.run(event.name, event.text)

    def action_agenda(self) -> None:
        """What is due, on today, and coming."""
        self.assistant.open_agenda()

    # What the keys open, and begin --------------------------------------------------------------------------

    async def action_new(self) -> None:
        """Start a session with the persona of the settings."""
        await self.begin(None)

    def action_palette(self) -> None:
        """Everything, by name."""
        open_palette(self)

    def action_find(self) -> None:
        """Search everything."""
        open_search(self)

    def action_models(self) -> None:
        """Choose a model."""
        choose_model(self)

    def action_personas(self) -> None:
        """Choose a persona."""
        choose_persona(self)

    @on(Transcript.Many)
    def action_many(self) -> None:
        """Several replies at once."""
        open_many(self)

    @on(Transcript.Branches)
    def action_branches(self) -> None:
        """Every branch of the session."""
        open_branches(self)

    @on(Transcript.Fork)
    def _fork(self, event: Transcript.Fork) -> None:
        start_fork(self, event.key)

    @on(Transcript.Details)
    def _details(self, event: Transcript.Details) -> None:
        show_details(self, event.key)

    def action_cut(self) -> None:
        """How the next token is decided; standing on a message, how its tokens were."""
        open_cut_view(self, self.page.transcript.cursor)

    @on(Transcript.Cut)
    def _cut(self, event: Transcript.Cut) -> None:
        open_cut_view(self, event.key)

    @on(PageView.CutAt)
    def _cut_at(self, event: PageView.CutAt) -> None:
        open_cut_view(self, event.key, event.index, stepping=event.stepping)

    @on(Transcript.Inspect)
    def action_inspect(self) -> None:
        """The prompt as the model gets it."""
        inspect_prompt(self)

    def action_keys(self) -> None:
        """Every key."""
        show_keys(self)
