"""A reminder, and the four questions about it: is it due, is it overdue, when is it next, and is it over.

What is kept is the wall time, the zone and the rule; every moment is computed when it is asked for, so that a
change of a zone's laws, or a machine that slept, is met with the clock as it is. An occurrence is named by its
wall time: `told` and `done` hold the latest one that was told and dealt with, which makes telling idempotent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from chatapp.agenda.rules import Rule, Series
from chatapp.agenda.zones import UnknownZone, moment, wall_time, zone_named
from chatapp.text import repair

TEXT_LIMIT = 500
YEARS = 1970, 2999
LATE = timedelta(minutes=5)
"""What is told later than this after its time was missed, and is marked late."""
CLOCK_SLACK = timedelta(days=1)
"""Told further ahead than this: the clock was wrong then."""
_WIDEST_GAP = timedelta(days=2)
"""No change of clocks is wider, the lost days at the date line included."""


def _one_line(text: object) -> object:
    return " ".join(repair(text).split()) if isinstance(text, str) else text


def _known(name: str) -> str:
    zone_named(name)
    return name


def _whole_minute(wall: datetime) -> datetime:
    if wall.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    if not YEARS[0] <= wall.year <= YEARS[1]:
        raise ValueError(f"the year is not between {YEARS[0]} and {YEARS[1]}")
    return wall.replace(second=0, microsecond=0)


class Plan(BaseModel):
    """What a reminder is made of, checked: what, when on the wall, where, and how it repeats.

    The text is one line of at most 500 characters, so that a preview can show all of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=TEXT_LIMIT)]
    start: Annotated[datetime, AfterValidator(_whole_minute)]
    zone: Annotated[str, Field(max_length=60), AfterValidator(_known)]
    rule: Rule | None = None

    @cached_property
    def series(self) -> Series:
        """The occurrences, as wall times."""
        return Series(self.start, self.rule)

    @cached_property
    def place(self) -> ZoneInfo:
        """The zone; UTC where this machine has lost its data since."""
        try:
            return zone_named(self.zone)
        except UnknownZone:
            return zone_named("UTC")

    def moment(self, wall: datetime) -> datetime:
        """The moment, in UTC, of an occurrence."""
        return moment(wall, self.place)

    def latest(self, now: datetime) -> datetime | None:
        """The last occurrence, as a wall time, whose moment has come."""
        found = self.series.latest(wall_time(now, self.place))
        # Where clocks went forward, the wall is already past a time whose moment is only coming.
        while found is not None and self.moment(found) > now:
            found = self.series.latest(found - timedelta(minutes=1))
        return found

    def later(self, now: datetime, beyond: datetime | None = None) -> Iterator[datetime]:
        """The occurrences, as wall times, whose moments are later than now, from beyond one of them on."""
        near = wall_time(now, self.place) - _WIDEST_GAP
        walls = self.series.after(max(near, beyond) if beyond else near)
        return (wall for wall in walls if self.moment(wall) > now)

    def coming(self, now: datetime, count: int) -> list[datetime]:
        """The next few of them."""
        return list(islice(self.later(now), count))


@dataclass(frozen=True)
class Reminder:
    """A plan as it is kept, with what became of it."""

    id: int
    uid: str
    plan: Plan
    told: datetime | None = None
    """The latest occurrence that was told."""
    done: datetime | None = None
    """The latest occurrence that was dealt with."""
    snoozed: datetime | None = None
    """The moment, in UTC, that it was put off to."""
    created_ms: int = 0
    deleted: bool = False

    @property
    def text(self) -> str:
        """What it is about."""
        return self.plan.text

    def due(self, now: datetime) -> Due | None:
        """What is to be told now, and was not yet: the latest occurrence only, whatever was missed before it."""
        occurrence = self.plan.latest(now)
        if occurrence is not None and not _covers(self.told, occurrence) and not _covers(self.done, occurrence):
            at = self.plan.moment(occurrence)
        elif self.snoozed is not None and self.snoozed <= now:
            occurrence, at = occurrence or self.plan.start, self.snoozed
        else:
            return None
        return Due(self, occurrence, at, now - at > LATE)

    def open_since(self, now: datetime) -> datetime | None:
        """The occurrence that has come and is not dealt with; one that was put off is not open until then."""
        occurrence = self.plan.latest(now)
        if occurrence is None or _covers(self.done, occurrence) or (self.snoozed and self.snoozed > now):
            return None
        return occurrence

    def coming(self, now: datetime) -> datetime | None:
        """The next occurrence that was not dealt with before its time."""
        return next(self.plan.later(now, self.done), None)

    def next(self, now: datetime) -> datetime | None:
        """The moment, in UTC, of what comes next: what it was put off to, or its next occurrence."""
        wall = self.coming(now)
        moments = [self.plan.moment(wall)] if wall else []
        if self.snoozed is not None and self.snoozed > now:
            moments.append(self.snoozed)
        return min(moments, default=None)

    def over(self, now: datetime) -> bool:
        """Whether nothing is left to do about it, ever."""
        return self.open_since(now) is None and self.next(now) is None

    def at_hand(self, now: datetime) -> datetime | None:
        """The occurrence that one means who says it is done: the open one, put off or not, else the next."""
        latest = self.plan.latest(now)
        if latest is not None and not _covers(self.done, latest):
            return latest
        return self.coming(now)

    def dealt_with(self, now: datetime) -> Reminder | None:
        """The reminder with its occurrence at hand done; None when it is over already."""
        occurrence = self.at_hand(now)
        return replace(self, done=occurrence, snoozed=None) if occurrence else None

    def put_off(self, until: datetime, now: datetime) -> Reminder | None:
        """The reminder put off to a moment; None where nothing has come that could be."""
        latest = self.plan.latest(now)
        if latest is None or _covers(self.done, latest):
            return None
        return replace(self, told=latest, snoozed=until)

    def replanned(self, plan: Plan) -> Reminder:
        """The reminder with another plan; with another time, nothing of it was told or dealt with yet."""
        if (plan.start, plan.rule, plan.zone) == (self.plan.start, self.plan.rule, self.plan.zone):
            return replace(self, plan=plan)
        return replace(self, plan=plan, told=None, done=None, snoozed=None)

    def told_ahead(self, now: datetime) -> bool:
        """Whether a wrong clock told an occurrence that is still far off, and would keep the real ones silent."""
        return self.told is not None and self.plan.moment(self.told) > now + CLOCK_SLACK


@dataclass(frozen=True)
class Due:
    """A reminder whose time has come: which occurrence, its moment in UTC, and whether it is told late."""

    reminder: Reminder
    occurrence: datetime
    at: datetime
    late: bool


def event_name(uid: str) -> str:
    """What a reminder is called in a calendar, so that it is known again when it comes back."""
    return f"{uid}@chatapp"


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def _covers(known: datetime | None, occurrence: datetime) -> bool:
    return known is not None and known >= occurrence
