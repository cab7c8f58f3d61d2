"""From what a phrase says to one wall time and one rule: what is open is decided by what people mean most often.

Every decision is seen before it counts: the preview shows weekday, date, time, zone and rule.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, time, timedelta

from chatapp.agenda.phrases.dates import following
from chatapp.agenda.phrases.found import Found
from chatapp.agenda.rules import Rule, Series

USUAL_HOUR = 9
"""When a day was said and no time."""
_MORNING_FROM = 7
"""A bare hour before this is one of the afternoon: nobody is called at five in the night."""


def decide(found: Found, now: datetime) -> tuple[datetime, Rule | None]:
    """The first wall time and the rule.

    Args:
        found: what was said; it says something of time.
        now: the wall time in the zone that is meant.

    Raises:
        ValueError: when there is no such day, or the rule cannot be.
    """
    if _counts_minutes(found):
        return _after(now, found), None
    rule = _rule(found)
    day = _day(found, now)
    for clock in _clocks(found, now):
        start = _first(datetime.combine(day, clock), rule, found, now)
        if start > now:
            return start, _dated(rule, found, start)
    # The time has passed on the day that was meant: the next such day, where one was not named.
    start = datetime.combine(day, _clocks(found, now)[0])
    if rule is not None:
        start = next(Series(start, rule).after(now), start)
    elif found.weekday is not None:
        start += timedelta(days=7)
    elif found.says_no_day:
        start += timedelta(days=1)
    elif found.day == 0 and found.hour is None:
        start = _next_hour(now)
    elif found.month_day is not None:
        start = _in_month(start, 1, found.month_day)
    elif found.yearless:
        tomorrow = now.date() + timedelta(days=1)
        start = datetime.combine(following(start.day, start.month, tomorrow), start.time())
    return start, _dated(rule, found, start)


def clock_of(found: Found, start: datetime) -> time | None:
    """The time of day that was said, the likeliest where it is open; none where only a day was said.

    Args:
        found: what was said.
        start: what was decided.
    """
    if _counts_minutes(found):
        return start.time()
    return _clocks(found, start)[0] if found.hour is not None or found.part is not None else None


def _counts_minutes(found: Found) -> bool:
    return any(unit in {"minute", "hour"} for _, unit in found.spans)


def _after(now: datetime, found: Found) -> datetime:
    """So long from now, on the minute that is nearest to it, but not one that has begun."""
    start = now
    for amount, unit in found.spans:
        start = _moved(start, amount, unit)
    start = (start + timedelta(seconds=30)).replace(second=0, microsecond=0)
    return start if start > now else start + timedelta(minutes=1)


def _moved(start: datetime, amount: int, unit: str) -> datetime:
    if unit in {"month", "year"}:
        return _in_month(start, amount * (12 if unit == "year" else 1), start.day)
    return start + timedelta(**{f"{unit}s": amount})


def _in_month(start: datetime, months: int, day: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    last = monthrange(start.year + years, month + 1)[1]
    return start.replace(year=start.year + years, month=month + 1, day=min(day, last))


def _rule(found: Found) -> Rule | None:
    if found.every is None:
        return None
    weekdays = tuple(sorted(found.weekdays))
    if found.every == "week" and not weekdays:
        if found.weekday is None:
            return Rule(every="day", interval=7 * found.interval, until=found.until, count=found.count)
        weekdays = (found.weekday,)
    return Rule(
        every=found.every,
        interval=found.interval,
        weekdays=weekdays,
        nth=found.nth,  # checked by the model
        until=found.until,
        count=found.count,
    )


def _dated(rule: Rule | None, found: Found, start: datetime) -> Rule | None:
    """The rule with what only the start tells: the weekday of a week, the day of a month."""
    if rule is None:
        return None
    if rule.every == "day" and found.every == "week":
        weekly = {"every": "week", "interval": found.interval, "weekdays": (start.weekday(),)}
        return Rule(**weekly, until=rule.until, count=rule.count)
    day = found.month_day or (found.date.day if found.date else 0)
    if rule.every in {"month", "year"} and not rule.nth and day > start.day:
        return rule.model_copy(update={"day": day})
    return rule


def _day(found: Found, now: datetime) -> datetime:
    """The first day that can be meant."""
    if found.date is not None:
        return datetime.combine(found.date, time())
    today = datetime.combine(now.date(), time())
    if found.spans:
        for amount, unit in found.spans:
            today = _moved(today, amount, unit)
        return today
    if found.day is not None:
        return today + timedelta(days=found.day)
    if found.month_day is not None:
        here = _in_month(today, 0, found.month_day)
        return here if here >= today else _in_month(today, 1, found.month_day)
    if found.weekday is not None and not found.nth:
        away = (found.weekday - today.weekday()) % 7
        return today + timedelta(days=away or (7 if found.coming else 0))
    return today


def _first(start: datetime, rule: Rule | None, found: Found, now: datetime) -> datetime:
    """The first occurrence at or after a day; for a rule without a day of its own, one that is still to come."""
    if rule is None:
        return start
    # Every third day begins on the next day that can be, not on the third.
    series = Series(start, rule.model_copy(update={"interval": 1}))
    return series[0] if found.date else next(series.after(now), series[0])


def _clocks(found: Found, now: datetime) -> list[time]:
    """The times that can be meant, the likeliest first."""
    if found.hour is not None:
        return [time(hour, found.minute) for hour in _hours(found, found.hour)]
    if found.part is not None:
        return [time(found.part)]
    return [now.time().replace(second=0, microsecond=0)] if found.spans else [time(USUAL_HOUR)]


def _hours(found: Found, hour: int) -> list[int]:
    if found.half == "pm":
        return [hour + 12 if hour < 12 else hour]
    if found.half == "am":
        return [0 if hour == 12 and found.part is None else hour]
    if found.by_24 or hour >= 12 or hour == 0:
        return [hour]
    if hour < _MORNING_FROM:
        return [hour + 12]
    # “At 8”, said in the afternoon and without a day, is this evening.
    return [hour, hour + 12] if found.says_no_day else [hour]


def _next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
