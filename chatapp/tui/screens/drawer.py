"""The drawer: a side column over the dimmed page, where the terminal is too narrow to have it beside the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget

from chatapp.tui.widgets.status import Context, State, StatusLine

Side = Literal["left", "right"]
Keys = tuple[tuple[str, str], ...]


class Drawer(ModalScreen[None]):
    """Shows one widget at an edge, as high as the screen; closed by esc, its own key, or a click beside it."""

    CSS_PATH = "../styles/drawer.tcss"

    # The ids are those of the keys that open the columns, so that a user's own keys close them as well.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False, id="drawer.close"),
        Binding("ctrl+l,f2", "close('left')", "close", show=False, id="app.sessions", priority=True),
        Binding("ctrl+t,f3", "close('right')", "close", show=False, id="app.sampling", priority=True),
    ]

    def __init__(self, column: Widget, *, side: Side, keys: Keys, on_message: Callable[[Message], object]) -> None:
        """Show a column.

        Args:
            column: the widget to show.
            side: the edge that it lies at.
            keys: what can be done in it, said on the status line.
            on_message: gets what the column says. Messages of a modal screen go to the app, and never reach the
                screen below, which owns what the column is about.
        """
        super().__init__(classes=f"-{side}")
        self._column, self._side, self._keys, self._tell = column, side, keys, on_message
        self._status = StatusLine()

    def compose(self) -> ComposeResult:
        """The column, and the status line over the page's own, which would be covered by half."""
        yield self._column
        yield self._status

    def on_mount(self) -> None:
        """Be ready for its keys."""
        self._column.focus()

    def show_status(self, state: State, context: Context | None) -> None:
        """Say what the page's line says; while nothing happens, the keys of the column."""
        self._status.show(State("", "▎", keys=self._keys) if state.quiet else state, context)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of the column at the other edge does nothing here."""
        return action != "close" or parameters in {(), (self._side,)}

    def action_close(self, _side: str = "") -> None:
        """Go back to the page."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """A click on the dimmed page goes back to it."""
        if event.widget is self:
            self.dismiss(None)

    @on(Message)
    def _pass_on(self, message: Message) -> None:
        """Tell the owner what the column says in its own words; keys, layout and the like stay here."""
        if getattr(self._column, type(message).__name__, None) is type(message):
            message.stop()
            self._tell(message)
