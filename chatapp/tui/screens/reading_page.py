"""A page of lines to read: a title, as many lines as there are, and the keys below; it scrolls."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import display_line
from chatapp.tui.lines import Line, clip, ends, gap, keys, strip, width
from chatapp.tui.look import Look, look_of

LOW, NARROW = 30, 100
_EDGE = 4
_WHEEL = 3


class ReadingPage(Widget):
    """Draws the lines in view; all are laid out once for each width and theme."""

    def __init__(self) -> None:
        super().__init__()
        self.top = 0
        self.said = ""
        self._laid_out: tuple[tuple[Look, Size], list[Line]] | None = None

    # What the subclass says ---------------------------------------------------------------------------------

    def head(self) -> tuple[str, str]:
        """The title, and what it is about."""
        raise NotImplementedError

    def body(self, look: Look, cells: int) -> list[Line]:
        """Everything, laid out."""
        raise NotImplementedError

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys that do something here; what has no room is left out from the middle."""
        raise NotImplementedError

    # Scrolling ----------------------------------------------------------------------------------------------

    @property
    def _body_from(self) -> int:
        return 2 if self.size.height < LOW else 4

    @property
    def room(self) -> int:
        """Lines for the body."""
        return max(1, self.size.height - self._body_from - 3)

    @property
    def cells(self) -> int:
        """Cells from edge to edge."""
        return max(8, self.size.width - 2 * _EDGE)

    @property
    def lines(self) -> list[Line]:
        """The body as it is laid out now."""
        key = (look_of(self.app), self.size)
        if self._laid_out is None or self._laid_out[0] != key:
            self._laid_out = (key, self.body(key[0], self.cells))
        return self._laid_out[1]

    def scroll_lines(self, lines: int) -> None:
        """Scroll, and stay within the page."""
        self.top = max(0, min(self.top + lines, len(self.lines) - self.room))
        self.refresh()

    def say(self, sentence: str) -> None:
        """A quiet sentence above the keys."""
        self.said = sentence
        self.refresh()

    def redraw(self) -> None:
        """The body is another."""
        self._laid_out = None
        self.scroll_lines(0)

    def on_resize(self) -> None:
        """The lines are others now."""
        self.scroll_lines(0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(-_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(_WHEEL)

    # Drawing ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        look = look_of(self.app)
        return strip([gap(_EDGE), *self._line(y, look)], self.size.width, look.ground)

    def _line(self, y: int, look: Look) -> Line:
        if y == (0 if self.size.height < LOW else 1):
            title, about = self.head()
            return [
                (title, look.strong),
                gap(3),
                (clip(display_line(about), self.cells - len(title) - 3), look.muted),
            ]
        if y == self.size.height - 3:
            return [(clip(display_line(self.said), self.cells), look.faint)]
        if y == self.size.height - 2:
            return self._key_line(look)
        place = y - self._body_from
        return self.lines[self.top + place] if 0 <= place < min(self.room, len(self.lines) - self.top) else []

    def _key_line(self, look: Look) -> Line:
        below = len(self.lines) - self.top - self.room
        more: Line = [(f"{below:,} more line{'s' * (below > 1)} ↓", look.faint)] if below > 0 else []
        pairs = list(self.keys())
        while width(line := keys(pairs, look.muted, look.faint)) + width(more) + 2 > self.cells and len(pairs) > 1:
            pairs.pop(-2)
        return ends(line, more, self.cells)
