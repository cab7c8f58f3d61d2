"""The characters that tokens begin with: a grammar that refuses them refuses every token that begins with them.

So a few hundred candidates tell what llama.cpp's grammar sampler would say of most of a whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_UNKNOWN = "\0"


@dataclass(frozen=True)
class Openings:
    """Those of one length in one vocabulary."""

    probes: Any
    """The tokens that are so many characters and nothing else, shape (openings,)."""
    row_of: Any
    """For each token the place in `probes` of what it begins with, shape (vocabulary,).

    It is one behind the last for tokens that must be looked at themselves: special and short ones, those that
    begin with half a character, those whose beginning is no token.
    """

    @classmethod
    def of(cls, texts: Sequence[str], length: int) -> Openings:
        """Those of a vocabulary.

        Args:
            texts: What its tokens say, as `text_of` has it; nothing for special ones.
            length: How many characters.
        """
        openings = [text[:length] for text in texts]
        tokens = {text: token for token, text in enumerate(texts) if len(text) == length and _UNKNOWN not in text}
        rows = {text: row for row, text in enumerate(tokens)}
        row_of = [rows.get(opening, len(rows)) for opening in openings]
        return cls(np.array(list(tokens.values()), np.int32), np.array(row_of, np.int32))

    def refused(self, possible: Any, refuses: Callable[[Any], Any]) -> Any:
        """Which tokens begin with what is refused, as a mask of shape (vocabulary,).

        Args:
            possible: A mask of those that are not refused yet.
            refuses: Which tokens of an array of ids are, as a mask.
        """
        asked = possible[self.probes]
        refused = np.append(~asked, [False])
        refused[:-1][asked] = refuses(self.probes[asked])
        return refused[self.row_of]


def text_of(piece: bytes) -> str:
    """What a token says; from what is half a character or none on, there is NUL."""
    try:
        return piece.decode()
    except UnicodeDecodeError as error:
        return piece[: error.start].decode() + _UNKNOWN
