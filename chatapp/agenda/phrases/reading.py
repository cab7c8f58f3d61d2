"""Reads a phrase in one language: takes out what speaks of time, and says what it said, undecided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from chatapp.agenda.phrases.dates import Dates
from chatapp.agenda.phrases.languages import Language
from chatapp.agenda.phrases.pieces import Phrase, Pieces, pieces_of, value_of, without_gaps
from chatapp.agenda.rules import LAST, Every

_TOO_OFTEN = {"minute", "hour"}


@dataclass
class Found:
    """What a phrase says of time; None where it says nothing."""

    language: str = ""
    text: str = ""
    taken: int = 0
    """Characters that were understood: the language that understands most is the one it was written in."""
    spans: list[tuple[int, str]] = field(default_factory=list)
    """From now: amounts and units."""
    day: int | None = None
    """Days from today."""
    date: dt.date | None = None
    yearless: bool = False
    """Whether the year of that date was not said."""
    month_day: int | None = None
    weekday: int | None = None
    coming: bool = False
    """Whether it said `next`: not today, whatever the hour."""
    hour: int | None = None
    minute: int = 0
    half: str = ""
    """am or pm, where it was said or follows from the part of the day."""
    by_24: bool = False
    """Whether the hour is one of 24 as it stands."""
    digits_only: bool = False
    """Whether the time is no more than digits, which every language has."""
    part: int | None = None
    """The usual hour of a part of the day."""
    every: Every | None = None
    interval: int = 1
    weekdays: set[int] = field(default_factory=set)
    nth: int = 0
    until: dt.date | None = None
    count: int | None = None
    too_often: bool = False
    """Whether it asked for a repetition within a day."""

    @property
    def says_no_day(self) -> bool:
        """Whether the day is left open."""
        days = (self.day, self.date, self.month_day, self.weekday, self.every)
        return not self.spans and all(value is None for value in days)

    @property
    def says_when(self) -> bool:
        """Whether it says anything of time."""
        said = (self.day, self.date, self.month_day, self.weekday, self.hour, self.part, self.every)
        return bool(self.spans) or self.too_often or any(value is not None for value in said)


def read(text: str, language: Language, dates: Dates) -> Found:
    """What the phrase says, if it is one of this language."""
    return _Reader(text, pieces_of(language), dates).read()


class _Reader:
    """One reading. The order matters: the longer and plainer is taken out before what could be a part of it."""

    def __init__(self, text: str, pieces: Pieces, dates: Dates) -> None:
        self._phrase = Phrase(text)
        self._pieces = pieces
        self._dates = dates
        self._found = Found(pieces.language.code)

    def read(self) -> Found:
        """Take out piece after piece."""
        phrase, found = self._phrase, self._found
        phrase.take(self._pieces.lead)
        lead = phrase.taken
        self._until()
        self._count()
        any(step() for step in self._rules())
        self._spans() or self._date() or self._relative_day()
        self._part_of_day()
        any(step() for step in (self._time, self._past_hour, self._noon, self._hour))
        self._part_of_day()
        self._weekday()
        if found.every is None:
            self._adverb()
        found.taken = phrase.taken if found.says_when else lead
        found.text = without_gaps(phrase.left, self._pieces.language.edges)
        return found

    # Rules --------------------------------------------------------------------------------------------------

    def _rules(self) -> tuple[Callable[[], bool], ...]:
        return (
            self._nth_weekday,
            self._nth_day,
            self._every_other,
            self._every_few,
            self._every_weekday,
            self._workdays,
            self._every_part,
            self._every_unit,
        )

    def _nth_weekday(self) -> bool:
        pieces, found = self._pieces, self._found
        match = self._phrase.take(pieces.nth)
        if match is None:
            return False
        every, nth, weekday, of_month, each_month = match.groups()
        repeats = every is not None and pieces.is_every(every)
        if not repeats and not each_month:
            self._phrase.put_back(match)
            return False
        place = value_of(pieces.language.nth, nth)
        if place == 2 and not of_month and not each_month:
            # “Every second Monday” is every other one; the second of the month says so.
            found.every, found.interval, found.weekdays = "week", 2, {pieces.weekday_of(weekday)}
        else:
            found.every, found.nth, found.weekdays = "month", place, {pieces.weekday_of(weekday)}
        return True

    def _nth_day(self) -> bool:
        match = self._phrase.take(self._pieces.nth_day)
        if match is not None:
            place = value_of(self._pieces.language.nth, match[1])
            self._found.every, self._found.month_day = "month", 31 if place == LAST else place
        return match is not None

    def _every_other(self) -> bool:
        match = self._phrase.take(self._pieces.other)
        if match is None:
            return False
        weekday, unit = match.groups()
        if weekday:
            self._weekly({self._pieces.weekday_of(weekday)}, 2)
        else:
            self._repeat(unit, 2)
        return True

    def _every_few(self) -> bool:
        match = self._phrase.take(self._pieces.every_few)
        if match is not None:
            self._repeat(match[2], self._pieces.number(match[1]))
        return match is not None

    def _every_weekday(self) -> bool:
        for first, more in (("every_weekday", "and_weekday"), ("habit", "and_habit")):
            match = self._phrase.take(getattr(self._pieces, first))
            if match is not None:
                days = {self._pieces.weekday_of(match[1])}
                while (match := self._phrase.take_next(getattr(self._pieces, more))) is not None:
                    days.add(self._pieces.weekday_of(match[1]))
                self._weekly(days)
                self._bare_part()
                return True
        return False

    def _workdays(self) -> bool:
        if self._phrase.take(self._pieces.workdays):
            self._weekly({0, 1, 2, 3, 4})
        elif self._phrase.take(self._pieces.weekend):
            self._weekly({5, 6})
        else:
            return False
        return True

    def _every_part(self) -> bool:
        match = self._phrase.take(self._pieces.every_part)
        if match is not None:
            self._found.every = "day"
            self._take_part(value_of(self._pieces.language.bare, match[1]))
        return match is not None

    def _every_unit(self) -> bool:
        match = self._phrase.take(self._pieces.every_unit)
        if match is not None:
            self._repeat(match[1], 1)
        return match is not None

    def _adverb(self) -> None:
        if (match := self._phrase.take(self._pieces.adverb)) is not None:
            self._repeat_unit(*value_of(self._pieces.language.adverbs, match[1]))

    def _repeat(self, unit: str, interval: int) -> None:
        self._repeat_unit(value_of(self._pieces.language.units, unit), interval)

    def _repeat_unit(self, unit: str, interval: int) -> None:
        if unit in _TOO_OFTEN:
            self._found.too_often = True
        else:
            self._found.every = unit  # type: ignore[assignment]  # the units left are those of rules
            self._found.interval = interval

    def _weekly(self, days: set[int], interval: int = 1) -> None:
        self._found.every, self._found.weekdays, self._found.interval = "week", days, interval

    def _until(self) -> None:
        if (match := self._phrase.take(self._pieces.until)) is None:
            return
        until = self._dates.take(self._phrase, self._pieces, following=True)
        self._found.until = until and until.date
        if self._found.until is None:
            self._phrase.put_back(match)

    def _count(self) -> None:
        if (match := self._phrase.take(self._pieces.count)) is not None:
            self._found.count = self._pieces.number(match[1])

    # Days ---------------------------------------------------------------------------------------------------

    def _spans(self) -> bool:
        if self._phrase.take(self._pieces.half_hour):
            self._found.spans = [(30, "minute")]
            return True
        if (match := self._phrase.take(self._pieces.delta)) is None:
            return False
        said = match.groups()
        for amount, unit in (said[0:2], said[2:4], said[4:6]):
            if amount:
                value = self._pieces.number(amount), value_of(self._pieces.language.units, unit)
                self._found.spans.append(value)
        return True

    def _date(self) -> bool:
        phrase, pieces, found = self._phrase, self._pieces, self._found
        yearly = phrase.take(pieces.every_before)
        if (day := self._dates.take(phrase, pieces, following=yearly is not None)) is not None:
            found.date, found.yearless = day
            if yearly and found.every is None:
                found.every = "year"
            return True
        if yearly is not None:
            phrase.put_back(yearly)
        if (match := phrase.take(pieces.day_of_month)) is None:
            return False
        number = int(next(filter(None, match.groups())))
        if not 1 <= number <= 31:
            phrase.put_back(match)
            return False
        found.month_day = number
        if found.every is None and (pieces.each_month.search(match[0]) or pieces.is_every(match[0].split()[0])):
            found.every = "month"
        return True

    def _relative_day(self) -> bool:
        match = self._phrase.take(self._pieces.day)
        if match is not None:
            self._found.day = value_of(self._pieces.language.days, match[1])
            self._bare_part()
        return match is not None

    def _weekday(self) -> None:
        """A weekday counts where no other day was said; beside one it only confirms it."""
        found = self._found
        if found.every == "week" and found.weekdays:
            return
        match = self._phrase.take(self._pieces.weekday)
        if match is None:
            return
        if found.day is not None:
            self._phrase.put_back(match)  # “the Sunday paper”, tomorrow
            return
        found.weekday = self._pieces.weekday_of(match[2])
        found.coming = bool(match[1] or match[3])
        self._bare_part()

    # Hours --------------------------------------------------------------------------------------------------

    def _time(self) -> bool:
        for pattern in self._pieces.times:
            if (match := self._phrase.take(pattern)) is None:
                continue
            hour, minute = int(match[1]), int(match[2] or 0)
            if hour <= 24 and minute < 60:
                half = (match[3] or "").lower().replace(".", "")
                plain = not half and (match[1].startswith("0") or hour > 12 or self._pieces.language.code != "en")
                self._at(hour, minute, half, by_24=plain)
                self._found.digits_only = not half and match[0][0].isdecimal()
                return True
            self._phrase.put_back(match)
        return False

    def _past_hour(self) -> bool:
        pieces = self._pieces
        match = self._phrase.take(pieces.past) if pieces.past else None
        if match is None or pieces.number(match[2]) > 12:
            return False
        minutes = pieces.number(match[2]) * 60 + value_of(pieces.language.past, match[1])
        self._at(minutes // 60 % 12, minutes % 60)
        return True

    def _noon(self) -> bool:
        match = self._phrase.take(self._pieces.noon)
        if match is not None:
            self._at(value_of(self._pieces.language.noon, match[1]), 0, by_24=True)
        return match is not None

    def _hour(self) -> bool:
        pieces = self._pieces
        for pattern in (pieces.hour, pieces.o_clock):
            if (match := self._phrase.take(pattern)) is None:
                continue
            hour = pieces.number(match[1])
            if hour <= 24:
                more = value_of(pieces.language.plus, match[3]) if match[3] else 0
                minutes = hour * 60 + more
                self._found.digits_only = pattern is pieces.o_clock
                exact = bool(match[2]) and match[1].isdecimal() and pieces.language.code != "en"
                self._at(minutes // 60, minutes % 60, by_24=(exact and not more) or hour > 12)
                return True
            self._phrase.put_back(match)
        return False

    def _at(self, hour: int, minute: int, half: str = "", *, by_24: bool = False) -> None:
        found = self._found
        found.hour, found.minute, found.by_24 = hour % 24, minute, by_24
        found.half = half or found.half

    def _part_of_day(self) -> None:
        if self._found.part is None and (match := self._phrase.take(self._pieces.part)) is not None:
            self._take_part(value_of(self._pieces.language.parts, match[1]))

    def _bare_part(self) -> None:
        if (match := self._phrase.take_next(self._pieces.bare)) is not None:
            self._take_part(value_of(self._pieces.language.bare, match[1]))

    def _take_part(self, hour: int) -> None:
        self._found.part = hour
        self._found.half = "pm" if hour > 12 else "am"
