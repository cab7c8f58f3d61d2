"""Lines of styled text, and the few things that are drawn with them: columns, wrapped text, bars and sliders.

A line is a list of spans (text, style). All text that reaches these functions has passed `text.display`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Span = tuple[str, Style]
Line = list[Span]

PLAIN = Style()
_WORDS = re.compile(r"( +)")


def width(line: Iterable[Span]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def gap(cells: int) -> Span:
    """So many blank cells; none for zero or less."""
    return " " * max(0, cells), PLAIN


def fit(line: Iterable[Span], cells: int) -> Line:
    """The line cut or filled to exactly so many cells."""
    fitted: Line = []
    left = cells
    for text, style in line:
        need = cell_len(text)
        piece = set_cell_size(text, left) if need > left else text
        if piece:
            fitted.append((piece, style))
        left -= min(need, left)
    if left:
        fitted.append(gap(left))
    return fitted


def clip(text: str, cells: int) -> str:
    """The text in so many cells, with an ellipsis where it was cut."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, max(0, cells - 1)).rstrip() + "…" if cells > 0 else ""


def ends(left: Line, right: Line, cells: int) -> Line:
    """One line with something at its left end and something at its right end; the right end wins."""
    room = cells - width(right)
    return [*fit(left, max(0, room)), *right]


def indent(lines: Iterable[Line], cells: int) -> list[Line]:
    """Every line moved to the right; empty ones stay empty."""
    return [[gap(cells), *line] if line else [] for line in lines]


def on(line: Iterable[Span], ground: Style, cells: int) -> Line:
    """The line on a ground of its own, filled to its width."""
    return [(text, ground + style) for text, style in fit(line, cells)]


def beside(columns: Sequence[tuple[Sequence[Line], int]], space: int) -> list[Line]:
    """Columns (lines, width) set side by side."""
    rows: list[Line] = []
    for y in range(max(len(lines) for lines, _ in columns)):
        row: Line = []
        for x, (lines, cells) in enumerate(columns):
            row += [gap(space)] if x else []
            row += fit(lines[y] if y < len(lines) else [], cells)
        rows.append(row)
    return rows


def flow(spans: Iterable[Span], cells: int) -> list[Line]:
    """Styled text wrapped at words; a word that is wider than a line is cut."""
    lines: list[Line] = [[]]
    used = 0
    for word in _words(spans):
        need = width(word)
        if used and used + 1 + need > cells:
            lines.append([])
            used = 0
        if used:
            lines[-1].append((" ", lines[-1][-1][1]))
            used += 1
        for text, style in word:
            rest = text
            while rest:
                if used >= cells:
                    lines.append([])
                    used = 0
                piece = (
                    rest
                    if cell_len(rest) <= cells - used
                    else set_cell_size(rest, cells - used).rstrip() or rest[0]
                )
                lines[-1].append((piece, style))
                used += cell_len(piece)
                rest = rest[len(piece) :]
    return lines


def _words(spans: Iterable[Span]) -> list[Line]:
    words: list[Line] = [[]]
    for text, style in spans:
        for piece in _WORDS.split(text):
            if piece.startswith(" "):
                words.append([])
            elif piece:
                words[-1].append((piece, style))
    return [word for word in words if word]


def bar(share: float, cells: int, style: Style) -> Line:
    """A thin rule as long as a share of the cells, in half cells; what is not nothing shows at least a stub."""
    halves = max(0, min(2 * cells, round(2 * cells * share)))
    text = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    if not text and share > 0:
        text = "╴"
    return [(text, style), gap(cells - len(text))]


def meter(share: float, cells: int, style: Style, track: Style) -> Line:
    """A rule of fixed length, filled as far as a share; more than nothing shows at least one cell."""
    filled = min(cells, max(1 if share > 0 else 0, round(cells * share)))
    return [("━" * filled, style), ("─" * (cells - filled), track)]


def slider(share: float, cells: int, style: Style, track: Style, notch: float | None = None) -> Line:
    """A rule with a knob; `notch` marks another value on it, such as the one that would be inherited."""
    knob = round(max(0.0, min(1.0, share)) * (cells - 1))
    row: Line = [("━", style) if x < knob else ("─", track) for x in range(cells)]
    if notch is not None and (place := round(max(0.0, min(1.0, notch)) * (cells - 1))) != knob:
        row[place] = ("┿", style) if place < knob else ("┼", track)
    row[knob] = ("●", style)
    return row


def keys(pairs: Iterable[tuple[str, str]], key: Style, word: Style) -> Line:
    """Keys with what they do: `esc stop   enter continue`."""
    line: Line = []
    for name, does in pairs:
        line += [gap(3)] if line else []
        line += [(name, key), (f" {does}", word)]
    return line


def strip(line: Iterable[Span], cells: int, ground: Style) -> Strip:
    """The line as Textual paints it."""
    return Strip([Segment(text, ground + style) for text, style in fit(line, cells)], cells)
