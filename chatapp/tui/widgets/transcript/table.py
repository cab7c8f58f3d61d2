"""Tables: one rule under the head, no uprights, numbers to the right, cells wrapped where the page is too narrow."""

from __future__ import annotations

import re
from itertools import zip_longest

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


def lay_out_table(table: Table, look: Look, cells: int, at: int) -> list[Row] | None:
    """The rows of a table on so many cells; none when its columns cannot be made narrow enough."""
    columns = _columns(table, cells)
    if columns is None:
        return None
    space = _space(columns, cells)
    right = [_is_right(table, column) for column in range(len(columns))]
    rows: list[Row] = []
    for number, row in enumerate(table.cells):
        rows += _table_row(row, columns, right, space, look, at)
        at += sum(len(plain(cell)) + 1 for cell in row)
        if number == 0:
            total = sum(columns) + space * (len(columns) - 1)
            rows.append(Row([("─" * total, look.rule)], at=at))
    return rows


def _columns(table: Table, cells: int) -> list[int] | None:
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


def _space(columns: list[int], cells: int) -> int:
    free = (cells - sum(columns)) // max(1, len(columns) - 1)
    return min(MOST_SPACE, max(LEAST_SPACE, free))


def _is_right(table: Table, column: int) -> bool:
    """As the source says, or where every cell below the head is a number."""
    said = table.alignment[column] if column < len(table.alignment) else ""
    if said:
        return said == "right"
    texts = [plain(row[column]).strip() for row in table.cells[1:] if column < len(row)]
    return bool(texts) and all(_NUMBER.fullmatch(text) for text in texts)


def _table_row(
    row: tuple[Spans, ...], columns: list[int], right: list[bool], space: int, look: Look, at: int
) -> list[Row]:
    """One row of the table, as many lines high as its highest cell."""
    wrapped: list[list[tuple[Line, int, int]]] = []
    for cell, cells in zip_longest(row, columns, fillvalue=()):
        if not isinstance(cells, int):
            break
        text = plain(cell)
        parts = wrap(text, cells, cells)
        wrapped.append([(_styled(cut(cell, start, end), look), at + start, end - start) for start, end in parts])
        at += len(text) + 1
    rows: list[Row] = []
    for height in range(max(len(parts) for parts in wrapped)):
        line: Line = []
        runs: list[Run] = []
        for column, parts in enumerate(wrapped):
            left = sum(columns[:column]) + space * column
            if height < len(parts):
                piece, start, count = parts[height]
                moved = columns[column] - width(piece) if right[column] else 0
                line += [gap(left + moved - width(line)), *piece]
                runs += [(left + moved, start, count)] if count else []
        rows.append(Row([span for span in line if span[0]], tuple(runs), at=wrapped[0][0][1]))
    return rows


def _styled(spans: Spans, look: Look) -> Line:
    return [(text, role_style(look, role)) for text, role in spans]
