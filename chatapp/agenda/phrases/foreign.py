"""Phrases in other languages: the date that dateparser finds in them, for one time only.

It knows the days of 200 languages, but makes “9 o'clock” nine hours from now: the hour is read here. In the four
languages of `languages` it read 17 of 32 phrases right, and others wrongly but with confidence: hence our own
reading there. It takes 80 ms to import, and is asked only where that reading finds nothing.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import datetime, time

from chatapp.agenda.phrases.deciding import USUAL_HOUR

LANGUAGES = ("it", "nl", "pt", "pl", "sv", "da", "fi", "cs", "ru", "uk", "tr", "el", "hu", "ro", "ar", "he")
EAST_ASIAN = ("ja", "zh", "ko")
LETTERS = 4
"""What has fewer letters than this is the day of a week in one language and a common word in five others."""
_EAST_ASIAN_LETTER = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_NUMBER = re.compile(r"(?<!\d)(\d{1,2})(?:[:.h](\d{2}))?(?!\d)")


@dataclass(frozen=True)
class ForeignDate:
    """A date found: when, and the phrase without it."""

    start: datetime
    text: str


def read_foreign(phrase: str, now: datetime) -> ForeignDate | None:
    """The first date that is more than a number, in any of these languages."""
    east_asian = _EAST_ASIAN_LETTER.search(phrase) is not None
    languages, least = list(EAST_ASIAN if east_asian else LANGUAGES), 1 if east_asian else LETTERS
    for words, found in _search(phrase, languages, now):
        if sum(letter.isalpha() for letter in words) < least:
            continue
        day, clock = _without_hour(words, found, languages, now)
        start = datetime.combine(day.date(), clock)
        text = " ".join(phrase.replace(words, " ", 1).split()).strip(" ,;.:")
        return ForeignDate(start, text) if start > now and text else None
    return None


def _search(phrase: str, languages: list[str], now: datetime) -> list[tuple[str, datetime]]:
    from dateparser.search import search_dates  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: list[tuple[str, datetime]] | None = search_dates(
            phrase, languages=languages, settings=_settings(now)
        )
    return [(words, at.replace(tzinfo=None)) for words, at in found or []]


def _without_hour(words: str, found: datetime, languages: list[str], now: datetime) -> tuple[datetime, time]:
    """The day, and the hour that was said with it or the usual one."""
    numbers = list(_NUMBER.finditer(words))
    clock = next((number for number in numbers if number[2] and int(number[1]) < 24 and int(number[2]) < 60), None)
    if (
        clock is None
        and len(numbers) == 1
        and int(numbers[0][1]) not in {found.day, 0}
        and int(numbers[0][1]) < 24
    ):
        clock = numbers[0]
    if clock is None:
        return found, time(USUAL_HOUR)
    import dateparser  # noqa: PLC0415

    said = words[: clock.start()].split()
    while said:
        if day := dateparser.parse(" ".join(said), languages=languages, settings=_settings(now)):
            return day, time(int(clock[1]), int(clock[2] or 0))
        said.pop()
    return found, time(int(clock[1]), int(clock[2] or 0))


def _settings(now: datetime) -> dict[str, object]:
    return {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future"}
