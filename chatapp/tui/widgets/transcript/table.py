"""Tables: one rule under the head, no uprights, numbers to the right, cells wrapped where the page is narrow."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len

from chatapp.tui.lines import Line, gap, width
from chatapp.tui.look import Look

from .document import Table
from .inline import Spans, cut, plain, role_style
from .row import Row, Run
from .wrap import wrap

NARROWEST = 4
MOST_SPACE, LEAST_SPACE = 6, 2

# A number, its sign and its unit: "-1.5", "€ 12,000", "31 tokens", "40 %".
_NUMBER = re.compile(r"[-+−±~≈<>$€£ ]*\.?\d[\d.,'\u2009]*\s?\S{0,12}")


class _Column(NamedTuple):
    """Where a column stands, and on which side its cells do."""

    left: int
    cells: int
    right: bool


def lay_out_table(table: Table, look: Look, cells: int, at: int) -> list[Row] | None:
    """The rows of a table on so many cells; none when its columns cannot be made narrow enough."""
    widths = _widths(table, cells)
    if widths is None:
        return None
    space = _space(widths, cells)
    lefts = [sum(widths[:column]) + space * column for column in range(len(widths))]
    columns = [
        _Column(left, width, _is_right(table, n))
        for n, (left, width) in enumerate(zip(lefts, widths, strict=True))
    ]
    rows: list[Row] = []
    for number, row in enumerate(table.cells):
        rows += _table_row(row, columns, look, at)
        at += sum(len(plain(cell)) + 1 for cell in row)
        if number == 0:
            rows.append(Row([("─" * (lefts[-1] + widths[-1]), look.rule)], at=at))
    return rows


def _widths(table: Table, cells: int) -> list[int] | None:
    """The width of each column: its natural one, or, where all do not fit, the widest give way."""
    by_column = zip_longest(*table.cells, fillvalue=())
    natural = [max(1, *(cell_len(plain(cell)) for cell in column)) for column in by_column]
    room = cells - LEAST_SPACE * (len(natural) - 1)
    if sum(min(NARROWEST, column) for column in natural) > room:
        return None
    limit = max(natural, default=0)
    while sum(min(limit, column) for column in natural) > room:
        limit -= 1
    return [min(limit, column) for column in natural]


def _space(widths: list[int], cells: int) -> int:
    free = (cells - sum(widths)) // max(1, len(widths) - 1)
    return min(MOST_SPACE, max(LEAST_SPACE, free))


def _is_right(table: Table, column: int) -> bool:
    """As the source says, or where every cell below the head is a number."""
    said = table.alignment[column] if column < len(table.alignment) else ""
    if said:
        return said == "right"
    texts = [plain(row[column]).strip() for row in table.cells[1:] if column < len(row)]
    return bool(texts) and all(_NUMBER.fullmatch(text) for text in texts)


def _table_row(row: tuple[Spans, ...], columns: list[_Column], look: Look, at: int) -> list[Row]:
    """One row of the table, as many lines high as its highest cell."""
    lines: list[Line] = [[]]
    runs: list[list[Run]] = [[]]
    first = at
    for cell, column in zip(row, columns, strict=False):
        text = plain(cell)
        parts = wrap(text, column.cells, column.cells)
        lines += [[] for _ in range(len(parts) - len(lines))]
        runs += [[] for _ in range(len(parts) - len(runs))]
        for height, (part, (start, end)) in enumerate(zip(cut(cell, parts), parts, strict=True)):
            piece: Line = [(word, role_style(look, role)) for word, role in part]
            left = column.left + (column.cells - width(piece) if column.right else 0)
            lines[height] += [gap(left - width(lines[height])), *piece] if piece else []
            runs[height] += [(left, at + start, end - start)] if piece else []
        at += len(text) + 1
    return [
        Row([span for span in line if span[0]], tuple(run), at=run[0][1] if run else first)
        for line, run in zip(lines, runs, strict=True)
    ]
