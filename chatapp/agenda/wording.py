"""A reminder in words, made from its values: what a preview shows is what will happen, not what was typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from chatapp.agenda.reminder import Plan
from chatapp.agenda.rules import LAST, Rule
from chatapp.agenda.zones import UnknownZone, wall_time, zone_named
from chatapp.text import counted

# Not strftime: the words are English whatever the locale of the process is.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", LAST: "last"}
_SHORT = 3
_WORKDAYS = tuple(range(5))


def day_in_words(day: date) -> str:
    """Friday 27 November 2026."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def time_in_words(wall: datetime) -> str:
    """17:00."""
    return f"{wall:%H:%M}"


def when_in_words(wall: datetime) -> str:
    """Friday 27 November 2026, 17:00."""
    return f"{day_in_words(wall)}, {time_in_words(wall)}"


def short_when(wall: datetime, today: date) -> str:
    """The same, as short as it can be and still be told apart: 17:00, Fri 17:00, 4 Dec, 4 Dec 2027."""
    if wall.date() == today:
        return time_in_words(wall)
    if timedelta(0) < wall.date() - today < timedelta(days=7):
        return f"{WEEKDAYS[wall.weekday()][:_SHORT]} {time_in_words(wall)}"
    year = "" if wall.year == today.year else f" {wall.year}"
    return f"{wall.day} {MONTHS[wall.month - 1][:_SHORT]}{year} {time_in_words(wall)}"


def zone_in_words(zone: str, wall: datetime) -> str:
    """Europe/Berlin, with its offset at that time: clocks differ over the year."""
    try:
        offset = wall.replace(tzinfo=zone_named(zone)).utcoffset() or timedelta(0)
    except UnknownZone:
        return f"{zone}, not known here and taken as UTC"
    sign, minutes = "-" if offset < timedelta(0) else "+", abs(offset) // timedelta(minutes=1)
    return f"{zone} (UTC{sign}{minutes // 60:02}:{minutes % 60:02})"


def rule_in_words(rule: Rule | None, start: datetime) -> str:
    """How it repeats: `every second week on Monday and Wednesday, until 24 December 2026`."""
    if rule is None:
        return "once"
    said = f"every {_step(rule)}{_on(rule, start)}"
    if rule.count is not None:
        said += f", {counted(rule.count, 'time')}"
    if rule.until is not None:
        said += f", until {rule.until.day} {MONTHS[rule.until.month - 1]} {rule.until.year}"
    return said


def facts(plan: Plan, now: datetime) -> list[tuple[str, str]]:
    """What a person confirms, as label and value; every field is there, nothing is cut."""
    first = plan.series[0]
    rows = [
        ("what", plan.text),
        ("when", when_in_words(first)),
        ("zone", zone_in_words(plan.zone, first)),
        ("repeats", rule_in_words(plan.rule, plan.start)),
    ]
    if moved := _moved(plan, first):
        rows.insert(2, ("", moved))
    coming = plan.coming(now, 4)
    if plan.rule is not None and len(coming) > 1:
        rows.append(("then", ",  ".join(short_when(wall, first.date()) for wall in coming[1:])))
    if plan.moment(first) <= now:
        rows.append(("", "This time has passed already."))
    return rows


def changes(before: Plan, after: Plan, now: datetime) -> list[tuple[str, str]]:
    """What a person confirms before a reminder becomes another: all its values, and what they were."""
    coming = next(iter(before.coming(now, 1)), before.series[0])
    was = f"{before.text}: {when_in_words(coming)}, {rule_in_words(before.rule, before.start)}"
    return [*facts(after, now), ("was", was)]


def distance_in_words(at: datetime, now: datetime) -> str:
    """How far off a moment is: in 20 minutes, 3 hours ago."""
    away = abs(at - now)
    amount, unit = away // timedelta(minutes=1), "minute"
    for size, name, least in ((60, "hour", 90), (24, "day", 36), (7, "week", 14)):
        if amount < least:
            break
        amount, unit = round(amount / size), name
    if amount == 0:
        return "now"
    said = counted(amount, unit)
    return f"in {said}" if at > now else f"{said} ago"


def utc_in_words(at: datetime) -> str:
    """A moment for programs: 2026-11-27T16:00Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _step(rule: Rule) -> str:
    if rule.every == "month" and rule.nth:
        day = f"{_NTH[rule.nth]} {WEEKDAYS[rule.weekdays[0]]}"
        return day if rule.interval == 1 else f"{_ordinal(rule.interval)} month"
    return rule.every if rule.interval == 1 else f"{_ordinal(rule.interval)} {rule.every}"


def _on(rule: Rule, start: datetime) -> str:
    match rule.every:
        case "day":
            return ""
        case "week":
            names = [WEEKDAYS[day] for day in rule.weekdays]
            if rule.weekdays == _WORKDAYS:
                return " from Monday to Friday"
            return " on " + (f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0])
        case "month":
            if rule.nth:
                day = f"{_NTH[rule.nth]} {WEEKDAYS[rule.weekdays[0]]}"
                return " of the month" if rule.interval == 1 else f" on the {day}"
            return f" on the {_ordinal(rule.day or start.day)}{_shorter(rule.day or start.day)}"
        case "year":
            number = rule.day or start.day
            leap = ", or the 28th" if (number, start.month) == (29, 2) else ""
            return f" on {number} {MONTHS[start.month - 1]}{leap}"


def _shorter(day: int) -> str:
    return ", or the month's last day" if day > 28 else ""


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _moved(plan: Plan, wall: datetime) -> str:
    """A word about a time that clocks skip on that day."""
    shown = wall_time(plan.moment(wall), plan.place)
    return f"Clocks skip that time: it will be {time_in_words(shown)}." if shown != wall else ""
