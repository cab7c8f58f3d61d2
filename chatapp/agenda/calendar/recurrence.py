"""Between our rules and iCalendar's RRULE: each of ours can be said there, few of theirs can be said here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from pydantic import ValidationError

from chatapp.agenda.reminder import Plan
from chatapp.agenda.rules import Rule

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_EVERY = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_UNDERSTOOD = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "UNTIL", "COUNT", "WKST"}


class UnlikeOurs(ValueError):  # noqa: N818  it says what it is
    """A rule that reminders do not have; the message is half a sentence that says which."""


def to_rrule(plan: Plan) -> dict[str, Any]:
    """The parts of the RRULE of a plan that repeats."""
    rule, start = plan.rule, plan.series[0]
    assert rule is not None  # noqa: S101  asked only where it repeats
    parts: dict[str, Any] = {"FREQ": {ours: theirs for theirs, ours in _EVERY.items()}[rule.every]}
    if rule.interval > 1:
        parts["INTERVAL"] = rule.interval
    if rule.every == "week":
        parts |= {"BYDAY": [DAYS[day] for day in rule.weekdays], "WKST": "MO"}
    elif rule.nth:
        parts["BYDAY"] = f"{rule.nth}{DAYS[rule.weekdays[0]]}"
    elif rule.every in {"month", "year"}:
        parts |= _day_of_month(rule.day or plan.start.day, start.month, yearly=rule.every == "year")
    if rule.count is not None:
        parts["COUNT"] = rule.count
    if rule.until is not None:
        # RFC 5545, 3.3.10: beside a start with a zone, UNTIL is in UTC.
        parts["UNTIL"] = plan.moment(datetime.combine(rule.until, time(23, 59)))
    return parts


def _day_of_month(day: int, month: int, *, yearly: bool) -> dict[str, Any]:
    """The day, or the last one of a shorter month: the last that there is of the days from the 28th on."""
    where = {"BYMONTH": month} if yearly else {}
    if day <= 28 or (yearly and month != 2):
        return {**where, "BYMONTHDAY": day}
    return {**where, "BYMONTHDAY": list(range(28, day + 1)), "BYSETPOS": -1}


def from_rrule(parts: Mapping[str, Any], start: datetime) -> Rule:
    """Our rule for an RRULE whose values are lists, as icalendar gives them.

    Raises:
        UnlikeOurs: when there is none that means the same.
    """
    known = {name.upper(): values if isinstance(values, list) else [values] for name, values in parts.items()}
    if more := set(known) - _UNDERSTOOD:
        raise UnlikeOurs(f"uses {min(more)[:20]}")
    frequency = str(_only(known, "FREQ", ""))
    if frequency not in _EVERY:
        raise UnlikeOurs(f"repeats {frequency.lower()[:20]}")
    values: dict[str, Any] = {
        "every": _EVERY[frequency],
        "interval": _only(known, "INTERVAL", 1),
        "count": _only(known, "COUNT", None),
        "until": _until(_only(known, "UNTIL", None)),
        **_days(known, frequency, start),
    }
    try:
        return Rule(**values)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        raise UnlikeOurs(f"has a {where[0] if where else 'rule'} out of range") from error


def _only(known: Mapping[str, list[Any]], name: str, default: Any) -> Any:
    values = known.get(name, [default])
    if len(values) != 1:
        raise UnlikeOurs(f"has more than one {name}")
    return values[0]


def _until(value: Any) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def _days(known: Mapping[str, list[Any]], frequency: str, start: datetime) -> dict[str, Any]:
    named = [str(day).upper() for day in known.get("BYDAY", [])]
    numbers = [int(day) for day in known.get("BYMONTHDAY", [])]
    months = [int(month) for month in known.get("BYMONTH", [])]
    if months and (frequency != "YEARLY" or months != [start.month]):
        raise UnlikeOurs("names months")
    match frequency:
        case "WEEKLY" if not numbers and "BYSETPOS" not in known:
            return {"weekdays": tuple(sorted({_weekday(day) for day in named} or {start.weekday()}))}
        case "MONTHLY" if named and not numbers:
            return _nth(named, known)
        case "MONTHLY" | "YEARLY" if not named:
            return {"day": day} if (day := _month_day(numbers, known)) > start.day else {}
        case "DAILY" if not named and not numbers and "BYSETPOS" not in known:
            return {}
    raise UnlikeOurs("picks days in a way of its own")


def _weekday(name: str) -> int:
    if name not in DAYS:
        raise UnlikeOurs(f"names the day {name[:10]}")
    return DAYS.index(name)


def _nth(named: list[str], known: Mapping[str, list[Any]]) -> dict[str, Any]:
    if len(named) != 1:
        raise UnlikeOurs("counts more than one weekday")
    place = named[0][:-2] or str(_only(known, "BYSETPOS", ""))
    if place.lstrip("+-").isdecimal() and int(place) in {-1, 1, 2, 3, 4}:
        return {"nth": int(place), "weekdays": (_weekday(named[0][-2:]),)}
    raise UnlikeOurs("counts weekdays in a way of its own")


def _month_day(numbers: list[int], known: Mapping[str, list[Any]]) -> int:
    """The day that is meant; 0 for the start's."""
    if "BYSETPOS" in known and (
        _only(known, "BYSETPOS", 0) != -1 or numbers != list(range(28, 28 + len(numbers)))
    ):
        raise UnlikeOurs("picks days in a way of its own")
    if "BYSETPOS" in known:
        return numbers[-1]
    if len(numbers) > 1:
        raise UnlikeOurs("names more than one day of the month")
    if numbers == [-1]:
        return 31
    if numbers and not 1 <= numbers[0] <= 31:
        raise UnlikeOurs("counts days from the end of the month")
    return numbers[0] if numbers else 0
