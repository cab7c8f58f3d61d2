"""What a phrase was found to say of time, before anything that it leaves open is decided."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from chatapp.agenda.rules import Every


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
