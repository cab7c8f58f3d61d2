"""One painted line of a message, with the characters of the message that stand in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.cells import cell_len, split_text
from rich.style import Style
from textual.strip import Strip

from chatapp.tui.lines import Line, Span, fit, gap, strip
from chatapp.tui.look import Look

INDENT = 2
"""Cells from the page's edge, where marks hang, to the text."""

PIN = "•"

Run = tuple[int, int, int]
"""Cell in the row, first character in the message's rendered text, number of characters."""


@dataclass(slots=True, eq=False)
class Row:
    """A line of text, without the margin that holds the marks."""

    line: Line
    runs: tuple[Run, ...] = ()
    mark: Span | None = None
    at: int = 0
    """The character that a cell without text stands for."""
    barred: bool = True
    """Whether the bar of the message you stand on runs along this row."""
    outdent: bool = False
    """Whether the line begins at the page's edge, its marks included."""
    pinned: bool = False
    """Whether the mark of a pinned message hangs outside the page's edge."""
    _strip: Strip | None = field(default=None, repr=False)
    _painted: tuple[object, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """What the row says, prefixes included."""
        return "".join(text for text, _ in self.line)

    def paint(self, look: Look, x: int, width: int, *, standing: bool) -> Strip:
        """The row on a page of so many cells; the strip is kept, since its inner caches are worth keeping."""
        key = (look, x, width, standing)
        if self._strip is None or self._painted != key:
            self._strip = strip(self.whole(look, x, standing=standing), width, look.ground)
            self._painted = key
        return self._strip

    def whole(self, look: Look, x: int, *, standing: bool) -> Line:
        """The row with its margin: blank cells, the mark or the bar, the text."""
        if self.outdent:
            return [gap(x), *self.line]
        edge: Line = [gap(x - INDENT), (PIN, look.accent), gap(1)] if self.pinned and x >= INDENT else [gap(x)]
        mark = ("▎", look.accent) if standing and self.barred else self.mark
        if mark is None:
            return [*edge, gap(INDENT), *self.line]
        return [*edge, mark, gap(INDENT - cell_len(mark[0])), *self.line]

    def same(self, other: Row) -> bool:
        """Whether both look alike on the screen."""
        mine, theirs = ((row.line, row.mark, row.pinned) for row in (self, other))
        return self is other or mine == theirs


def styled(line: Line, plain: Line, cell: int, span: tuple[int, int], style: Style) -> Line:
    """The line with some characters of a run in another style."""
    text = "".join(piece for piece, _ in from_cell(plain, cell))
    left = cell + cell_len(text[: span[0]])
    right = cell + cell_len(text[: span[1]])
    middle = fit(from_cell(line, left), right - left)
    return [*fit(line, left), *((piece, before + style) for piece, before in middle), *from_cell(line, right)]


def from_cell(line: Line, cell: int) -> Line:
    """The line without its first cells."""
    rest: Line = []
    for text, style in line:
        cells = cell_len(text)
        if cell < cells:
            rest.append((split_text(text, cell)[1] if cell > 0 else text, style))
        cell -= cells
    return rest
