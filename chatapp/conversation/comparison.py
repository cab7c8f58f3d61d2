"""Two texts word by word: what both say, and what only one of them does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

Piece = tuple[str, bool]
"""A stretch of a text, and whether the other text has it too."""

MOST_PAIRS = 4_000_000
"""Words of the one times words of the other, from which on texts are compared by lines."""
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_WORD = re.compile(rf"\n|[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+[^\S\n]*|[^\w\s][^\S\n]*|[^\S\n]+")
_LINE = re.compile(r"\n|[^\n]+")


@dataclass(frozen=True)
class Block:
    """Lines of both texts that belong side by side: they end with a line end that both have."""

    one: tuple[Piece, ...]
    other: tuple[Piece, ...]


def compare(one: str, other: str) -> list[Block]:
    """The two texts in blocks; put together, the pieces of each side are its text again.

    Words are matched by Ratcliff and Obershelp's method (difflib); blanks between them do not count.
    """
    mine, theirs = _WORD.findall(one), _WORD.findall(other)
    if len(mine) * len(theirs) > MOST_PAIRS:
        mine, theirs = _LINE.findall(one), _LINE.findall(other)
    matcher = SequenceMatcher(None, [*map(_key, mine)], [*map(_key, theirs)])
    blocks: list[Block] = []
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, begin, end, start, stop in matcher.get_opcodes():
        if tag != "equal":
            left += [(word, False) for word in mine[begin:end]]
            right += [(word, False) for word in theirs[start:stop]]
            continue
        for word, twin in zip(mine[begin:end], theirs[start:stop], strict=True):
            left.append((word, True))
            right.append((twin, True))
            if word == "\n":
                blocks.append(Block(tuple(left), tuple(right)))
                left, right = [], []
    return [*blocks, Block(tuple(left), tuple(right))] if left or right else blocks


def own_words(pieces: tuple[Piece, ...]) -> int:
    """How many words of a side the other does not have."""
    return sum(not both and any(map(str.isalnum, word)) for word, both in pieces)


def _key(word: str) -> str:
    return word.rstrip() or word[:1]
