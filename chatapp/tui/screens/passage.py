"""A document as it was read, open at one of its places."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static, TextArea
from textual.widgets.text_area import Selection as Stretch  # a place in the text, no list of choices

from chatapp.conversation.attachment import Attachment, label
from chatapp.text import display, display_line

AROUND = 50_000
"""Characters that are shown before and after the place."""


class PassageScreen(Screen[None]):
    """The place is marked; the arrow keys read on from there."""

    CSS = """
    PassageScreen { background: $background; }
    PassageScreen Vertical { padding: 1 4; }
    PassageScreen Static { height: 2; color: $text-muted; }
    PassageScreen TextArea { border: none; padding: 0; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "back", show=False, id="passage.leave", priority=True),
    ]

    def __init__(self, file: Attachment, place: int) -> None:
        super().__init__()
        self._file, self._place = file, place
        document = file.document
        start, end = document.span_of(place) or (0, 0)
        first, last = max(0, start - AROUND), min(len(document.text), end + AROUND)
        # Each line by itself: what is made visible may be longer than what it was.
        self._before = display(document.text[first:start])
        self._cited = display(document.text[start:end].rstrip("\n"))
        self._rest = display(document.text[start + len(document.text[start:end].rstrip("\n")) : last])

    def compose(self) -> ComposeResult:
        """The citation above the text."""
        with Vertical():
            said = label(self._file.name, self._file.document.unit, self._place)
            yield Static(Content(f"{display_line(said)}   esc goes back"), markup=False)
            yield TextArea(
                f"{self._before}{self._cited}{self._rest}", read_only=True, soft_wrap=True, show_cursor=False
            )

    def on_mount(self) -> None:
        """Mark the place once the text is laid out."""
        self.query_one(TextArea).focus()
        self.call_after_refresh(self._mark)

    def _mark(self) -> None:
        area = self.query_one(TextArea)
        row, column = _end(self._before)
        down, along = _end(self._cited)
        area.selection = Stretch((row, column), (row + down, along if down else column + along))
        area.scroll_cursor_visible(center=True, animate=False)


def _end(text: str) -> tuple[int, int]:
    """Lines and characters that a text reaches."""
    return text.count("\n"), len(text) - text.rfind("\n") - 1
