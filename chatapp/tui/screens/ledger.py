"""A page with a list in groups at the left and what one stands on at the right; the screen around it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import display, display_line
from chatapp.tui.lines import Line, beside, clip, ends, flow, gap, indent, keys, strip, width
from chatapp.tui.lines import on as on_ground
from chatapp.tui.look import Look, look_of

LOW, NARROW = 30, 100
_EDGE, _SPACE = 4, 6
_BELOW = 3
_WHEEL = 3
_FACT = 10
_RIGHT = 16
"""Cells that the word at the end of a row keeps, however long the row is."""


@dataclass(frozen=True)
class LedgerRow:
    """A line of the list: when, what, and a word at its end; and the facts about it, as label and value."""

    value: object
    when: str
    text: str
    right: str = ""
    urgent: bool = False
    quiet: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    body: str = ""


Groups = Sequence[tuple[str, Sequence[LedgerRow]]]


class Ledger(Widget):
    """Draws groups of rows under a title, with the keys at the foot."""

    DEFAULT_CSS = "Ledger { width: 100%; height: 100%; }"

    class Chosen(Message):
        """The row one stands on was clicked twice."""

    def __init__(self, title: str, nothing: str) -> None:
        """An empty page.

        Args:
            title: what stands above it.
            nothing: what is said where there are no rows.
        """
        super().__init__()
        self._title, self._nothing = title, nothing
        self._aside = ""
        self._groups: Groups = ()
        self._keys: Sequence[tuple[str, str]] = ()
        self._said = ""
        self._at = 0
        self._top = 0
        self._places: list[int | None] = []
        self._drawn: tuple[tuple[Look, Size], list[Line]] | None = None

    @property
    def rows(self) -> list[LedgerRow]:
        """All rows, in their order."""
        return [row for _, rows in self._groups for row in rows]

    @property
    def here(self) -> LedgerRow | None:
        """The row one stands on."""
        rows = self.rows
        return rows[self._at] if rows else None

    def show(self, groups: Groups, *, aside: str, does: Sequence[tuple[str, str]]) -> None:
        """Show these; the place stays."""
        self._groups, self._aside, self._keys = groups, aside, does
        self._at = max(0, min(self._at, len(self.rows) - 1))
        self._redraw()

    def move(self, step: int) -> None:
        """Go up or down."""
        self._at = max(0, min(len(self.rows) - 1, self._at + step))
        self.say("")

    def say(self, sentence: str) -> None:
        """A quiet sentence above the keys, until one moves on."""
        self._said = sentence
        self._redraw()

    # Drawing ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the page, from a drawing that is kept until something in it changes."""
        look = look_of(self.app)
        if self._drawn is None or self._drawn[0] != (look, self.size):
            self._drawn = ((look, self.size), self._draw(look))
        return strip(self._drawn[1][y], self.size.width, look.ground)

    def _redraw(self) -> None:
        self._drawn = None
        self.refresh()

    @property
    def _list_from(self) -> int:
        return 2 if self.size.height < LOW else 4

    @property
    def _room(self) -> int:
        return max(1, self.size.height - self._list_from - _BELOW)

    def _draw(self, look: Look) -> list[Line]:
        cells, height = self.size.width - 2 * _EDGE, self.size.height
        head = ends([(self._title, look.strong)], [(self._aside, look.faint)], cells)
        lines: list[Line] = [] if height < LOW else [[]]
        lines += [head, *([[]] * (self._list_from - len(lines) - 1)), *self._body(look, cells)]
        lines += [[(clip(display_line(self._said), cells), look.faint)], self._foot(look, cells), []]
        return indent([*lines, *([[]] * height)][:height], _EDGE)

    def _foot(self, look: Look, cells: int) -> Line:
        count = len(self._keys)
        while count and width(keys(self._keys[:count], look.muted, look.faint)) > cells - 12:
            count -= 1
        left = keys(self._keys[:count], look.muted, look.faint)
        return ends(left, keys([("esc", "page")], look.muted, look.faint), cells)

    def _body(self, look: Look, cells: int) -> list[Line]:
        left = cells if self.size.width < NARROW else round(cells * 0.55)
        rows = self._list(look, left)
        self._top = self._reached(len(rows))
        shown = [line for line, _ in rows[self._top : self._top + self._room]]
        columns: list[tuple[list[Line], int]] = [([*shown, *([[]] * (self._room - len(shown)))], left)]
        if left < cells and (here := self.here) is not None:
            facts = _facts(here, look, cells - left - _SPACE)
            columns.append((facts[: self._room], cells - left - _SPACE))
        return beside(columns, _SPACE)

    def _list(self, look: Look, cells: int) -> list[tuple[Line, int | None]]:
        lines: list[tuple[Line, int | None]] = []
        index = 0
        wide = max((len(row.when) for row in self.rows), default=0)
        for title, rows in self._groups:
            if rows:
                lines += [([], None)] if lines else []
                lines.append(([(title, look.faint)], None))
            for row in rows:
                lines.append((_row_line(row, look, cells, wide, here=index == self._at), index))
                index += 1
        self._places = [place for _, place in lines]
        return lines or [([(self._nothing, look.muted)], None)]

    def _reached(self, count: int) -> int:
        place = self._places.index(self._at) if self._at in self._places else 0
        top = min(self._top, max(0, place - 1))
        top = max(top, place - self._room + 1)
        return max(0, min(top, count - self._room))

    # Mouse --------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Stand on the row under the pointer; a second click chooses it."""
        place = self._top + event.y - self._list_from
        if not 0 <= event.y - self._list_from < self._room or place >= len(self._places):
            return
        index = self._places[place]
        if index is not None:
            self.move(index - self._at)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def on_mouse_scroll_up(self) -> None:
        """Go up."""
        self.move(-_WHEEL)

    def on_mouse_scroll_down(self) -> None:
        """Go down."""
        self.move(_WHEEL)


def _row_line(row: LedgerRow, look: Look, cells: int, wide: int, *, here: bool) -> Line:
    tone = look.muted if row.quiet else look.strong if here else look.text
    mark = ("▎ ", look.accent) if here else ("! ", look.warn) if row.urgent else gap(2)
    when = (f"{display_line(row.when):>{wide}}", look.warn if row.urgent else look.muted)
    room = cells - wide - 5
    text = clip(display_line(row.text), max(1, room - min(cell_len(row.right), _RIGHT)))
    right = clip(display_line(row.right), max(0, room - cell_len(text) - 2))
    body: Line = [mark, when, gap(2 if wide else 0), (text, tone)]
    line = ends(body, [(right, look.muted if here else look.faint), gap(1)], cells)
    return on_ground(line, look.selection, cells) if here else line


def _facts(row: LedgerRow, look: Look, cells: int) -> list[Line]:
    """The row in full: nothing in here is cut but by the height."""
    lines: list[Line] = flow([(display_line(row.text), look.strong)], cells)
    for paragraph in display(row.body).split("\n") if row.body else []:
        lines += flow([(paragraph, look.text)], cells) if paragraph.strip() else [[]]
    lines.append([])
    for label, value in row.facts:
        wrapped = flow([(display_line(value), look.text if label else look.warn)], max(8, cells - _FACT))
        lines.append([(f"{label:<{_FACT}}", look.faint), *wrapped[0]])
        lines += indent(wrapped[1:], _FACT)
    return lines
