"""The sessions column: what was talked about, newest first, to open, rename, throw away and bring back.

A list of its own over the Line API: only the rows on the screen are drawn, however many sessions there are. It
posts what is wished; the owner does it and calls `show`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from chatapp.conversation.session import SessionHead
from chatapp.text import repair
from chatapp.tui.lines import Line, gap, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.widgets.session_lines import (
    EDGE,
    Roll,
    empty_lines,
    model_line,
    row_line,
    title_of,
    trash_lines,
)

WIDTH, WIDE, WIDE_FROM = 31, 38, 160
_ROOMY_WIDTH, _ROOMY_HEIGHT = 36, 50
_BOTTOM = 3
"""Lines below the list: a blank one, the model, and the last line of the screen, which stays blank."""
_WHEEL = 3

_KEYS: list[BindingType] = [
    Binding("up", "move(-1)", "Session above", show=False, id="sessions.up"),
    Binding("down", "move(1)", "Session below", show=False, id="sessions.down"),
    Binding("pageup", "page(-1)", "Page up", show=False, id="sessions.page_up"),
    Binding("pagedown", "page(1)", "Page down", show=False, id="sessions.page_down"),
    Binding("home", "move(-1000000)", "First", show=False, id="sessions.first"),
    Binding("end", "move(1000000)", "Last", show=False, id="sessions.last"),
    Binding("enter", "open", "Open", show=False, id="sessions.open"),
    Binding("r", "rename", "Rename", show=False, id="sessions.rename"),
    Binding("p", "pin", "Pin", show=False, id="sessions.pin"),
    Binding("d", "duplicate", "Duplicate", show=False, id="sessions.duplicate"),
    Binding("delete", "trash", "Trash", show=False, id="sessions.trash"),
    Binding("u", "undo", "Undo", show=False, id="sessions.undo"),
    Binding("escape", "leave", "Leave", show=False, id="sessions.leave"),
]


class SessionList(Widget, can_focus=True):
    """Sessions in groups by date, with the current one marked and, while focused, one highlighted."""

    DEFAULT_CSS = """
    SessionList {
        width: auto; height: 100%; background: $background;
        & > Input { position: absolute; background: $surface; color: $foreground; text-style: bold; }
        & > Input:focus { background-tint: $surface 0%; }
        & > Input > .input--cursor { background: $primary; color: $background; text-style: none; }
    }
    """

    BINDINGS = _KEYS

    @dataclass
    class Opened(Message):
        """A session is to be opened."""

        uid: str

    @dataclass
    class Renamed(Message):
        """A session is to have another title."""

        uid: str
        title: str

    @dataclass
    class Pinned(Message):
        """A session is to be held at the top, or let go."""

        uid: str
        pinned: bool

    @dataclass
    class Duplicated(Message):
        """A session is to be copied."""

        uid: str

    @dataclass
    class NearEnd(Message):
        """The end of the list comes near; there may be more sessions than these."""

        shown: int

    @dataclass
    class Trashed(Message):
        """A session is to go to the trash."""

        uid: str

    @dataclass
    class Restored(Message):
        """A session is to come back from the trash."""

        uid: str

    class Leave(Message):
        """The person is done here."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._roll = Roll()
        self._current: str | None = None
        self._now = datetime.now().astimezone()
        self._model = ("", "")
        self._trash: list[str] = []
        self._notice = False
        self._renaming: str | None = None

    def show(
        self,
        heads: Sequence[SessionHead],
        current: str | None,
        *,
        now: datetime,
        model: str = "",
        quantisation: str = "",
    ) -> None:
        """Show these sessions, newest first; `current` is the uid of the one on the page."""
        if current != self._current or not self.has_focus_within:
            self._roll.uid = current
        self._roll.heads, self._current, self._now = list(heads), current, now
        self._model = model, quantisation
        self._arrange()

    # -- drawing

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """The column is wider where the terminal is."""
        return WIDE if viewport.width >= WIDE_FROM else WIDTH

    @property
    def _head_lines(self) -> int:
        return 3 if self.size.height >= 30 else 2

    @property
    def _room(self) -> int:
        return max(1, self.size.height - self._head_lines - _BOTTOM)

    def render_line(self, y: int) -> Strip:
        """One line of the column."""
        look = look_of(self.app)
        return strip(self._line(y, look), self.size.width, look.ground)

    def _line(self, y: int, look: Look) -> Line:
        cells, height = self.size.width, self.size.height
        if y == self._head_lines - 2:
            return [gap(EDGE), ("Sessions", look.muted)]
        said = trash_lines(look, cells) if self._notice else [model_line(*self._model, look, cells)]
        if height - 1 - len(said) <= y < height - 1:
            return said[y - (height - 1 - len(said))]
        place = y - self._head_lines
        if not 0 <= place < self._room:
            return []
        if not self._roll.heads:
            empty = empty_lines(look, cells)
            return empty[place] if place < len(empty) else []
        return row_line(self._roll, place, self._now, look, cells, current=self._current, focused=self.has_focus)

    def on_resize(self) -> None:
        """A new height or width may hold other rows."""
        self._arrange()

    def _arrange(self) -> None:
        roomy = self.size.width >= _ROOMY_WIDTH and self.size.height >= _ROOMY_HEIGHT
        self._roll.arrange(self._now, room=self._room, roomy=roomy)
        self._place_field()
        self.refresh()

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a title is being typed, only leaving is left of the list's keys."""
        return self._renaming is None or action == "leave"

    def action_move(self, sessions: int) -> None:
        """Go up or down by so many sessions."""
        self._roll.stand_on(self._roll.at + sessions)
        self._look_ahead()
        self.refresh()

    def _look_ahead(self) -> None:
        if self._roll.near_end:
            self.post_message(self.NearEnd(len(self._roll.heads)))

    def action_page(self, direction: int) -> None:
        """Go up or down by what the column holds."""
        rows_each = 3 if self._roll.roomy else 1
        self.action_move(direction * max(1, self._room // rows_each - 1))

    def action_open(self) -> None:
        """Open the session."""
        if head := self._roll.head:
            self._notice = False
            self.post_message(self.Opened(head.uid))

    def action_pin(self) -> None:
        """Hold the session at the top, or let it go."""
        if head := self._roll.head:
            self.post_message(self.Pinned(head.uid, not head.pinned))

    def action_duplicate(self) -> None:
        """Copy the session."""
        if head := self._roll.head:
            self.post_message(self.Duplicated(head.uid))

    def action_trash(self) -> None:
        """Throw the session away. It leaves the list at once, so that a second press meets the next one."""
        if head := self._roll.head:
            self._roll.heads.remove(head)
            self._trash.append(head.uid)
            self._notice = True
            self._arrange()
            self.post_message(self.Trashed(head.uid))

    def action_undo(self) -> None:
        """Bring back what was thrown away last."""
        if self._trash:
            self._roll.uid = self._trash.pop()
            self._notice = False
            self.refresh()
            self.post_message(self.Restored(self._roll.uid))

    def action_leave(self) -> None:
        """Go back to where one came from; out of a title first."""
        if self._renaming is None:
            self.post_message(self.Leave())
        else:
            self._end_rename()

    # -- the title being typed

    def action_rename(self) -> None:
        """Lay a field over the row."""
        if head := self._roll.head:
            self._roll.reveal()
            self._renaming = head.uid
            field = Input(title_of(head), compact=True, select_on_focus=False)
            field.cursor_blink = False
            self.mount(field)
            self._place_field()
            field.focus()

    def _place_field(self) -> None:
        """Keep the field on its row when the list moves under it; without the row there is nothing to name."""
        if self._renaming is None:
            return
        if self._renaming != self._roll.uid:
            self._end_rename()
            return
        field = self.query_one(Input)
        field.styles.width = self.size.width - EDGE - 1
        field.styles.offset = EDGE, self._head_lines + self._roll.place

    def _end_rename(self) -> None:
        self._renaming = None
        self.query(Input).remove()
        self.focus(scroll_visible=False)

    @on(Input.Submitted)
    def _accept_title(self, event: Input.Submitted) -> None:
        event.stop()
        uid, title = self._renaming, " ".join(repair(event.value).split())
        head = self._roll.head
        self._end_rename()
        if uid and head and title and title != title_of(head):
            self.post_message(self.Renamed(uid, title))

    @on(Input.Blurred)
    def _drop_title(self, event: Input.Blurred) -> None:
        """Going elsewhere keeps the old title; the terminal's window losing the focus is not going elsewhere."""
        event.stop()
        if self._renaming is not None and self.app.app_focus:
            self._renaming = None
            event.input.remove()

    @on(Input.Changed)
    def _keep_to_itself(self, event: Input.Changed) -> None:
        event.stop()

    # -- mouse and focus

    def on_click(self, event: events.Click) -> None:
        """Open the session under the pointer."""
        place = event.y - self._head_lines
        if self._renaming is not None or event.widget is not self or not 0 <= place < self._room:
            return
        kind, index = self._roll.row(place)
        if kind in {"title", "ending"}:
            self._roll.stand_on(index)
            self.action_open()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, -_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, _WHEEL)

    def _scroll(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        if self._renaming is None:
            self._roll.scroll(rows)
            self._look_ahead()
            self.refresh()

    def on_focus(self) -> None:
        """Show the highlight."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the highlight; what was said about the trash was read."""
        if self._renaming is None:
            self._notice = False
        self.refresh()
