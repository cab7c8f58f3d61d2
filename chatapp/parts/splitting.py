"""A document cut into parts that a model can read one at a time: nothing left out, nothing twice.

A part ends where its text does: before a heading or a page, else behind a paragraph, a line, a sentence, a word.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable

from chatapp.conversation.document import Document, Span, Unit

Count = Callable[[Span], Awaitable[int]]
"""Tokens of the prompt that gives the model a stretch of the document."""

_SAMPLE = 8_000
"""Characters that tell how many tokens a text has, before its first part is known."""
_EARLY, _LATE = 0.6, 1.15
"""Between which shares of an even part its border is looked for."""
_TIGHTER = 0.97
_HEADING = re.compile(r"(?m)^(?:#{1,6} |\f|(?=[^\n]{1,80}\n(?:={3,}|-{3,})\n))")
_BORDERS = (
    re.compile(r"\n[ \t]*\n+"),
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’»)\]]*\s+|[。！？]"),
    re.compile(r"\s+"),
)
"""What a part best ends behind, the best first."""


async def split(document: Document, count: Count, room: int) -> AsyncIterator[Span]:
    """The parts of a document, in their order and about as long as each other; together they are its text.

    Args:
        document: What is read.
        count: Counts exactly; asked about three times for each part.
        room: Tokens that the prompt of a part may have.

    Raises:
        ValueError: when not even one character has room.
    """
    length, start = len(document.text), 0
    empty = await count((0, 0))
    sample = (0, min(_SAMPLE, length))
    density = _density(await count(sample) - empty, sample)
    while start < length:
        left = max(1, math.ceil((length - start) * density / max(1, room - empty)))
        even = (length - start) / left
        end = length if left == 1 else _border(document, start + even * _EARLY, start + even * _LATE, start)
        while (tokens := await count((start, end))) > room:
            if end == start + 1:
                raise ValueError("not even one character has room")
            share = max(0.1, _TIGHTER * (room - empty) / max(1, tokens - empty))
            reach = max(1.0, (end - start) * share)
            end = max(start + 1, min(end - 1, _border(document, start + reach * _EARLY, start + reach, start)))
        density = _density(tokens - empty, (start, end))
        yield start, end
        start = end


def _density(tokens: int, span: Span) -> float:
    """Tokens of a character."""
    return max(1, tokens) / max(1, span[1] - span[0])


def _border(document: Document, low: float, high: float, start: int) -> int:
    """The best place to end a part, between two characters; the later of places that are as good."""
    first, last = max(start + 1, int(low)), min(len(document.text), max(start + 1, int(high)))
    if (place := _opening(document, first, last)) is not None:
        return place
    for border in _BORDERS:
        ends = [one.end() for one in border.finditer(document.text, first - 1, last)]
        if ends:
            return max(first, ends[-1])
    return last


def _opening(document: Document, first: int, last: int) -> int | None:
    """Where a heading or a page begins."""
    if document.unit is Unit.PAGE:
        place = bisect_right(document.starts, last) - 1
        return document.starts[place] if place >= bisect_left(document.starts, first) else None
    found = [one.start() for one in _HEADING.finditer(document.text, first, last) if one.start() >= first]
    return found[-1] if found else None
