"""Citations in the text of a reply: found in what is drawn, and set off there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.style import Style

from chatapp.tui.look import Look

from .row import Row, styled

Span = tuple[int, int]


def spans_of(cited: Sequence[str], text: str) -> list[Span]:
    """Where citations stand in a text, from the top."""
    if not cited:
        return []
    pattern = "|".join(re.escape(one) for one in sorted(cited, key=len, reverse=True))
    return [found.span() for found in re.finditer(pattern, text)]


def set_off(rows: Sequence[Row], spans: Sequence[Span], look: Look) -> None:
    """Draw citations as what can be opened; one may reach over the end of a row."""
    style = look.third + Style(underline=True)
    for row in rows if spans else ():
        plain = row.line
        for begin, end in spans:
            for cell, start, count in row.runs:
                first, last = max(begin, start), min(end, start + count)
                if first < last:
                    row.line = styled(row.line, plain, cell, (first - start, last - start), style)
