"""Finding by name: how well typed words fit a line, and which characters to mark.

Every typed word has to be somewhere. A word that stands as it is beats letters that are merely in the right order,
a title beats what is said about it, and the beginning of a word beats its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

WEAK = 20
"""Up to this score only the letters' order fits: shown where nothing better does."""
_SPREAD = 3
"""Letters in order may lie this many times as far apart as they are many."""
_LONGEST = 60
"""Characters that are compared when the nearest name is looked for."""


@dataclass(frozen=True)
class Fit:
    """How well a line fits, and the places of the matched characters in its title and in its detail."""

    score: int
    title: frozenset[int] = frozenset()
    detail: frozenset[int] = frozenset()


NO_FIT = Fit(0)
"""Where nothing was looked for."""


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Lower case that keeps every character in its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def match(query: str, title: str, detail: str = "", keywords: str = "") -> Fit | None:
    """How a line fits the words of a query; None when one of them is nowhere."""
    score = 0
    in_title: set[int] = set()
    in_detail: set[int] = set()
    for word in fold(query).split():
        worth, titled, detailed = _match_word(word, fold(title), fold(detail), fold(keywords))
        if not worth:
            return None
        score += worth
        in_title.update(titled)
        in_detail.update(detailed)
    if fold(query).strip() == fold(title):
        score += 100
    return Fit(score, frozenset(in_title), frozenset(in_detail))


def nearest(query: str, titles: list[str]) -> str:
    """The title most like what was typed; empty when none is like it."""
    by_folded = {fold(title)[:_LONGEST]: title for title in reversed(titles)}
    near = get_close_matches(fold(query)[:_LONGEST], list(by_folded), n=1)
    return by_folded[near[0]] if near else ""


def _match_word(word: str, title: str, detail: str, keywords: str) -> tuple[int, range | list[int], range]:
    """The worth of one word (0 for none), with its places in title and detail."""
    nowhere = range(0)
    if (place := _place(word, title)) is not None:
        worth = (100 if place == 0 else 80 if _begins(title, place) else 50) + 20 * len(word) // len(title)
        return worth, range(place, place + len(word)), nowhere
    if (place := _place(word, detail)) is not None:
        return (40 if _begins(detail, place) else 30), nowhere, range(place, place + len(word))
    if word in keywords:
        return 30, nowhere, nowhere
    scattered = _scattered(word, title)
    return (WEAK, scattered, nowhere) if scattered else (0, nowhere, nowhere)


def _place(word: str, text: str) -> int | None:
    """Where the word stands, at the beginning of a word if it can be."""
    first = place = text.find(word)
    while place > 0 and not _begins(text, place):
        place = text.find(word, place + 1)
    found = place if place >= 0 else first
    return found if found >= 0 else None


def _begins(text: str, place: int) -> bool:
    return place == 0 or not text[place - 1].isalnum()


def _scattered(letters: str, text: str) -> list[int]:
    """The letters in their order, the first at a word's beginning and none too far off; else nothing."""
    for start in range(len(text)):
        if text[start] != letters[0] or not _begins(text, start):
            continue
        places = [start]
        for letter in letters[1:]:
            place = text.find(letter, places[-1] + 1, start + _SPREAD * len(letters))
            if place < 0:
                break
            places.append(place)
        else:
            return places
    return []
