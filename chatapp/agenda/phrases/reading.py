"""Reads a phrase in one language: takes out what speaks of time, and says what it said, undecided."""

from __future__ import annotations

from collections.abc import Callable

from chatapp.agenda.phrases.dates import Dates
from chatapp.agenda.phrases.found import Found
from chatapp.agenda.phrases.hours import Hours
from chatapp.agenda.phrases.languages import Language
from chatapp.agenda.phrases.pieces import Phrase, Pieces, pieces_of, value_of, without_gaps
from chatapp.agenda.rules import LAST

_TOO_OFTEN = {"minute", "hour"}


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
        self._hours = Hours(self._phrase, pieces, self._found)

    def read(self) -> Found:
        """Take out piece after piece."""
        phrase, found = self._phrase, self._found
        phrase.take(self._pieces.lead)
        lead = phrase.taken
        self._until()
        self._count()
        any(step() for step in self._rules())
        self._spans() or self._date() or self._relative_day()
        self._hours.read()
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
                self._hours.take_bare_part()
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
            self._hours.take_part(value_of(self._pieces.language.bare, match[1]))
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
            self._hours.take_bare_part()
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
        self._hours.take_bare_part()
