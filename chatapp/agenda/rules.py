"""When something repeats: a small closed set of rules, each with exactly one occurrence in every period.

No rule of iCalendar's general kind: those yield times that do not exist, skip hours that are there twice, and can
be written so that the next date takes minutes to find. Here the n-th occurrence is computed, not searched for, and
the next one after a moment is found by bisection. All times in here are naive wall times; zones come later.

The 31st in a shorter month, and 29 February in a common year, are that month's last day: a reminder a day early is
a smaller harm than none.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LAST_YEAR = 9000
"""No occurrence is later than this."""
LAST = -1
"""The last such weekday of a month."""

Weekday = Annotated[int, Field(ge=0, le=6)]
Every = Literal["day", "week", "month", "year"]


class Rule(BaseModel):
    """How a reminder repeats. Weekdays count from 0, Monday."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Every
    interval: Annotated[int, Field(ge=1, le=999)] = 1
    """Every so many days, weeks, months or years."""
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    """Weekly: on these days. Monthly with `nth`: the one weekday that is counted."""
    nth: Literal[-1, 0, 1, 2, 3, 4] = 0
    """Monthly: the first to fourth such weekday, or the last (-1); 0 goes by the day of the month."""
    day: Annotated[int, Field(ge=0, le=31)] = 0
    """Monthly and yearly: the day of the month that is meant, where the start is in a shorter month; 0 takes the
    start's."""
    until: date | None = None
    """The last day that an occurrence may be on."""
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many occurrences there are."""

    @model_validator(mode="after")
    def _fits_together(self) -> Rule:
        if self.every == "week":
            if not self.weekdays or tuple(sorted(set(self.weekdays))) != self.weekdays:
                raise ValueError("a weekly rule names its weekdays, each once, from Monday on")
        elif self.nth:
            if self.every != "month" or len(self.weekdays) != 1:
                raise ValueError("only a monthly rule counts one weekday")
        elif self.weekdays:
            raise ValueError("only a weekly rule has weekdays")
        if self.day and (self.nth or self.every not in {"month", "year"}):
            raise ValueError("only a monthly or yearly rule has a day of the month")
        return self


class Series:
    """The occurrences of a rule from a start on, in order; without a rule, the start alone."""

    def __init__(self, start: datetime, rule: Rule | None) -> None:
        self._start = start
        self._rule = rule
        self._place = _PLACES[rule.every](start, rule) if rule else lambda _index: start
        # The first places may lie before the start, as with the Mondays of a series that starts on a Tuesday.
        self._skip = 0
        while self._place(self._skip) < start:
            self._skip += 1
        self._length = self._counted()

    def __len__(self) -> int:
        """How many occurrences there are."""
        return self._length

    def __getitem__(self, index: int) -> datetime:
        """The occurrence at a place, from 0."""
        if not 0 <= index < self._length:
            raise IndexError(index)
        return self._place(index + self._skip)

    def latest(self, wall: datetime) -> datetime | None:
        """The last occurrence at or before a wall time."""
        index = bisect_right(range(self._length), wall, key=self.__getitem__)
        return self[index - 1] if index else None

    def after(self, wall: datetime) -> Iterator[datetime]:
        """The occurrences later than a wall time, the next one first."""
        for index in range(bisect_right(range(self._length), wall, key=self.__getitem__), self._length):
            yield self[index]

    def _counted(self) -> int:
        rule = self._rule
        if rule is None:
            return 1
        most = _periods_left(self._start, rule)
        if rule.count is not None:
            most = min(most, rule.count)
        if rule.until is not None:
            end = datetime.combine(rule.until, datetime.max.time())
            most = bisect_right(range(most), end, key=lambda index: self._place(index + self._skip))
        return most


def _periods_left(start: datetime, rule: Rule) -> int:
    """Occurrences until the last year, or a few less."""
    years = max(1, LAST_YEAR - start.year)
    a_year = {"day": 365, "week": 52 * max(1, len(rule.weekdays)), "month": 12, "year": 1}[rule.every]
    return max(1, years * a_year // rule.interval)


class _Daily:
    def __init__(self, start: datetime, rule: Rule) -> None:
        self._start, self._step = start, rule.interval

    def __call__(self, index: int) -> datetime:
        return self._start + timedelta(days=index * self._step)


class _Weekly:
    def __init__(self, start: datetime, rule: Rule) -> None:
        self._monday, self._rule = start - timedelta(days=start.weekday()), rule

    def __call__(self, index: int) -> datetime:
        week, place = divmod(index, len(self._rule.weekdays))
        return self._monday + timedelta(weeks=week * self._rule.interval, days=self._rule.weekdays[place])


class _Monthly:
    def __init__(self, start: datetime, rule: Rule, months: int = 1) -> None:
        self._start, self._rule, self._step = start, rule, rule.interval * months

    def __call__(self, index: int) -> datetime:
        years, month = divmod(self._start.month - 1 + index * self._step, 12)
        year = self._start.year + years
        return self._start.replace(year=year, month=month + 1, day=self._day(year, month + 1))

    def _day(self, year: int, month: int) -> int:
        first, days = monthrange(year, month)
        if not self._rule.nth:
            return min(self._rule.day or self._start.day, days)
        day = 1 + (self._rule.weekdays[0] - first) % 7
        return day + 7 * ((days - day) // 7 if self._rule.nth == LAST else self._rule.nth - 1)


def _yearly(start: datetime, rule: Rule) -> _Monthly:
    return _Monthly(start, rule, 12)


_PLACES: dict[Every, Callable[[datetime, Rule], Callable[[int], datetime]]] = {
    "day": _Daily,
    "week": _Weekly,
    "month": _Monthly,
    "year": _yearly,
}


def first_on(start: datetime, rule: Rule) -> datetime:
    """The first occurrence at or after a wall time that need not be one itself."""
    return Series(start, rule)[0]
