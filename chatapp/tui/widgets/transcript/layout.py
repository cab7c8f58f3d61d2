"""Leaves to rows: wrapped to a width, dressed by a look, with blank lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from chatapp.tui.lines import Line, gap
from chatapp.tui.look import Look

from .code import highlight, lay_out_code
from .document import Code, Leaf, Prose, Rule, Table
from .inline import Spans, cut, role_style
from .row import Row
from .table import lay_out_table
from .wrap import wrap

LEAST_TEXT = 6
RULE_CELLS = 12


@dataclass
class Layout:
    """Rows laid out so far, and the text that they show; more can follow."""

    look: Look
    cells: int
    rows: list[Row] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    """Characters of the text laid out so far."""
    last: Leaf | None = None

    @property
    def text(self) -> str:
        """The rendered text, as it is selected and copied."""
        return "".join(self.pieces)

    def after(self) -> Layout:
        """An empty layout that goes on where this one ends."""
        return Layout(self.look, self.cells, length=self.length, last=self.last)

    def add(self, leaves: Sequence[Leaf]) -> Layout:
        """Lay out more leaves below."""
        for leaf in leaves:
            if self.last is not None:
                self._say("\n" * (1 + leaf.gap))
                self.rows += [self._blank(leaf, self.last) for _ in range(leaf.gap)]
            self.rows += lay_out(leaf, self.look, self.cells, self.length)
            self._say(leaf.text)
            self.last = leaf
        return self

    def _say(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def _blank(self, leaf: Leaf, above: Leaf) -> Row:
        """A blank line; the bars of a quote that goes on run through it."""
        common: list[tuple[str, str]] = []
        for here, there in zip(leaf.prefix, above.prefix, strict=False):
            if here != there:
                break
            common.append(here)
        return Row(_prefix_line(tuple(common), self.look), at=self.length)


def lay_out(leaf: Leaf, look: Look, cells: int, at: int) -> list[Row]:
    """The rows of one leaf, its first character being so far into the message."""
    prefix = _clipped(leaf.prefix, cells - LEAST_TEXT)
    taken = sum(cell_len(text) for text, _ in prefix)
    return _behind(_prefix_line(prefix, look), taken, _rows(leaf, look, cells - taken, at))


def _rows(leaf: Leaf, look: Look, cells: int, at: int) -> list[Row]:
    match leaf:
        case Prose():
            return _prose(leaf, look, cells, at)
        case Code():
            lines = highlight(leaf.text, leaf.language)
            return lay_out_code(lines, leaf.language, look, cells, at, begins=leaf.begins, ends_here=leaf.ends)
        case Table():
            rows = lay_out_table(leaf, look, cells, at)
            return _prose(_raw(leaf), look, cells, at) if rows is None else rows
        case Rule():
            return [Row([("─" * min(RULE_CELLS, cells), look.rule)], ((0, at, 3),), at=at)]
    raise TypeError(leaf)


def _raw(table: Table) -> Prose:
    """A table too wide for any column, as lines of text."""
    return Prose(spans=((table.text.expandtabs(1), "text"),))


def _prose(leaf: Prose, look: Look, cells: int, at: int) -> list[Row]:
    hang = max(0, min(leaf.hang, cells - LEAST_TEXT))
    rows: list[Row] = []
    parts = wrap(leaf.text, cells, cells - hang)
    for (start, end), part in zip(parts, cut(leaf.spans, parts), strict=True):
        moved = hang if rows else 0
        line: Line = [gap(moved)] if moved else []
        line += [(piece, role_style(look, role)) for piece, role in part]
        runs = ((moved, at + start, end - start),) if end > start else ()
        rows.append(Row(line, runs, at=at + start))
    return rows


def _behind(prefix: Line, cells: int, rows: list[Row]) -> list[Row]:
    """Put a prefix before every row."""
    if cells:
        for row in rows:
            row.line = [*prefix, *row.line]
            row.runs = tuple((cell + cells, start, count) for cell, start, count in row.runs)
    return rows


def _prefix_line(prefix: Spans, look: Look) -> Line:
    return [(text, role_style(look, role)) for text, role in prefix]


def _clipped(prefix: Spans, cells: int) -> Spans:
    """As many prefixes as leave room for the text, the outermost first."""
    kept: list[tuple[str, str]] = []
    for piece in prefix:
        cells -= cell_len(piece[0])
        if cells >= 0:
            kept.append(piece)
    return tuple(kept)
