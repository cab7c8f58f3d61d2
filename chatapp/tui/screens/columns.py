"""A screen with a page in the middle and a column at each side, which come and go with the width and by key."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from chatapp.tui.chat_view import LOW
from chatapp.tui.compositor import FrugalCompositor
from chatapp.tui.page_view import PageView
from chatapp.tui.screens.drawer import Drawer
from chatapp.tui.widgets.lens_column import LensColumn
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList

NARROW = 100
"""Under so many columns the side columns open as drawers over the page."""
BOTH = 118
"""From so many columns there is room for both."""
WIDE = 160
SESSION_KEYS = (("enter", "open"), ("esc", "page"), ("r", "rename"), ("del", "trash"), ("p", "pin"), ("d", "copy"))
SAMPLING_KEYS = (("← →", "step"), ("enter", "type"), ("esc", "page"), ("del", "reset"), ("< >", "preset"))
"""What the status line offers while a column is open over the page."""

Column = TypeVar("Column", SamplingPanel, SessionList)


class ColumnsScreen(Screen[None]):
    """Folds its side columns away where the terminal is narrow; shows them as drawers there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l,f2", "column('sessions')", "sessions", id="app.sessions"),
        Binding("ctrl+t,f3", "column('sampling')", "sampling", id="app.sampling"),
    ]

    def __init__(self, page: PageView) -> None:
        super().__init__()
        self.page = page
        self._compositor = FrugalCompositor()
        self._wished = {"sessions": True, "sampling": True}
        self._last_wished = "sampling"
        self._lens = LensColumn(id="lens")

    def fill_columns(self) -> None:
        """Show in every column what belongs there; for whoever knows."""

    async def mount_columns(self) -> None:
        """Put the columns beside the page; late, so that the first frame does not wait for them."""
        sessions, sampling = SessionList(id="sessions"), SamplingPanel(id="sampling")
        sessions.display = sampling.display = False
        row = self.query_one("#columns")
        await row.mount(sessions, before=0)
        await row.mount(sampling)
        self._lens.display = False
        await row.mount(self._lens)
        self.fold()

    def columns(self, kind: type[Column]) -> list[Column]:
        """The column, and its twin in a drawer where one is open."""
        screens: list[Screen[Any]] = [self] if self.app.screen is self else [self, self.app.screen]
        return [column for screen in screens for column in screen.query(kind)]

    @on(events.Resize)
    def fold(self) -> None:
        """Show the columns that there is room for."""
        width, height = self.app.size
        self.set_class(height < LOW, "-low")
        shown = self._shown(width)
        for name in self._wished:
            for column in self.query(f"#{name}"):
                column.display = name in shown
        self._lens.display = self.page.reading is not None and width >= NARROW
        self.page.context_in_column = "sampling" in shown
        self.page.refresh_status()

    def _shown(self, width: int) -> set[str]:
        wished = {name for name, wish in self._wished.items() if wish}
        if width < NARROW:
            return set()
        if self.page.reading is not None:  # the lens stands in place of the settings
            return wished & {"sessions"} if width >= BOTH else set()
        return wished if width >= BOTH or len(wished) < len(self._wished) else {self._last_wished}

    def action_column(self, name: str) -> None:
        """Show a side column, go to it, or put it away; on a narrow terminal, open it as a drawer."""
        if self.close_drawer():
            return
        if self.app.size.width < NARROW:
            self._open_drawer(name)
            return
        column = self.query_one(f"#{name}")
        hide = column.display and column.has_focus
        self._wished[name] = not hide
        self._last_wished = name
        self.fold()
        if hide:
            self.page.composer.focus()
        else:
            column.focus()

    @on(PageView.Lensed)
    def _lensed(self) -> None:
        """Another token is under the lens, or none any more."""
        self._lens.show(self.page.reading)
        if self._lens.display != (self.page.reading is not None and self.app.size.width >= NARROW):
            self.fold()

    def close_drawer(self) -> bool:
        """Close the drawer, if one is open; whether it was."""
        if not isinstance(self.app.screen, Drawer):
            return False
        self.app.screen.dismiss(None)
        return True

    def _open_drawer(self, name: str) -> None:
        if name == "sessions":
            drawer = Drawer(SessionList(), side="left", keys=SESSION_KEYS, on_message=self.post_message)
        else:
            drawer = Drawer(SamplingPanel(), side="right", keys=SAMPLING_KEYS, on_message=self.post_message)
        self.app.push_screen(drawer, self._drawer_closed)
        self.call_after_refresh(self.fill_columns)
        self.call_after_refresh(self.page.refresh_status)

    @on(PageView.ContextCounted)
    def _tell_drawer(self, event: PageView.ContextCounted) -> None:
        if isinstance(drawer := self.app.screen, Drawer):
            drawer.show_status(self.page.state, event.context)

    def _drawer_closed(self, _result: None) -> None:
        self.page.composer.focus()

    @on(SessionList.Leave)
    @on(SamplingPanel.Leave)
    def _left_column(self, event: Message) -> None:
        event.stop()
        self.close_drawer()
        self.page.composer.focus()
