"""The line in which one types what to find on the page; it stays while the words are marked."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from chatapp.tui.lines import Line, ends, gap, keys, strip
from chatapp.tui.look import look_of
from chatapp.tui.page import page_geometry
from chatapp.tui.widgets.field import Field

_KEYS = 40
"""Cells kept free beside the field for the count and the keys."""


class FindBar(Widget):
    """A field, how many messages have what was typed, and the keys that go between them."""

    DEFAULT_CSS = """
    FindBar { height: 2; display: none; background: $background; }
    .-low FindBar { height: 1; }
    FindBar Input { position: absolute; background: transparent; color: $foreground; }
    FindBar Input:focus { background-tint: transparent; }
    FindBar Input > .input--cursor { background: $primary; color: $background; text-style: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False, id="find.leave"),
    ]

    class Typed(Message):
        """Something else is to be found."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Accepted(Message):
        """What was typed is what is wanted: the reader goes to it."""

    class Left(Message):
        """Nothing is to be found any more."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._count = (0, 0)

    def compose(self) -> ComposeResult:
        """The field."""
        yield Field("find here")

    def ask(self) -> None:
        """Show the line and type in it."""
        self.display = True
        field = self.query_one(Field)
        field.select_all()
        field.focus()

    def show(self, text: str) -> None:
        """Show the line with words that were typed elsewhere."""
        self.display = True
        field = self.query_one(Field)
        with field.prevent(Input.Changed):
            field.value = text

    def count(self, which: int, many: int) -> None:
        """Say on which of so many messages the reader stands."""
        self._count = which, many
        self.refresh()

    def close(self) -> None:
        """Go away; what was typed is there again when it is asked for."""
        self.display = False

    def on_resize(self, event: events.Resize) -> None:
        """Stand on the page's edges."""
        x, measure = page_geometry(event.size.width)
        field = self.query_one(Field)
        field.styles.offset = (x + 2, event.size.height - 1)
        field.styles.width = max(8, measure - 2 - _KEYS)

    def render_line(self, y: int) -> Strip:
        """A blank line where there is room; then the mark, the field's place, the count and the keys."""
        look = look_of(self.app)
        if y < self.size.height - 1:
            return Strip.blank(self.size.width, look.ground)
        x, measure = page_geometry(self.size.width)
        which, many = self._count
        said = f"{which} of {many:,}" if which else f"{many:,}" if many else "nothing"
        pairs = (
            [("enter", "go"), ("esc", "leave")] if self.has_focus_within else [("n N", "next"), ("esc", "leave")]
        )
        right: Line = [(said, look.muted), gap(3), *keys(pairs, look.muted, look.faint)]
        line = ends([("/", look.accent)], right, measure)
        return strip([gap(x), *line], self.size.width, look.ground)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _accepted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Accepted())

    def action_leave(self) -> None:
        """Find nothing."""
        self.post_message(self.Left())
