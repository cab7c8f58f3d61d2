"""Code: words coloured by role, long lines broken by cells, on a slab with half-block edges."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Number, Operator, String, Token
from pygments.util import ClassNotFound
from rich.cells import cell_len

from chatapp.tui.lines import Line, ends, gap, on, width
from chatapp.tui.look import Look

from .inline import Spans, cut, role_style
from .row import Row
from .wrap import chop

TAB = 4
LONGEST = 64 * 1024
"""Characters above which code is shown in one colour."""

_ROLES = {
    Keyword: "second",
    Operator.Word: "second",
    Number: "third",
    String: "ok",
    Comment: "muted italic",
}


@lru_cache(maxsize=256)
def highlight(code: str, language: str) -> tuple[Spans, ...]:
    """Colour code by role, one tuple of spans for each line."""
    lexer = _lexer(language)
    if lexer is None or len(code) > LONGEST:
        return tuple(((line, "text"),) for line in code.split("\n"))
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, value in lexer.get_tokens(code):
        role = _role(kind)
        first, *others = value.split("\n")
        lines[-1].append((first, role))
        lines += [[(piece, role)] for piece in others]
    wanted = code.count("\n") + 1
    return tuple(tuple(span for span in line if span[0]) for line in lines[:wanted])


def lay_out_code(
    lines: tuple[Spans, ...], label: str, look: Look, cells: int, at: int, *, begins: bool, ends_here: bool
) -> list[Row]:
    """The rows of a block of code.

    Args:
        lines: The lines, as `highlight` gives them.
        label: The language, shown at the end of the first row where there is room.
        look: The theme's roles.
        cells: The width of the slab.
        at: The first character's place in the message.
        begins: Whether the slab has its upper edge here.
        ends_here: Whether the slab has its lower edge here.
    """
    rows: list[Row] = []
    if begins and look.grounds:
        rows.append(Row([("▄" * cells, look.slab_edge)], at=at))
    for number, spans in enumerate(lines):
        rows += _line_rows(spans, look, cells, at, label if begins and number == 0 else "")
        at += sum(len(text) for text, _ in spans) + 1
    if ends_here and look.grounds:
        rows.append(Row([("▀" * cells, look.slab_edge)], at=at - 1))
    return rows


def _line_rows(spans: Spans, look: Look, cells: int, at: int, label: str) -> list[Row]:
    """One line of code: broken where it is too long, with a mark where it goes on."""
    text = "".join(piece for piece, _ in spans)
    rows: list[Row] = []
    parts = chop(text, max(2, cells - 4))
    for (start, end), part in zip(parts, cut(spans, parts), strict=True):
        line: Line = [gap(2) if look.grounds else ("│ ", look.rule)]
        line += [(piece, role_style(look, role)) for piece, role in part]
        if end < len(text):
            line.append(("↵", look.faint))
        if label and not rows and width(line) + cell_len(label) + 2 < cells:
            line = ends(line, [(label, look.faint), gap(1)], cells)
        runs = ((2, at + start, end - start),) if end > start else ()
        rows.append(Row(on(line, look.slab, cells), runs, at=at + start))
    return rows


def _role(kind: Any) -> str:
    while kind is not None and kind is not Token:
        if kind in _ROLES:
            return _ROLES[kind]
        kind = kind.parent
    return "text"


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        return None
