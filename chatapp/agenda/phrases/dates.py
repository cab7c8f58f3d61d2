"""Dates with a number in them, in digits or with a month's name. Without a year they are the next there is."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from chatapp.agenda.phrases.pieces import Phrase, Pieces


class Day(NamedTuple):
    """A date, and whether its year was left to us."""

    date: date
    yearless: bool


class Dates:
    """Reads dates, on a day."""

    def __init__(self, today: date) -> None:
        self._today = today

    def take(self, phrase: Phrase, pieces: Pieces, *, following: bool = False) -> Day | None:
        """Take the first date out of a phrase, or only one that follows the last piece taken."""
        find = phrase.take_next if following else phrase.take
        readers = (
            (pieces.iso_date, self._iso),
            (pieces.dotted_date, self._dotted),
            (pieces.slashed_date, self._slashed),
            (pieces.day_month, self._day_first),
            (pieces.month_day, self._month_first),
        )
        for pattern, read in readers:
            match = find(pattern)
            if match is None:
                continue
            if (found := read(match, pieces)) is not None:
                return found
            phrase.put_back(match)
        return None

    def _iso(self, match: re.Match[str], _pieces: Pieces) -> Day | None:
        return self._date(int(match[3]), int(match[2]), match[1])

    def _dotted(self, match: re.Match[str], _pieces: Pieces) -> Day | None:
        return self._date(int(match[1]), int(match[2]), match[3])

    def _slashed(self, match: re.Match[str], pieces: Pieces) -> Day | None:
        first, second = int(match[1]), int(match[2])
        american = pieces.language.code == "en" and first <= 12
        return self._date(second, first, match[3]) if american else self._date(first, second, match[3])

    def _day_first(self, match: re.Match[str], pieces: Pieces) -> Day | None:
        return self._date(int(match[1]), pieces.month_of(match[2]), match[3])

    def _month_first(self, match: re.Match[str], pieces: Pieces) -> Day | None:
        return self._date(int(match[2]), pieces.month_of(match[1]), match[3])

    def _date(self, day: int, month: int, year: str | None) -> Day | None:
        try:
            if year is not None:
                return Day(date(int(year) + (2000 if len(year) == 2 else 0), month, day), yearless=False)
            return Day(following(day, month, self._today), yearless=True)
        except ValueError:
            return None


def following(day: int, month: int, since: date) -> date:
    """The first such day on or after a date.

    Raises:
        ValueError: when no year has it.
    """
    for year in range(since.year, since.year + 9):
        try:
            found = date(year, month, day)
        except ValueError:  # 29 February
            continue
        if found >= since:
            return found
    raise ValueError(f"there is no day {day} in month {month}")
