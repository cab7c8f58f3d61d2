"""The caret at the end of a reply that is being written."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from chatapp.tui.lines import Span, fit
from chatapp.tui.look import Look

from .row import Row, from_cell

CARET = "▌"
_CELLS = 2
"""A blank and the caret."""


def with_caret(rows: list[Row], look: Look, cells: int) -> list[Row]:
    """Put the caret behind the last text; on a line of its own where that line is full."""
    place = next((place for place in reversed(range(len(rows))) if rows[place].runs), None)
    if place is None:
        return [*rows, Row([(CARET, look.accent)])]
    row = rows[place]
    end = _text_end(row)
    ground = Style(bgcolor=row.line[-1][1].bgcolor)
    caret: Span = (CARET, ground + look.accent)
    if end + _CELLS > cells:
        return [*rows[: place + 1], Row([caret], at=row.at), *rows[place + 1 :]]
    line = [*fit(row.line, end), (" ", ground), caret, *from_cell(row.line, end + _CELLS)]
    return [*rows[:place], Row(line, row.runs, row.mark, row.at), *rows[place + 1 :]]


def _text_end(row: Row) -> int:
    """The cell behind the row's last character."""
    cell, _, count = row.runs[-1]
    text = "".join(text for text, _ in from_cell(row.line, cell))
    return cell + cell_len(text[:count])
