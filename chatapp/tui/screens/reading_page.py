"""A page of lines to read: a title, as many lines as there are, and the keys below; it scrolls."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, clip, ends, gap, keys, strip, width
from chatapp.tui.look import Look, look_of

LOW, NARROW = 30, 100
_EDGE = 4
_FAR = 1_000_000
_WHEEL = 3


class ReadingScreen(Screen[ScreenResultType]):
    """A screen that is one page, scrolled by its keys."""

    CSS = "ReadingScreen { background: $background; } ReadingPage { width: 100%; height: 100%; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "line up", show=False, id="reading.up"),
        Binding("down", "scroll(1)", "line down", show=False, id="reading.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="reading.page_up"),
        Binding("pagedown,space", "page(1)", "page down", show=False, id="reading.page_down"),
        Binding("home,g", f"scroll(-{_FAR})", "top", show=False, id="reading.top"),
        Binding("end,G", f"scroll({_FAR})", "bottom", show=False, id="reading.bottom"),
        Binding("escape,q", "leave", "back", show=False, id="reading.leave"),
    ]

    def __init__(self, page: ReadingPage) -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        """The page."""
        yield self._page

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self._page.scroll_lines(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by what the screen holds; a line of it stays."""
        self._page.scroll_lines(pages * max(1, self._page.room - 1))

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)


class ReadingPage(Widget):
    """Draws the lines in view; all are laid out once for each width and theme."""

    def __init__(self) -> None:
        super().__init__()
        self.top = 0
        self.said = ""
        self._laid_out: tuple[tuple[Look, Size], list[Line], list[Line]] | None = None

    # What the subclass says ---------------------------------------------------------------------------------

    def title(self) -> tuple[str, str]:
        """The title, and what it is about."""
        raise NotImplementedError

    def above(self, look: Look) -> list[Line]:
        """What stands above the body and does not scroll: the title, unless there is more to say."""
        title, about = self.title()
        said = clip(display_line(about), self.cells - len(title) - 3)
        line: Line = [(title, look.strong), gap(3), (said, look.muted)]
        return [line, []] if self.size.height < LOW else [[], line, [], []]

    def body(self, look: Look, cells: int) -> list[Line]:
        """Everything, laid out."""
        raise NotImplementedError

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys that do something here; what has no room is left out from the middle."""
        raise NotImplementedError

    # Scrolling ----------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Lines for the body."""
        return max(1, self.size.height - len(self._parts()[0]) - 3)

    @property
    def cells(self) -> int:
        """Cells from edge to edge."""
        return max(8, self.size.width - 2 * _EDGE)

    @property
    def lines(self) -> list[Line]:
        """The body as it is laid out now."""
        return self._parts()[1]

    def _parts(self) -> tuple[list[Line], list[Line]]:
        """What stands above, and the body, for this width and theme."""
        key = (look_of(self.app), self.size)
        if self._laid_out is None or self._laid_out[0] != key:
            self._laid_out = (key, self.above(key[0]), self.body(key[0], self.cells))
        return self._laid_out[1:]

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
        above = self._parts()[0]
        if y < len(above):
            return above[y]
        if y == self.size.height - 3:
            return [(clip(display_line(self.said), self.cells), look.faint)]
        if y == self.size.height - 2:
            return self._key_line(look)
        place = y - len(above)
        return self.lines[self.top + place] if 0 <= place < min(self.room, len(self.lines) - self.top) else []

    def _key_line(self, look: Look) -> Line:
        below = len(self.lines) - self.top - self.room
        more: Line = [(f"{counted(below, 'more line')} ↓", look.faint)] if below > 0 else []
        pairs = list(self.keys())
        while width(line := keys(pairs, look.muted, look.faint)) + width(more) + 2 > self.cells and len(pairs) > 1:
            pairs.pop(-2)
        return ends(line, more, self.cells)
