"""From words to a plan that a person can confirm, or to the moment that something is put off to."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from chatapp.agenda.phrases import NotUnderstood, Understood, understand
from chatapp.agenda.reminder import TEXT_LIMIT, Plan
from chatapp.agenda.rules import Rule
from chatapp.agenda.zones import moment, wall_time, zone_named

PUT_OFF = timedelta(minutes=10)
_SAME = "x"
"""Stands for a text where a phrase is read that may only say when."""


def planned(phrase: str, now: datetime, zone: str) -> Plan:
    """The plan that a phrase describes; nothing is created by it.

    Raises:
        NotUnderstood: when it does not say when, or what, or says too much.
        UnknownZone: when there is no such zone.
    """
    said = understand(phrase, wall_time(now, zone_named(zone)))
    return plan_for(said.text, said.start, said.rule, zone)


def plan_for(text: str, start: datetime, rule: Rule | None, zone: str) -> Plan:
    """The plan made of these values.

    Raises:
        NotUnderstood: when one of them cannot be kept.
    """
    try:
        return Plan(text=text, start=start, zone=zone, rule=rule)
    except ValidationError as error:
        if error.errors()[0]["loc"][0] == "text":
            raise NotUnderstood(
                f"A reminder has at most {TEXT_LIMIT} characters. A note can be longer."
            ) from error
        raise NotUnderstood("That is too far away for a reminder.") from error


def changed(plan: Plan, phrase: str, now: datetime) -> Plan:
    """The plan with what a phrase says in place of what it said before: another time, another text, or both.

    A phrase without a time is a new text, one without a text a new time, with its rule; the zone stays. A time of
    day alone leaves the day and the rule as they are, a day alone the time of day.

    Raises:
        NotUnderstood: when it says nothing, or what cannot be kept.
    """
    wall = wall_time(now, plan.place)
    if not phrase.strip():
        raise NotUnderstood("What is to change? Say when, what, or both.")
    for form in (f"{phrase}, {_SAME}", f"in {phrase}, {_SAME}", phrase):
        try:
            said = understand(form, wall)
        except NotUnderstood:
            continue
        if said.text == _SAME or form == phrase:
            text = plan.text if said.text == _SAME else said.text
            return plan_for(text, *_moved(plan, said, wall), plan.zone)
    return plan_for(phrase, plan.start, plan.rule, plan.zone)


def _moved(plan: Plan, said: Understood, now: datetime) -> tuple[datetime, Rule | None]:
    """When it is now; what was not said stays as it was, where that is still to come."""
    if not said.says_day and said.clock is not None:
        start = datetime.combine(plan.start.date(), said.clock)
        if plan.rule is not None or start > now:
            return start, plan.rule
    elif said.clock is None:
        start = datetime.combine(said.start.date(), plan.start.time())
        if start > now:
            return start, said.rule
    return said.start, said.rule


def put_off_to(phrase: str, now: datetime, zone: str) -> datetime:
    """The moment, in UTC, that words such as `20 minutes` or `tomorrow at 9` mean; without words, in ten minutes.

    Raises:
        NotUnderstood: when they mean none.
    """
    if not phrase.strip():
        return now + PUT_OFF
    place = zone_named(zone)
    wall = wall_time(now, place)
    for form in (f"in {phrase}, {_SAME}", f"{phrase}, {_SAME}"):
        try:
            said = understand(form, wall)
        except NotUnderstood:
            continue
        if said.rule is None and said.text == _SAME:
            return moment(said.start, place)
    raise NotUnderstood("Until when? Say it as: 20 minutes, tomorrow at 9, Friday.")
