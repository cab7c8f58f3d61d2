"""A stranger's calendar file: what can be a reminder, and a sentence about the rest. Nothing in it is followed.

Its definitions of time zones are cut out before it is parsed: they are rules that can take minutes to work out,
and the names are enough. Alarms, attendees, attachments and addresses are not looked at.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from pydantic import ValidationError

from chatapp.agenda.calendar.recurrence import UnlikeOurs, from_rrule
from chatapp.agenda.reminder import TEXT_LIMIT, Plan
from chatapp.agenda.rules import Rule
from chatapp.agenda.zones import UnknownZone, zone_named
from chatapp.text import display_line, repair

SIZE_LIMIT = 2 * 2**20
EVENT_LIMIT = 1000
ALL_DAY_AT = time(9)
_FOLD = re.compile(rb"\r?\n[ \t]")
_ZONES = re.compile(
    rb"^BEGIN:VTIMEZONE[ \t]*\r?$.*?^END:VTIMEZONE[ \t]*\r?$\n?", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
_ITEMS = re.compile(rb"^BEGIN:(?:VEVENT|VTODO)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_OVER = {"CANCELLED", "COMPLETED"}


class NotACalendar(ValueError):  # noqa: N818  it says what it is
    """The file cannot be read as a calendar; the message is a sentence."""


@dataclass
class Imported:
    """What a file holds: plans with the names of their events, how many are past, and what was left out."""

    plans: list[tuple[Plan, str]] = field(default_factory=list)
    past: int = 0
    warnings: list[str] = field(default_factory=list)


class _LeftOut(Exception):  # noqa: N818
    """An event that cannot be a reminder, and why, as half a sentence."""


def from_ics(data: bytes, now: datetime, here: str) -> Imported:
    """Read a calendar file.

    Args:
        data: the file.
        now: the moment, in UTC; what is over by then is only counted.
        here: the zone of times that name none.

    Raises:
        NotACalendar: when it cannot be read, or is larger than a calendar of reminders would be.
    """
    imported = Imported()
    for item in _items(data):
        title = display_line(repair(str(item.get("SUMMARY", "")))).strip()[:40] or "Untitled"
        try:
            plan, name = _plan(item, here)
        except _LeftOut as reason:
            imported.warnings.append(f"‘{title}’ {reason}: it was left out.")
            continue
        if not plan.coming(now, 1):
            imported.past += 1
            continue
        if item.get("EXDATE") or item.get("RDATE"):
            imported.warnings.append(f"‘{title}’ has exceptions to its rule: it comes on those days too.")
        imported.plans.append((plan, name))
    return imported


def _items(data: bytes) -> Iterator[Any]:
    if len(data) > SIZE_LIMIT:
        raise NotACalendar(f"The file is larger than {SIZE_LIMIT // 2**20} MB. Export fewer events.")
    if not re.match(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCALENDAR", data, re.IGNORECASE):
        raise NotACalendar("This is not a calendar file: it does not begin with BEGIN:VCALENDAR.")
    data = _ZONES.sub(b"", _FOLD.sub(b"", data))
    if len(_ITEMS.findall(data)) > EVENT_LIMIT:
        raise NotACalendar(f"The file holds more than {EVENT_LIMIT:,} events. Export fewer of them.")
    # It takes longer to import than all else in here.
    from icalendar import Calendar  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calendars = Calendar.from_ical(data, multiple=True)
    except Exception as error:  # the library lets errors of all kinds through
        raise NotACalendar(f"The calendar file is damaged ({display_line(str(error))[:120]}).") from error
    return (item for calendar in calendars for item in calendar.walk() if item.name in {"VEVENT", "VTODO"})


def _plan(item: Any, here: str) -> tuple[Plan, str]:
    if str(item.get("STATUS", "")).upper() in _OVER:
        raise _LeftOut("was called off or is done")
    if item.get("RECURRENCE-ID") is not None:
        raise _LeftOut("changes one day of a series")
    begins = item.get("DTSTART") or item.get("DUE")
    if not isinstance(_value(begins), date):
        raise _LeftOut("does not say when")
    start, zone = _start(begins, here)
    text = " ".join(repair(str(item.get("SUMMARY", ""))).split()) or "Untitled"
    try:
        plan = Plan(text=text[:TEXT_LIMIT], start=start, zone=zone, rule=_rule(item.get("RRULE"), start))
    except ValidationError as error:
        raise _LeftOut(f"has a {error.errors()[0]['loc'][0]} that cannot be kept") from error
    except UnlikeOurs as reason:
        raise _LeftOut(f"{reason}, which reminders do not") from reason
    return plan, repair(str(item.get("UID", "")))[:TEXT_LIMIT] or f"{text[:100]} {start.isoformat()}"


def _value(begins: Any) -> object:
    """The time of a property; none where it is missing, twice there, or makes no sense."""
    try:
        return getattr(begins, "dt", None)
    except ValueError:
        return None


def _start(begins: Any, here: str) -> tuple[datetime, str]:
    value: date | datetime = begins.dt
    if not isinstance(value, datetime):
        return datetime.combine(value, ALL_DAY_AT), here
    named = str(begins.params.get("TZID", ""))
    if not named:
        return value.replace(tzinfo=None), "UTC" if value.tzinfo else here
    return value.replace(tzinfo=None), _zone(named)


def _zone(named: str) -> str:
    """The IANA zone of a name: as it is, as Windows calls it, or at the end of a path."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415

    parts = named.strip('"/').split("/")
    for name in (named, WINDOWS_TO_OLSON.get(named, ""), *("/".join(parts[-count:]) for count in (3, 2))):
        try:
            zone_named(name)
        except UnknownZone:
            continue
        return name
    raise _LeftOut(f"names a time zone that is not known here ({display_line(named)[:40]})")


def _rule(parts: Any, start: datetime) -> Rule | None:
    if parts is None:
        return None
    if isinstance(parts, list):
        raise UnlikeOurs("has more than one rule")
    try:
        return from_rrule(parts, start)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise error if isinstance(error, UnlikeOurs) else UnlikeOurs("has a rule that makes no sense") from error
