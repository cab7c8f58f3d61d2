"""A page with a list at the left and what one stands on at the right; a narrow terminal has the list alone.

What is in it, its subclasses say as lines; this class scrolls, follows, and hears the mouse.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import display_line
from chatapp.tui.lines import Line, beside, clip, ends, gap, indent, keys, strip
from chatapp.tui.look import Look, look_of

LOW, NARROW = 30, 100
_EDGE, _SPACE, _MEASURE = 4, 7, 90
_LIST_LEAST, _LIST_MOST = 46, 72
_BELOW = 3
"""Lines below the list: what was said or a blank one, the keys, and a blank one."""
_WHEEL = 3

Row = tuple[Line, int | None]
"""A line of the list, and the place of what it belongs to, if to anything."""


class ListPage(Widget):
    """Draws a list and a detail; the screen around it decides."""

    class Chosen(Message):
        """What one stands on was clicked twice."""

    class Moved(Message):
        """One stands on another."""

    def __init__(self, at: int = 0) -> None:
        super().__init__()
        self.at = at
        self.said = ""
        self.typing = False
        self._top = 0
        self._down = 0
        self._follow = True
        self._rows: Sequence[Row] = []
        self._drawn: tuple[tuple[Look, Size], list[Line]] | None = None

    # What the subclass says ---------------------------------------------------------------------------------

    def count(self) -> int:
        """How many there are to stand on."""
        raise NotImplementedError

    def head(self) -> tuple[str, str]:
        """The title of the page, and what stands opposite."""
        raise NotImplementedError

    def about(self) -> str:
        """What the page is about, beside its title."""
        return ""

    def rows(self, look: Look, cells: int, *, roomy: bool) -> Sequence[Row]:
        """The list."""
        raise NotImplementedError

    def places(self) -> Sequence[int]:
        """The lines of the list that belong to what one stands on."""
        return [place for place, (_, index) in enumerate(self._rows) if index == self.at]

    def detail(self, look: Look, cells: int) -> list[Line]:
        """What one stands on, laid out to be read."""
        raise NotImplementedError

    def key_line(self, look: Look, cells: int) -> Line:
        """The keys that do something now."""
        raise NotImplementedError

    def in_short(self) -> str:
        """What the detail comes to, for a terminal that has no room for it."""
        return ""

    # Standing -----------------------------------------------------------------------------------------------

    def stand_on(self, index: int) -> None:
        """Go to a place in the list, or as near as there is one."""
        self.at = max(0, min(self.count() - 1, index))
        self._down = 0
        self._follow = True
        self.say("")
        self.post_message(self.Moved())

    def say(self, sentence: str) -> None:
        """A quiet sentence above the keys, until one moves on."""
        self.said = sentence
        self.redraw()

    def read_on(self, pages: int) -> None:
        """Scroll the detail by so many pages."""
        self._down += pages * max(1, self.room - 2)
        self.redraw()

    # Measures -----------------------------------------------------------------------------------------------

    @property
    def _low(self) -> bool:
        return self.size.height < LOW

    @property
    def _list_from(self) -> int:
        return 2 if self._low else 4

    @property
    def room(self) -> int:
        """Lines for the list and for the detail."""
        return max(1, self.size.height - self._list_from - _BELOW)

    @property
    def _columns(self) -> tuple[int, int]:
        """Cells of the list and of the detail beside it; none for it on a narrow terminal."""
        cells = self.size.width - 2 * _EDGE
        if self.size.width < NARROW:
            return cells, 0
        left = max(_LIST_LEAST, min(_LIST_MOST, round(cells * 0.49)))
        return left, min(_MEASURE, cells - left - _SPACE)

    # Drawing ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the page, from a drawing that is kept until something in it changes."""
        look = look_of(self.app)
        if self._drawn is None or self._drawn[0] != (look, self.size):
            self._drawn = ((look, self.size), self._draw(look))
        return strip(self._drawn[1][y], self.size.width, look.ground)

    def redraw(self) -> None:
        """Something in the drawing has changed."""
        self._drawn = None
        self.refresh()

    def _draw(self, look: Look) -> list[Line]:
        cells, height = self.size.width - 2 * _EDGE, self.size.height
        title, opposite = self.head()
        said = clip(display_line(self.about()), cells - len(title) - len(opposite) - 6)
        head = ends([(title, look.strong), gap(3), (said, look.muted)], [(opposite, look.faint)], cells)
        lines: list[Line] = [] if self._low else [[]]
        lines += [head, *([[]] * (self._list_from - len(lines) - 1)), *self._body(look)]
        below = self.said or ("" if self._columns[1] else self.in_short())
        lines += [[(clip(display_line(below), cells), look.faint)]]
        lines += [[("›", look.accent)] if self.typing else self.key_line(look, cells), []]
        return indent([*lines, *([[]] * height)][:height], _EDGE)

    def _body(self, look: Look) -> list[Line]:
        left, right = self._columns
        self._rows = self.rows(look, left, roomy=not self._low)
        self._top = self._reached()
        shown = [line for line, _ in self._rows[self._top : self._top + self.room]]
        columns: list[tuple[list[Line], int]] = [([*shown, *([[]] * (self.room - len(shown)))], left)]
        if right:
            columns.append((self._read(look, right), right))
        return beside(columns, _SPACE)

    def _reached(self) -> int:
        """The list's first line, so that the whole row one stands on is seen; the heading with the first row."""
        places = self.places()
        if not places:
            return 0
        first = 0 if self.at == 0 else places[0]
        top = min(self._top, first) if self._follow else self._top
        top = max(top, places[-1] - self.room + 1) if self._follow else top
        return max(0, min(top, len(self._rows) - self.room))

    def _read(self, look: Look, cells: int) -> list[Line]:
        lines = self.detail(look, cells)
        self._down = max(0, min(self._down, len(lines) - self.room))
        shown = lines[self._down : self._down + self.room]
        below = len(lines) - self._down - self.room
        if below > 0:
            shown[-1] = ends([], keys([("pgdn", f"{below + 1:,} more lines")], look.muted, look.faint), cells)
        return shown

    # Mouse --------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Stand on what is under the pointer; a second click chooses it."""
        place = self._top + event.y - self._list_from
        in_list = event.x < _EDGE + self._columns[0] and 0 <= event.y - self._list_from < self.room
        if event.widget is not self or not in_list or place >= len(self._rows):
            return
        index = self._rows[place][1]
        if index is not None:
            self.stand_on(index)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll what is under the pointer."""
        self._scroll(event, -_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll what is under the pointer."""
        self._scroll(event, _WHEEL)

    def _scroll(self, event: events.MouseEvent, lines: int) -> None:
        event.stop()
        if event.x < _EDGE + self._columns[0]:
            self._top, self._follow = self._top + lines, False
        else:
            self._down += lines
        self.redraw()
