"""A notice in the page: what happened, what was kept, and the keys that help."""

from __future__ import annotations

from rich.style import Style

from chatapp.text import display_line
from chatapp.tui.lines import Line, flow, gap, width
from chatapp.tui.look import Look

from .entry import Notice
from .row import Row

_SPACE = 4


def notice_rows(notice: Notice, look: Look, cells: int) -> list[Row]:
    """The rows of a notice on so many cells."""
    sentence, more = display_line(notice.sentence), display_line(notice.more)
    if notice.kind == "quiet":
        return _quiet(sentence, more, notice, look, cells)
    tone = look.warn if notice.kind == "warn" else look.err
    rows = [Row(line) for line in flow([(sentence, tone + Style(bold=True))], cells)]
    rows[0].mark = ("!", tone)
    rows += [Row(line) for line in flow([(more, look.text)], cells)] if more else []
    if notice.keys:
        rows += [Row([]), *_keys(notice.keys, look.text, look.muted, cells)]
    return rows


def _quiet(sentence: str, more: str, notice: Notice, look: Look, cells: int) -> list[Row]:
    """One line where there is room; what can be done steps back behind what is."""
    line: Line = [(sentence, look.muted)]
    line += [gap(3), (more, look.faint)] if more else []
    for key, does in notice.keys:
        line += [gap(3), (f"{key} {display_line(does)}", look.faint)]
    return [Row(part) for part in ([line] if width(line) <= cells else flow(line, cells))]


def _keys(pairs: tuple[tuple[str, str], ...], key: Style, word: Style, cells: int) -> list[Row]:
    """Keys with what they do, as many on a line as there is room for."""
    lines: list[Line] = [[]]
    for name, does in pairs:
        pair: Line = [(name, key), (f" {display_line(does)}", word)]
        if lines[-1] and width(lines[-1]) + _SPACE + width(pair) > cells:
            lines.append([])
        lines[-1] += [gap(_SPACE), *pair] if lines[-1] else pair
    return [Row(line) for line in lines]
