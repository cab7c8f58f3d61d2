"""Where several texts that begin alike part from each other, word by word, as a tree."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatapp.conversation.decision import TokenRecord

_WORD = re.compile(r"\s*\S+")
LONGEST = 200
"""Words of each text that are compared."""


@dataclass(frozen=True)
class Word:
    """A word with the blanks before it, and the chance that it was drawn with; none where that is not known."""

    text: str
    chance: float | None = None


@dataclass(frozen=True)
class Parting:
    """What some texts have in common from one parting to the next; a leaf is where a text goes its own way.

    `word` is a leaf's first word, none where the text ends. Texts that never part share a leaf.
    """

    texts: tuple[int, ...]
    common: tuple[Word, ...] = ()
    branches: tuple[Parting, ...] = ()
    word: Word | None = None


def words(text: str, records: Sequence[TokenRecord | None], *, ended: bool = True) -> list[Word]:
    """The words that a text begins with; the last one of a text that goes on may be half a word, and is left out.

    The chance of a word is that of all its tokens, one after the other.
    """
    spans = [match.span() for match in _WORD.finditer(text)][: LONGEST + 1]
    if not ended:
        spans = spans[:-1]
    ends = _ends(text, records)
    return [Word(text[start:end], _chance(start, end, ends)) for start, end in spans[:LONGEST]]


def _ends(text: str, records: Sequence[TokenRecord | None]) -> list[tuple[int, float]]:
    """Where each token ends in the text, and what it was drawn with; empty where they do not make up the text."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ends, at = [], 0
    for record in records:
        if record is None:
            return []
        piece = "" if record.special else decoder.decode(record.data)
        if not text.startswith(piece[: len(text) - at], at):
            return []
        at += len(piece)
        ends.append((at, record.p))
        if at > len(text):
            break
    return ends


def _chance(start: int, end: int, ends: Sequence[tuple[int, float]]) -> float | None:
    begins = [0, *(at for at, _ in ends)]
    chances = [p for (at, p), before in zip(ends, begins, strict=False) if before < end and at > start]
    return math.prod(chances) if chances else None


def part(texts: Mapping[int, Sequence[Word]], start: int = 0) -> Parting:
    """The tree of some texts, by number, from a word on in which they may differ.

    Raises:
        ValueError: when there is no text.
    """
    if not texts:
        raise ValueError("there is nothing to compare")
    numbers = tuple(texts)
    some = texts[numbers[0]]
    if len(texts) == 1:
        return Parting(numbers, word=some[start] if start < len(some) else None)
    end = start
    while len({_at(one, end) for one in texts.values()}) == 1 and end < len(some):
        end += 1
    common = tuple(some[start:end])
    groups: dict[str | None, dict[int, Sequence[Word]]] = {}
    for number, one in texts.items():
        groups.setdefault(_at(one, end), {})[number] = one
    if len(groups) == 1:
        return Parting(numbers, common)
    return Parting(numbers, common, tuple(part(group, end) for group in groups.values()))


def _at(text: Sequence[Word], place: int) -> str | None:
    return text[place].text if place < len(text) else None


def shared(text: str, others: Sequence[str]) -> int:
    """How many characters at its beginning a text shares with another that shares most; whole words of them."""
    most = max((_alike(text, other) for other in others), default=0)
    if most >= len(text):
        return len(text)
    while most and not text[most - 1].isspace():
        most -= 1
    return most


def _alike(one: str, other: str) -> int:
    least = min(len(one), len(other))
    return next((place for place in range(least) if one[place] != other[place]), least)
