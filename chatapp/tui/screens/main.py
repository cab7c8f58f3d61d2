"""The main screen: the sessions, the page, the sampling settings, and the keys that work anywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen

from chatapp.chat import Chat, Ended, TurnEvent
from chatapp.conversation.sampling import SettingName
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.store import StoreError
from chatapp.tui.choosing import choose_model, choose_persona, open_palette, show_keys, tell_first_model
from chatapp.tui.desk import Desk
from chatapp.tui.page_view import LOW, PageView
from chatapp.tui.screens.drawer import Drawer
from chatapp.tui.start import Start
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList
from chatapp.tui.widgets.status import Context

NARROW = 100
"""Under so many columns the side columns open as drawers over the page."""
BOTH = 118
"""From so many columns there is room for both."""


Column = TypeVar("Column", SamplingPanel, SessionList)


class MainScreen(Screen[None]):
    """Three columns; the outer two come and go with the width of the terminal and by key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", "everything, by name", id="app.palette"),
        Binding("f1", "keys", "every key", id="app.keys"),
        Binding("ctrl+n", "new", "new session", id="app.new"),
        Binding("ctrl+l,f2", "column('sessions')", "sessions", id="app.sessions"),
        Binding("ctrl+t,f3", "column('sampling')", "sampling", id="app.sampling"),
        Binding("ctrl+o", "models", "model", id="app.model"),
        Binding("ctrl+g", "personas", "persona", id="app.persona"),
    ]

    CSS_PATH: ClassVar[list[str]] = ["../styles/main.tcss", "../styles/composer.tcss"]  # type: ignore[assignment]

    def __init__(self, home: Home, wanted: Start, give_up: Callable[[str], None]) -> None:
        super().__init__()
        self._give_up = give_up
        self.home = home
        self.wanted = wanted
        self.desk = Desk(home, self)
        self._wished = {"sessions": True, "sampling": True}
        self._last_wished = "sampling"
        self._meter: Context | None = None

    def compose(self) -> ComposeResult:
        """The page; the columns beside it follow after the first frame."""
        with Horizontal(id="columns"):
            yield PageView(self.desk, temporary=self.wanted.temporary, id="page")

    def on_mount(self) -> None:
        """Paint first, furnish then."""
        self.page.composer.focus()
        self.call_after_refresh(self._furnish)

    @property
    def page(self) -> PageView:
        """The page."""
        return self.query_one(PageView)

    @property
    def chat(self) -> Chat:
        """The chat in view."""
        return self.page.chat

    @work(group="furnish")
    async def _furnish(self) -> None:
        try:
            await self.desk.open(temporary=self.wanted.temporary)
            await self._first_chat()
        except (StoreError, Refusal) as error:
            self._give_up(str(error))
            return
        columns = self.query_one("#columns")
        await columns.mount(SessionList(id="sessions"), before=0)
        await columns.mount(SamplingPanel(id="sampling"))
        self._fold()
        self.show_chat()
        tell_first_model(self, self.wanted.model or self.chat.session.model)
        if self.home.problem:
            self.tell_trouble(self.home.problem)

    async def _first_chat(self) -> None:
        if self.wanted.session:
            await self.desk.show(self.wanted.session)
        elif self.wanted.continue_newest and (heads := await self.desk.sessions()):
            await self.desk.show(heads[0].uid)
        else:
            await self.desk.begin(self.wanted.persona)

    async def leave(self) -> None:
        """Keep the draft and what was said, and end the engine."""
        if self.desk.chat is not None:
            await self.page.save_draft(self.desk.chat)
        await self.desk.close()

    # Showing ------------------------------------------------------------------------------------------------

    def show_chat(self) -> None:
        """Everything about the chat in view, anew."""
        self.page.show_chat()
        self.show_sampling()
        self.show_sessions()

    def show_sampling(self) -> None:
        """The settings in force, wherever they are shown."""
        used = self._meter
        for panel in self._columns(SamplingPanel):
            panel.show(self.chat.session.sampling(), context=(used.used, used.total) if used else None)

    @on(PageView.ContextCounted)
    def _counted(self, event: PageView.ContextCounted) -> None:
        if event.context != self._meter:
            self._meter = event.context
            self.show_sampling()

    # The desk tells -----------------------------------------------------------------------------------------

    def hear_turn(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn."""
        self.page.hear(chat, event)
        if isinstance(event, Ended):
            self.show_sampling()

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

    @work(group="sessions", exclusive=True)
    async def show_sessions(self) -> None:
        """The list of sessions, anew."""
        heads = await self.desk.sessions()
        file = self.desk.model.file
        for one in self._columns(SessionList):
            one.show(
                heads,
                self.chat.session.uid,
                now=datetime.now().astimezone(),
                model=file.name if file else "",
                quantisation=file.quantisation if file else "",
            )

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done; what was written is still there."""
        self.notify(sentence, markup=False, severity="error", timeout=6)

    def _columns(self, kind: type[Column]) -> list[Column]:
        """The column, and its twin in a drawer where one is open."""
        screens: list[Screen[Any]] = [self] if self.app.screen is self else [self, self.app.screen]
        return [column for screen in screens for column in screen.query(kind)]

    # Columns ------------------------------------------------------------------------------------------------

    @on(events.Resize)
    def _fold(self) -> None:
        width, height = self.app.size
        self.set_class(height < LOW, "-low")
        self.set_class(width >= 160, "-wide")
        shown = self._shown_columns(width)
        for name in self._wished:
            for column in self.query(f"#{name}"):
                column.display = name in shown
        self.page.context_in_column = "sampling" in shown
        self.page.refresh_status()

    def _shown_columns(self, width: int) -> set[str]:
        wished = {name for name, wish in self._wished.items() if wish}
        if width < NARROW:
            return set()
        return wished if width >= BOTH or len(wished) < 2 else {self._last_wished}

    def action_column(self, name: str) -> None:
        """Show a side column, go to it, or put it away; on a narrow terminal, open it as a drawer."""
        if isinstance(self.app.screen, Drawer):
            self.app.pop_screen()
            return
        if self.app.size.width < NARROW:
            self._open_drawer(name)
            return
        column = self.query_one(f"#{name}")
        hide = column.display and column.has_focus
        self._wished[name] = not hide
        self._last_wished = name
        self._fold()
        if hide:
            self.page.composer.focus()
        else:
            column.focus()

    def _open_drawer(self, name: str) -> None:
        if name == "sessions":
            drawer = Drawer(SessionList(), side="left", on_message=self.post_message)
        else:
            drawer = Drawer(SamplingPanel(), side="right", on_message=self.post_message)
        self.app.push_screen(drawer, self._drawer_closed)
        self.call_after_refresh(self.show_sampling)
        self.call_after_refresh(self.show_sessions)

    def _drawer_closed(self, _result: object) -> None:
        self.page.composer.focus()

    @on(SessionList.Leave)
    @on(SamplingPanel.Leave)
    def _left_column(self, event: Message) -> None:
        event.stop()
        if isinstance(self.app.screen, Drawer):
            self.app.pop_screen()
        self.page.composer.focus()

    # Sessions -----------------------------------------------------------------------------------------------

    async def action_new(self) -> None:
        """Start a session with the persona of the settings."""
        await self.begin(None)

    async def begin(self, persona: str | None) -> None:
        """Start a session with a persona."""
        await self.page.save_draft(self.chat)
        try:
            await self.desk.begin(persona)
        except Refusal as refusal:
            self.tell_trouble(str(refusal))
        self.show_chat()

    async def open_session(self, uid: str) -> None:
        """Bring a session into view."""
        await self.page.save_draft(self.chat)
        try:
            await self.desk.show(uid)
        except StoreError as error:
            self.tell_trouble(str(error))
        self.show_chat()

    @on(SessionList.Opened)
    async def _opened(self, event: SessionList.Opened) -> None:
        if isinstance(self.app.screen, Drawer):
            self.app.pop_screen()
        await self.open_session(event.uid)

    @on(SessionList.Renamed)
    async def _renamed(self, event: SessionList.Renamed) -> None:
        await self.desk.rename(event.uid, event.title)
        self.page.show_names()
        self.show_sessions()

    @on(SessionList.Trashed)
    async def _trashed(self, event: SessionList.Trashed) -> None:
        await self.desk.trash(event.uid)
        if event.uid == self.chat.session.uid:
            await self.desk.begin()
            self.page.show_chat()
        self.show_sessions()

    @on(SessionList.Restored)
    async def _restored(self, event: SessionList.Restored) -> None:
        await self.desk.restore(event.uid)
        self.show_sessions()

    # Sampling -----------------------------------------------------------------------------------------------

    @on(SamplingPanel.Changed)
    async def _setting_changed(self, event: SamplingPanel.Changed) -> None:
        await self.tune({**self.chat.session.overrides, event.name: event.value})

    @on(SamplingPanel.Reset)
    async def _setting_reset(self, event: SamplingPanel.Reset) -> None:
        await self.tune({n: v for n, v in self.chat.session.overrides.items() if n != event.name})

    @on(SamplingPanel.NeutraliseAll)
    async def _neutralised(self) -> None:
        await self.choose_preset("Neutral")

    @on(SamplingPanel.PresetChosen)
    async def _preset_chosen(self, event: SamplingPanel.PresetChosen) -> None:
        await self.choose_preset(event.name)

    async def choose_preset(self, name: str) -> None:
        """Take a preset whole: the session's own changes yield to it, all but the seed."""
        seed = {n: v for n, v in self.chat.session.overrides.items() if n == "seed"}
        self.chat.session.preset = name
        await self.tune(seed)

    async def tune(self, overrides: dict[str, object]) -> None:
        """Take the session's own values: shown at once, drawn with from the next token on."""
        tuned = self.chat.tune(self.chat.session.preset, overrides)
        try:
            await tuned
        except StoreError as error:
            self.tell_trouble(str(error))
        self.show_sampling()

    def go_to_setting(self, name: SettingName) -> None:
        """Stand on a setting, wherever its column is."""
        if not self.query_one("#sampling").display:
            self.action_column("sampling")
        for panel in self._columns(SamplingPanel):
            panel.stand_on(name)
            panel.focus()

    async def apply_persona(self, name: str) -> None:
        """Give this session another persona, from the next reply on."""
        try:
            await self.desk.apply_persona(name)
        except (Refusal, StoreError) as error:
            self.tell_trouble(str(error))
        self.show_chat()

    # Sheets -------------------------------------------------------------------------------------------------

    def action_palette(self) -> None:
        """Everything, by name."""
        open_palette(self)

    def action_models(self) -> None:
        """Choose a model."""
        choose_model(self)

    def action_personas(self) -> None:
        """Choose a persona."""
        choose_persona(self)

    def action_keys(self) -> None:
        """Every key."""
        show_keys(self)
