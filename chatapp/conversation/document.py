"""A text that was read from a file, and where in it one stands: by line, by page or by paragraph."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

PASSAGE = 800
"""Most characters of a passage: about two hundred tokens of English."""

Span = tuple[int, int]
"""A stretch of a text: its first character, and the one behind its last."""
_BREAKS = ("\n\n", "\n", ". ", " ")
"""Where a long text is parted, the best place first."""


class Unit(StrEnum):
    """What the places of a document are counted in."""

    LINE = "line"
    PAGE = "page"
    PARAGRAPH = "paragraph"


@dataclass(frozen=True)
class Document:
    """A text with its places, which count from 1.

    Raises:
        ValueError: when the places do not ascend, or lie outside of the text.
    """

    text: str
    unit: Unit = Unit.LINE
    starts: tuple[int, ...] = ()
    """The character with which each place begins; empty where the places are lines: the text shows those."""

    def __post_init__(self) -> None:
        """Refuse places that no reader can have found."""
        ascending = all(one <= two for one, two in zip(self.starts, self.starts[1:], strict=False))
        if not ascending or (self.starts and not 0 <= self.starts[0] <= self.starts[-1] <= len(self.text)):
            raise ValueError("its places do not ascend within its text")

    @cached_property
    def _begins(self) -> tuple[int, ...]:
        return self.starts if self.unit is not Unit.LINE else tuple(_line_starts(self.text))

    @property
    def places(self) -> int:
        """How many lines, pages or paragraphs there are."""
        return len(self._begins)

    def place_at(self, character: int) -> int:
        """The place in which a character stands."""
        return max(1, bisect_right(self._begins, character))

    def places_of(self, span: Span) -> tuple[int, int]:
        """The first and the last place that a stretch has something of."""
        return self.place_at(span[0]), self.place_at(max(span[0], span[1] - 1))

    def in_words(self, span: Span) -> str:
        """`line 7`, `pages 3–5`: the places of a stretch."""
        first, last = self.places_of(span)
        return f"{self.unit} {first:,}" if first == last else f"{self.unit}s {first:,}–{last:,}"

    def span_of(self, place: int) -> Span | None:
        """The stretch of a place; none where there is no such place."""
        if not 1 <= place <= self.places:
            return None
        end = self._begins[place] if place < self.places else len(self.text)
        return self._begins[place - 1], end

    @cached_property
    def passages(self) -> tuple[Span, ...]:
        """The text in passages, one after the other, nothing between them; none reaches over two pages."""
        return tuple(self._passages())

    def _passages(self) -> Iterator[Span]:
        pages = [*self.starts[1:], len(self.text)] if self.unit is Unit.PAGE else [len(self.text)]
        start = 0
        for end in pages:
            while end - start > PASSAGE:
                cut = _cut(self.text, start, start + PASSAGE)
                yield start, cut
                start = cut
            if end > start:
                yield start, end
                start = end


def _line_starts(text: str) -> Iterator[int]:
    yield 0
    place = text.find("\n")
    while 0 <= place < len(text) - 1:
        yield place + 1
        place = text.find("\n", place + 1)


def _cut(text: str, start: int, end: int) -> int:
    """Where a stretch that is too long is best parted, in its second half."""
    for mark in _BREAKS:
        place = text.rfind(mark, start + PASSAGE // 2, end)
        if place >= 0:
            return place + len(mark)
    return end
