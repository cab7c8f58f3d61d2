"""The sessions column as it is drawn: rows in groups by date, of which only those on the screen cost anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.session import SessionHead
from chatapp.tui.lines import Line, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.widgets.session_lines import (
    Roll,
    empty_lines,
    head_line,
    model_line,
    row_line,
    tags_line,
    trash_lines,
)

WIDTH, WIDE, WIDE_FROM = 31, 38, 160
_ROOMY_WIDTH, _ROOMY_HEIGHT = 36, 50
_BOTTOM = 3
"""Lines below the list: a blank one, the model, and the last line of the screen, which stays blank."""
_WHEEL = 3


class SessionView(Widget):
    """Draws the sessions in view, and what stands below them."""

    @dataclass
    class NearEnd(Message):
        """The end of the list comes near; there may be more sessions than these."""

        shown: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.roll = Roll()
        self._current: str | None = None
        self._now = datetime.now().astimezone()
        self._model = ("", "")
        self._tag = ""
        self.notice = False
        """Whether it is said that something went to the trash."""

    def show(
        self,
        heads: Sequence[SessionHead],
        current: str | None,
        *,
        now: datetime,
        model: str = "",
        quantisation: str = "",
        tag: str = "",
    ) -> None:
        """Show these sessions, newest first; `current` is the one on the page, `tag` what they have in common."""
        if current != self._current or not self.has_focus_within:
            self.roll.uid = current
        self.roll.heads, self._current, self._now = list(heads), current, now
        self._model, self._tag = (model, quantisation), tag
        self.lay_out()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """The column is wider where the terminal is."""
        return WIDE if viewport.width >= WIDE_FROM else WIDTH

    @property
    def held(self) -> bool:
        """Whether the rows stay where they are, since something is typed over one."""
        return False

    @property
    def head_lines(self) -> int:
        """Lines above the list."""
        return 3 if self.size.height >= 30 else 2

    @property
    def room(self) -> int:
        """Lines for the list."""
        return max(1, self.size.height - self.head_lines - _BOTTOM)

    def render_line(self, y: int) -> Strip:
        """One line of the column."""
        look = look_of(self.app)
        return strip(self._line(y, look), self.size.width, look.ground)

    def _line(self, y: int, look: Look) -> Line:
        cells, height = self.size.width, self.size.height
        if y == self.head_lines - 2:
            return head_line(self._tag, look, cells)
        said = trash_lines(look, cells) if self.notice else [self._last_line(look, cells)]
        if height - 1 - len(said) <= y < height - 1:
            return said[y - (height - 1 - len(said))]
        place = y - self.head_lines
        if not 0 <= place < self.room:
            return []
        if not self.roll.heads:
            empty = empty_lines(look, cells, self._tag)
            return empty[place] if place < len(empty) else []
        return row_line(self.roll, place, self._now, look, cells, current=self._current, focused=self.has_focus)

    def _last_line(self, look: Look, cells: int) -> Line:
        """What the session stood on is tagged with, where no second line says so; else the model."""
        head = self.roll.head
        if head is not None and head.tags and self.has_focus and not self.roll.roomy:
            return tags_line(head, look, cells)
        return model_line(*self._model, look, cells)

    def on_resize(self) -> None:
        """A new height or width may hold other rows."""
        self.lay_out()

    def lay_out(self) -> None:
        """Lay the rows out anew."""
        roomy = self.size.width >= _ROOMY_WIDTH and self.size.height >= _ROOMY_HEIGHT
        self.roll.arrange(self._now, room=self.room, roomy=roomy)
        self.refresh()

    def look_ahead(self) -> None:
        """Ask for more sessions where the end of these comes near."""
        if self.roll.near_end:
            self.post_message(self.NearEnd(len(self.roll.heads)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, -_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, _WHEEL)

    def _scroll(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        if not self.held:
            self.roll.scroll(rows)
            self.look_ahead()
            self.refresh()
