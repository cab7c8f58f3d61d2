"""The main screen: the sessions, the page, the sampling settings, and the keys that work anywhere."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from chatapp.chat import Began, Chat, Ended, TurnEvent
from chatapp.conversation.context import ContextPlan
from chatapp.conversation.sampling import SettingName
from chatapp.engine.protocol import Tokens
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.recording import Saving
from chatapp.store import Damaged, Foreign, StoreError
from chatapp.tui.assistant import LOOK_SECONDS, Assistant
from chatapp.tui.branching import open_branches, show_details, start_fork
from chatapp.tui.choosing import (
    choose_model,
    choose_persona,
    inspect_prompt,
    load_named,
    open_palette,
    open_search,
    show_keys,
)
from chatapp.tui.collector import collector_rests
from chatapp.tui.cutting import open_cut_view
from chatapp.tui.desk import Desk
from chatapp.tui.loader import ModelState
from chatapp.tui.many import open_many
from chatapp.tui.page_view import PageView
from chatapp.tui.screens.columns import ColumnsScreen
from chatapp.tui.start import Start
from chatapp.tui.tuning import Tuning
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sampling.view import LastToken
from chatapp.tui.widgets.sessions import SessionList
from chatapp.tui.widgets.status import Context
from chatapp.tui.widgets.transcript import Transcript

RECORDED = 10
"""Candidates of each token that are recorded while the sampling column shows them."""
SESSIONS_AT_ONCE = 500
"""Sessions that the list is given at first, and more each time its end comes near."""


class MainScreen(ColumnsScreen):
    """Shows the chat in view in three columns, and hears from the desk what happens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", "everything, by name", id="app.palette"),
        Binding("ctrl+f", "find", "find", id="app.find"),
        Binding("f1", "keys", "every key", id="app.keys"),
        Binding("ctrl+n", "new", "new session", id="app.new"),
        Binding("ctrl+o", "models", "model", id="app.model"),
        Binding("ctrl+g", "personas", "persona", id="app.persona"),
        Binding("f4", "cut", "how the next token is decided", id="app.cut"),
        Binding("f6", "many", "several replies at once", id="app.many", priority=True),
        Binding("f7", "branches", "branches", id="app.branches", priority=True),
        Binding("f8", "inspect", "the prompt, token by token", id="app.prompt"),
        Binding("f9", "agenda", "agenda", id="app.agenda"),
    ]
    CSS_PATH: ClassVar[list[str]] = ["../styles/main.tcss", "../styles/composer.tcss"]  # type: ignore[assignment]

    def __init__(
        self, home: Home, wanted: Start, give_up: Callable[[str], None], recover: Callable[[StoreError], object]
    ) -> None:
        self.desk = Desk(home, self)
        super().__init__(PageView(self.desk, temporary=wanted.temporary, id="page"))
        self.home = home
        self.wanted = wanted
        self.furnished = asyncio.Event()
        """Set when there is a chat in view, and keys may come."""
        self.assistant = Assistant(self)
        self.tuning = Tuning(self)
        self._give_up = give_up
        self._recover = recover
        self._meter: Context | None = None
        self._most_sessions = SESSIONS_AT_ONCE
        self._plan: ContextPlan | None = None

    def compose(self) -> ComposeResult:
        """The page; the columns beside it follow after the first frame."""
        with Horizontal(id="columns"):
            yield self.page

    def on_mount(self) -> None:
        """Paint first, furnish then."""
        self.call_after_refresh(self._furnish)

    @property
    def chat(self) -> Chat:
        """The chat in view."""
        return self.page.chat

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

    # Showing ------------------------------------------------------------------------------------------------

    def show_chat(self) -> None:
        """Everything about the chat in view, anew."""
        self.page.show_chat()
        self.fill_columns()

    def fill_columns(self) -> None:
        """The sessions and the settings, wherever they are shown."""
        self.show_sampling()
        self.show_sessions()

    def show_sampling(self) -> None:
        """The settings in force."""
        for panel in self.columns(SamplingPanel):
            panel.show(self.chat.session.sampling(), context=self._window, presets=self.tuning.presets)

    @property
    def _window(self) -> tuple[int, int] | None:
        return (self._meter.used, self._meter.total) if self._meter else None

    @work(group="sessions", exclusive=True)
    async def show_sessions(self) -> None:
        """The list of sessions."""
        try:
            heads = await self.desk.sessions(self._most_sessions)
        except StoreError as error:
            self.desk.tell(error)
            return
        file = self.desk.model.file
        for one in self.columns(SessionList):
            one.show(
                heads,
                self.chat.session.uid,
                now=datetime.now().astimezone(),
                model=file.name if file else "",
                quantisation=file.quantisation if file else "",
            )

    @on(PageView.ContextCounted)
    def _counted(self, event: PageView.ContextCounted) -> None:
        if event.context != self._meter or event.plan != self._plan:
            self._meter, self._plan = event.context, event.plan
            for panel in self.columns(SamplingPanel):
                panel.show_context(self._window, self._plan)

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
            self._show_token(chat, event)

    def _show_token(self, chat: Chat, event: TurnEvent) -> None:
        """How the last token of the reply was decided; told no faster than is painted."""
        reply, info = chat.streaming, self.desk.engine.info
        token = None
        if isinstance(event, Tokens):
            if not event.records or reply is None or info is None:
                return
            token = LastToken(len(reply.token_ids), event.records[-1], info.vocabulary)
        for panel in self.columns(SamplingPanel):
            panel.show_token(token)

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

    def hear_damage(self, error: StoreError) -> None:
        """The file that holds the chats was found to be damaged."""
        self._recover(error)

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done; what was written is still there."""
        self.notify(sentence, markup=False, severity="error", timeout=6)

    # Sessions -----------------------------------------------------------------------------------------------

    async def action_new(self) -> None:
        """Start a session with the persona of the settings."""
        await self.begin(None)

    async def begin(self, persona: str | None) -> None:
        """Start a session with a persona."""
        await self.page.save_draft(self.chat)
        with self.page.trouble_told():
            await self.desk.begin(persona)
        self.show_chat()
        self.page.composer.focus()

    async def open_session(self, uid: str) -> None:
        """Bring a session into view."""
        await self.page.save_draft(self.chat)
        with collector_rests():
            with self.page.trouble_told():
                await self.desk.show(uid)
            self.show_chat()
        self.page.composer.focus()

    async def restore(self, uid: str) -> None:
        """Bring a session back from the trash, and into view."""
        with self.page.trouble_told():
            await self.desk.restore(uid)
        await self.open_session(uid)

    async def apply_persona(self, name: str) -> None:
        """Give this session another persona, from the next reply on."""
        with self.page.trouble_told():
            await self.desk.apply_persona(name)
        self.show_chat()
        self.page.composer.focus()

    @on(SessionList.Opened)
    async def _opened(self, event: SessionList.Opened) -> None:
        self.close_drawer()
        await self.open_session(event.uid)

    @on(SessionList.Renamed)
    async def _renamed(self, event: SessionList.Renamed) -> None:
        with self.page.trouble_told():
            await self.desk.rename(event.uid, event.title)
        self.page.show_names()
        self.show_sessions()

    @on(SessionList.NearEnd)
    def _more_sessions(self, event: SessionList.NearEnd) -> None:
        if event.shown >= self._most_sessions:
            self._most_sessions += SESSIONS_AT_ONCE
            self.show_sessions()

    @on(SessionList.Pinned)
    async def _pinned(self, event: SessionList.Pinned) -> None:
        with self.page.trouble_told():
            await self.desk.pin(event.uid, pinned=event.pinned)
        self.show_sessions()

    @on(SessionList.Duplicated)
    async def _duplicated(self, event: SessionList.Duplicated) -> None:
        with self.page.trouble_told():
            await self.desk.store.duplicate(event.uid)
        self.show_sessions()

    @on(SessionList.Trashed)
    async def _trashed(self, event: SessionList.Trashed) -> None:
        with self.page.trouble_told():
            await self.desk.trash(event.uid)
            if event.uid == self.chat.session.uid:
                await self.desk.begin()
                self.page.show_chat()
        self.show_sessions()

    @on(SessionList.Restored)
    async def _restored(self, event: SessionList.Restored) -> None:
        with self.page.trouble_told():
            await self.desk.restore(event.uid)
        self.show_sessions()

    # Sampling -----------------------------------------------------------------------------------------------

    @on(SamplingPanel.Changed)
    async def _setting_changed(self, event: SamplingPanel.Changed) -> None:
        await self.tune({**self.chat.session.overrides, event.name: event.value})

    @on(SamplingPanel.Edit)
    def _setting_edited(self, event: SamplingPanel.Edit) -> None:
        self.tuning.edit(event.name)

    @on(SamplingPanel.Reset)
    async def _setting_reset(self, event: SamplingPanel.Reset) -> None:
        await self.tune({n: v for n, v in self.chat.session.overrides.items() if n != event.name})

    @on(SamplingPanel.NeutraliseAll)
    async def _neutralised(self) -> None:
        await self.tuning.choose("Neutral")

    @on(SamplingPanel.PresetChosen)
    async def _preset_chosen(self, event: SamplingPanel.PresetChosen) -> None:
        await self.tuning.choose(event.name)

    @on(SamplingPanel.SaveAs)
    async def _preset_saved(self, event: SamplingPanel.SaveAs) -> None:
        await self.tuning.save(event.name)

    @on(SamplingPanel.Renamed)
    async def _preset_renamed(self, event: SamplingPanel.Renamed) -> None:
        await self.tuning.rename(event.name)

    async def tune(self, overrides: dict[str, object]) -> None:
        """Take the session's own values: drawn with from the next token on, and kept."""
        with self.page.trouble_told():
            await self.chat.tune(self.chat.session.preset, overrides)
        self.desk.try_again()  # a shorter reply may fit
        self.show_sampling()

    def go_to_setting(self, name: SettingName) -> None:
        """Stand on a setting, wherever its column is."""
        if not self.query_one("#sampling").display:
            self.action_column("sampling")
        for panel in self.columns(SamplingPanel):
            panel.stand_on(name)
            panel.focus()

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

    # Sheets -------------------------------------------------------------------------------------------------

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
        open_cut_view(self, event.key, event.index)

    @on(Transcript.Inspect)
    def action_inspect(self) -> None:
        """The prompt as the model gets it."""
        inspect_prompt(self)

    def action_keys(self) -> None:
        """Every key."""
        show_keys(self)
