"""Selection by mouse: which character a cell stands for, and how selected characters look.

A place is (character in the message's rendered text, slot of the message): it stays the same when heights
change, and when the page is scrolled while the mouse is held.
"""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from chatapp.tui.lines import Line, fit
from chatapp.tui.look import Look

from .column import Column
from .row import INDENT, Row, from_cell

PAST_END = 1 << 30
"""A character beyond the end of every message."""


def addressed(row: Row, slot: int, look: Look, x: int, width: int) -> Strip:
    """The row with the place that each cell stands for, one segment a character; for hit-testing only."""
    at = row.at
    if not row.barred:
        slot, at = slot - 1, PAST_END
    runs = {cell + x + INDENT: (start, count) for cell, start, count in row.runs}
    segments: list[Segment] = []
    cell, left = 0, 0
    for text, style in fit(row.whole(look, x, standing=False), width):
        for character in text:
            if cell in runs:
                at, left = runs.pop(cell)
            segments.append(Segment(character, style + Style.from_meta({"offset": (at, slot)})))
            if left:
                at, left = at + 1, left - 1
            cell += get_character_cell_size(character)
    return Strip(segments, width)


def nowhere(slot: int, width: int) -> Strip:
    """A blank line below everything: it stands for the end of the last message."""
    return Strip([Segment(" ", Style.from_meta({"offset": (PAST_END, slot)}))] * width, width)


def selected_row(row: Row, span: tuple[int, int], look: Look) -> Row:
    """The row with the characters of a span on the ground of the selection; a span may end with -1, the end."""
    begin, end = span
    end = PAST_END if end == -1 else end
    line = row.line
    for cell, start, count in row.runs:
        first, last = max(begin, start), min(end, start + count)
        if first < last:
            text = "".join(piece for piece, _ in from_cell(row.line, cell))[:count]
            left = cell + cell_len(text[: first - start])
            line = _on_ground(line, left, left + cell_len(text[first - start : last - start]), look.selection)
    return Row(line, row.runs, row.mark, row.at, row.barred, row.outdent)


def selected_text(column: Column, selection: Selection) -> str:
    """The rendered text of a selection; a message that is selected whole gives its source."""
    sheet = column.sheet
    if sheet is None:
        return ""
    first = max(1, selection.start.y) if selection.start else 1
    last = min(column.last, selection.end.y) if selection.end else column.last
    pieces: list[str] = []
    for slot in range(first, last + 1):
        begin, end = selection.get_span(slot) or (0, 0)
        view = column.view(slot)
        text = view.text(sheet)
        if begin == 0 and (end == -1 or end >= len(text)):
            pieces.append(view.source.strip("\n"))
        else:
            pieces.append(text[begin : None if end == -1 else end])
    return "\n\n".join(piece for piece in pieces if piece)


def _on_ground(line: Line, begin: int, end: int, ground: Style) -> Line:
    middle = fit(from_cell(line, begin), end - begin)
    return [*fit(line, begin), *((text, style + ground) for text, style in middle), *from_cell(line, end)]
