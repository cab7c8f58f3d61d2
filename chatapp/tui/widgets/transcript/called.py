"""The tools that a reply called: a quiet line each, that unfolds to all of what was asked and what came back."""

from __future__ import annotations

from collections.abc import Sequence

from chatapp.text import display, display_line
from chatapp.tui.lines import clip, flow, gap, width
from chatapp.tui.look import Look

from .row import Row

_ARROW = "→"


def called_rows(called: Sequence[tuple[str, str]], look: Look, cells: int, *, unfolded: bool) -> list[Row]:
    """The rows of calls on so many cells."""
    rows: list[Row] = []
    for asked, result in called:
        rows += _open(asked, result, look, cells) if unfolded else [_closed(asked, result, look, cells)]
    return rows


def _closed(asked: str, result: str, look: Look, cells: int) -> Row:
    said = clip(display_line(asked), cells * 2 // 3)
    line = [(said, look.muted), gap(2), (_ARROW, look.faint), gap(1)]
    first = " ".join(result.split())
    line.append((clip(display_line(first), max(1, cells - width(line))), look.muted))
    row = Row(line)
    row.mark = ("▸", look.faint)
    return row


def _open(asked: str, result: str, look: Look, cells: int) -> list[Row]:
    rows = [Row(line) for line in flow([(display_line(asked), look.muted)], cells)]
    rows[0].mark = ("▾", look.faint)
    for text in display(result).split("\n"):
        rows += [Row([gap(2), *line]) for line in flow([(text, look.text)], max(8, cells - 2))]
    return rows
