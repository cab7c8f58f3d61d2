"""The sessions column: what was talked about, newest first, to open, rename, throw away and bring back.

It posts what is wished; the owner does it and calls `show`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from chatapp.conversation.session import SessionHead
from chatapp.text import repair
from chatapp.tui.widgets.session_lines import (
    EDGE,
    title_of,
)
from chatapp.tui.widgets.session_view import SessionView

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
    Binding("t", "tag", "Tags", show=False, id="sessions.tag"),
    Binding("f", "narrow", "Only a tag, or all", show=False, id="sessions.narrow"),
    Binding("d", "duplicate", "Duplicate", show=False, id="sessions.duplicate"),
    Binding("delete", "trash", "Trash", show=False, id="sessions.trash"),
    Binding("u", "undo", "Undo", show=False, id="sessions.undo"),
    Binding("escape", "leave", "Leave", show=False, id="sessions.leave"),
]


class SessionList(SessionView, can_focus=True):
    """Opens, renames, pins, copies and throws away the session that is highlighted."""

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
    class Tagging(Message):
        """A session is to carry other tags."""

        head: SessionHead

    class Narrowing(Message):
        """Only the sessions with a tag are to be shown, or all of them again."""

    @dataclass
    class Duplicated(Message):
        """A session is to be copied."""

        uid: str

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
        self._trash: list[str] = []
        self._renaming: str | None = None

    @property
    def held(self) -> bool:
        """While a title is typed, its row stays."""
        return self._renaming is not None

    def lay_out(self) -> None:
        """Lay the rows out anew, and the field over its row."""
        super().lay_out()
        self._place_field()

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a title is being typed, only leaving is left of the list's keys."""
        return self._renaming is None or action == "leave"

    def action_move(self, sessions: int) -> None:
        """Go up or down by so many sessions."""
        self.roll.stand_on(self.roll.at + sessions)
        self.look_ahead()
        self.refresh()

    def action_page(self, direction: int) -> None:
        """Go up or down by what the column holds."""
        rows_each = 3 if self.roll.roomy else 1
        self.action_move(direction * max(1, self.room // rows_each - 1))

    def action_open(self) -> None:
        """Open the session."""
        if head := self.roll.head:
            self.notice = False
            self.post_message(self.Opened(head.uid))

    def action_pin(self) -> None:
        """Hold the session at the top, or let it go."""
        if head := self.roll.head:
            self.post_message(self.Pinned(head.uid, not head.pinned))

    def action_tag(self) -> None:
        """Put tags on the session, or take them off."""
        if head := self.roll.head:
            self.post_message(self.Tagging(head))

    def action_narrow(self) -> None:
        """Show the sessions with a tag only, or all of them again."""
        self.post_message(self.Narrowing())

    def action_duplicate(self) -> None:
        """Copy the session."""
        if head := self.roll.head:
            self.post_message(self.Duplicated(head.uid))

    def action_trash(self) -> None:
        """Throw the session away. It leaves the list at once, so that a second press meets the next one."""
        if head := self.roll.head:
            self.roll.heads.remove(head)
            self._trash.append(head.uid)
            self.notice = True
            self.lay_out()
            self.post_message(self.Trashed(head.uid))

    def action_undo(self) -> None:
        """Bring back what was thrown away last."""
        if self._trash:
            self.roll.uid = self._trash.pop()
            self.notice = False
            self.refresh()
            self.post_message(self.Restored(self.roll.uid))

    def action_leave(self) -> None:
        """Go back to where one came from; out of a title first."""
        if self._renaming is None:
            self.post_message(self.Leave())
        else:
            self._end_rename()

    # -- the title being typed

    def action_rename(self) -> None:
        """Lay a field over the row."""
        if head := self.roll.head:
            self.roll.reveal()
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
        if self._renaming != self.roll.uid:
            self._end_rename()
            return
        field = self.query_one(Input)
        field.styles.width = self.size.width - EDGE - 1
        field.styles.offset = EDGE, self.head_lines + self.roll.place

    def _end_rename(self) -> None:
        self._renaming = None
        self.query(Input).remove()
        self.focus(scroll_visible=False)

    @on(Input.Submitted)
    def _accept_title(self, event: Input.Submitted) -> None:
        event.stop()
        uid, title = self._renaming, " ".join(repair(event.value).split())
        head = self.roll.head
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
        place = event.y - self.head_lines
        if self._renaming is not None or event.widget is not self or not 0 <= place < self.room:
            return
        kind, index = self.roll.row(place)
        if kind in {"title", "ending"}:
            self.roll.stand_on(index)
            self.action_open()

    def on_focus(self) -> None:
        """Show the highlight."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the highlight; what was said about the trash was read."""
        if self._renaming is None:
            self.notice = False
        self.refresh()
