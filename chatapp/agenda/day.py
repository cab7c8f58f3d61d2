"""What is on: reminders arranged by what they ask for now, and the day in words. Composed by code alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from chatapp.agenda.note import Note
from chatapp.agenda.reminder import Reminder
from chatapp.agenda.wording import day_in_words, short_when
from chatapp.agenda.zones import wall_time

Group = Literal["due", "today", "coming", "over"]
GROUPS: tuple[Group, ...] = ("due", "today", "coming", "over")


@dataclass(frozen=True)
class Entry:
    """A reminder in its place, with the wall time here that it stands under."""

    reminder: Reminder
    group: Group
    wall: datetime
    put_off: bool = False


@dataclass(frozen=True)
class Day:
    """The agenda as it is at a moment."""

    now: datetime
    """The wall time here."""
    entries: tuple[Entry, ...]

    def of(self, group: Group) -> list[Entry]:
        """The entries of a group, the soonest first."""
        return [entry for entry in self.entries if entry.group == group]


def arrange(reminders: Sequence[Reminder], now: datetime, here: ZoneInfo) -> Day:
    """The agenda.

    Args:
        reminders: those that were not deleted.
        now: the moment, in UTC.
        here: the zone that the times are shown in.
    """
    entries = [_entry(one, now, here) for one in reminders]
    entries.sort(key=lambda entry: (GROUPS.index(entry.group), entry.wall, entry.reminder.id))
    return Day(wall_time(now, here), tuple(entries))


def _entry(one: Reminder, now: datetime, here: ZoneInfo) -> Entry:
    if (occurrence := one.open_since(now)) is not None:
        return Entry(one, "due", wall_time(one.plan.moment(occurrence), here))
    at = one.next(now)
    if at is None:
        return Entry(one, "over", wall_time(one.plan.moment(one.done or one.plan.start), here))
    wall = wall_time(at, here)
    group: Group = "today" if wall.date() == wall_time(now, here).date() else "coming"
    return Entry(one, group, wall, put_off=at == one.snoozed)


def brief(day: Day, notes: Sequence[Note]) -> str:
    """The day in a few lines: what is due, what is on today, what comes next, the latest notes."""
    lines = [f"It is {day_in_words(day.now)}, {day.now:%H:%M}."]
    due, today, coming = day.of("due"), day.of("today"), day.of("coming")[:5]
    if not due and not today:
        lines.append("Nothing is due, and nothing is on for the rest of the day.")
    for title, entries in (("Due", due), ("Today", today), ("Coming", coming)):
        if entries:
            lines += ["", f"{title}:", *(f"- {said(entry, day)}" for entry in entries)]
    if notes:
        lines += ["", "Latest notes:", *(f"- {note.title}" for note in notes)]
    return "\n".join(lines)


def said(entry: Entry, day: Day) -> str:
    """An entry in one line of text."""
    return f"{short_when(entry.wall, day.now.date())}  {entry.reminder.text}"
