"""The page that the persona picker draws: the list at the left, and the persona one stands on at the right."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.personas import Listed
from chatapp.text import display_line
from chatapp.tui.lines import Line, beside, clip, ends, indent, keys, strip, width
from chatapp.tui.look import Look, look_of
from chatapp.tui.screens.persona_lines import Standing, counted, list_lines, preview_lines

LOW, NARROW = 30, 100
_EDGE, _SPACE, _MEASURE = 4, 7, 90
_LIST_LEAST, _LIST_MOST = 46, 72
_BELOW = 3
"""Lines below the list: what was said or a blank one, the keys, and a blank one."""
_WHEEL = 3


class PersonaPage(Widget):
    """Draws the personas; the screen around it decides."""

    class Chosen(Message):
        """The persona one stands on was clicked twice."""

    class Moved(Message):
        """One stands on another persona."""

    def __init__(self, listed: Sequence[Listed], *, current: str, default: str, context: int) -> None:
        super().__init__()
        self.listed = list(listed)
        self.at = next((i for i, one in enumerate(self.listed) if one.name.casefold() == current.casefold()), 0)
        self.costs: dict[str, int] = {}
        self.said = ""
        self.naming = False
        self._names = current, default
        self._room_in_model = context
        self._top = 0
        self._down = 0
        self._follow = True
        self._rows: list[tuple[Line, int | None]] = []
        self._drawn: tuple[tuple[Look, Size], list[Line]] | None = None

    @property
    def here(self) -> Listed | None:
        """The persona one stands on."""
        return self.listed[self.at] if self.listed else None

    def stand_on(self, index: int) -> None:
        """Go to a persona, or as near as there is one."""
        self.at = max(0, min(len(self.listed) - 1, index))
        self._down = 0
        self._follow = True
        self.say("")
        self.post_message(self.Moved())

    def say(self, sentence: str) -> None:
        """A quiet sentence above the keys, until one moves on."""
        self.said = sentence
        self.redraw()

    def read_on(self, pages: int) -> None:
        """Scroll the persona that is shown by so many pages."""
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
        """Lines for the list and for the persona."""
        return max(1, self.size.height - self._list_from - _BELOW)

    @property
    def _columns(self) -> tuple[int, int]:
        """Cells of the list and of the persona beside it; none for it on a narrow terminal."""
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
        head = ends([("Personas", look.strong)], [(counted(self.listed), look.faint)], cells)
        lines: list[Line] = [] if self._low else [[]]
        lines += [head, *([[]] * (self._list_from - len(lines) - 1)), *self._body(look)]
        lines += [[(clip(display_line(self.said), cells), look.faint)]]
        lines += [[("›", look.accent)] if self.naming else self._keys(look, cells), []]
        return indent([*lines, *([[]] * height)][:height], _EDGE)

    def _body(self, look: Look) -> list[Line]:
        left, right = self._columns
        standing = Standing(self.at, *self._names)
        self._rows = list_lines(self.listed, standing, look, left, roomy=not self._low)
        self._top = self._reached()
        shown = [line for line, _ in self._rows[self._top : self._top + self.room]]
        columns: list[tuple[list[Line], int]] = [([*shown, *([[]] * (self.room - len(shown)))], left)]
        if right:
            columns.append((self._persona(look, right), right))
        return beside(columns, _SPACE)

    def _reached(self) -> int:
        """The list's first line, so that the whole row one stands on is seen; the heading with the first row."""
        places = [place for place, (_, index) in enumerate(self._rows) if index == self.at]
        if not places:
            return 0
        first = 0 if self.at == 0 else places[0]
        top = min(self._top, first) if self._follow else self._top
        top = max(top, places[-1] - self.room + 1) if self._follow else top
        return max(0, min(top, len(self._rows) - self.room))

    def _persona(self, look: Look, cells: int) -> list[Line]:
        one = self.here
        if one is None:
            return []
        cost = self.costs.get(one.persona.digest) if one.persona else None
        lines = preview_lines(one, cost, self._room_in_model, look, cells)
        self._down = max(0, min(self._down, len(lines) - self.room))
        shown = lines[self._down : self._down + self.room]
        below = len(lines) - self._down - self.room
        if below > 0:
            shown[-1] = ends([], keys([("pgdn", f"{below + 1:,} more lines")], look.muted, look.faint), cells)
        return shown

    def _keys(self, look: Look, cells: int) -> Line:
        one = self.here
        usable = one is not None and not one.problem
        name = display_line(one.name) if one else ""
        begin = [("enter", f"new session with {name}"), ("a", "apply here")] if usable else []
        line = keys([*begin, ("e", "edit the file"), ("n", "new"), ("esc", "page")], look.muted, look.faint)
        if width(line) <= cells:
            return line
        short = [("enter", "new session"), ("a", "apply here"), ("e", "edit"), ("n", "new"), ("esc", "page")]
        return keys(short, look.muted, look.faint)

    # Mouse --------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Stand on the persona under the pointer; a second click chooses it."""
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
