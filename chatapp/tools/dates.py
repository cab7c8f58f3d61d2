"""Arithmetic with days: the day so many days, months or workdays from another, and how far two are apart."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import Literal

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.wording import day_in_words

Step = Literal["days", "weeks", "months", "years", "workdays"]
MOST_WORKDAYS = 100_000
_DAYS = {"": 0, "today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}


class NotADay(ValueError):  # noqa: N818  it says what happened
    """Words that name no day, or a day that no calendar has; the message is a sentence."""


def day_of(words: str, now: datetime) -> date:
    """The day that words name, such as `2026-12-24`, `next Friday` or `3 March 2020`; none named is today.

    Raises:
        NotADay: when they name none.
    """
    said = words.strip()
    if (shift := _DAYS.get(said.casefold())) is not None:
        return now.date() + timedelta(days=shift)
    try:
        return date.fromisoformat(said)
    except ValueError:
        pass
    try:
        understood = understand(f"{said}, x", now)
    except NotUnderstood:
        understood = None
    if understood is None or understood.rule is not None or understood.text != "x":
        raise NotADay(f"‘{said[:40]}’ names no day. Say it as 2026-12-24, next Friday or 3 March 2020.")
    return understood.start.date()


def shifted(words: str, amount: int, step: Step, now: datetime) -> str:
    """The day so many steps after another, or before it, in words.

    Raises:
        NotADay: when there is no such day.
    """
    start = day_of(words, now)
    try:
        return f"{day_in_words(_shift(start, amount, step))} ({_signed(amount)} {step} from {day_in_words(start)})"
    except (OverflowError, ValueError):
        raise NotADay("That day is not in the calendar.") from None


def between(first: str, second: str, now: datetime) -> str:
    """How far two days are apart, in words: in days, in weeks, in workdays from Monday to Friday.

    Raises:
        NotADay: when one of them is none.
    """
    start, end = day_of(first, now), day_of(second, now)
    days = (end - start).days
    weeks, rest = divmod(abs(days), 7)
    said = [f"{days} days"]
    if weeks:
        said.append(f"{weeks} weeks and {rest} days" if rest else f"{weeks} weeks")
    said.append(f"{_workdays(min(start, end), abs(days))} of them Monday to Friday")
    return f"From {day_in_words(start)} to {day_in_words(end)}: {', '.join(said)}."


def _shift(start: date, amount: int, step: Step) -> date:
    match step:
        case "days" | "weeks":
            return start + timedelta(days=amount * (7 if step == "weeks" else 1))
        case "workdays":
            return _after_workdays(start, amount)
        case "months" | "years":
            month = start.year * 12 + start.month - 1 + amount * (12 if step == "years" else 1)
            year, month = month // 12, month % 12 + 1
            # The 31st of a shorter month is its last day.
            return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def _after_workdays(start: date, amount: int) -> date:
    if abs(amount) > MOST_WORKDAYS:
        raise OverflowError
    day, step = start, 1 if amount > 0 else -1
    for _ in range(abs(amount)):
        day += timedelta(days=step)
        while day.weekday() > 4:
            day += timedelta(days=step)
    return day


def _workdays(start: date, days: int) -> int:
    """Of so many days after a day, those from Monday to Friday."""
    weeks, rest = divmod(days, 7)
    return weeks * 5 + sum((start + timedelta(days=day)).weekday() < 5 for day in range(1, rest + 1))


def _signed(amount: int) -> str:
    return f"{amount:+,}"
