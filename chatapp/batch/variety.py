"""Near-duplicates among variations of a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

_WORDS = re.compile(r"\w+")


def is_near(text: str, others: Iterable[str], threshold: float) -> bool:
    """Whether a text says what another says, word by word.

    Args:
        text: The newcomer.
        others: Those that it is held against.
        threshold: The share of words in common order (Ratcliff and Obershelp's ratio, 2·matches / words) from
            which two texts count as one. Capitals, marks and blanks never tell two apart.
    """
    words = _words(text)
    return any(
        words == other or SequenceMatcher(None, words, other, autojunk=False).ratio() >= threshold
        for other in map(_words, others)
    )


def _words(text: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
