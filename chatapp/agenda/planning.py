"""From words to a plan that a person can confirm, or to the moment that something is put off to."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.reminder import TEXT_LIMIT, Plan
from chatapp.agenda.rules import Rule
from chatapp.agenda.zones import moment, wall_time, zone_named

PUT_OFF = timedelta(minutes=10)


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


def put_off_to(phrase: str, now: datetime, zone: str) -> datetime:
    """The moment, in UTC, that words such as `20 minutes` or `tomorrow at 9` mean; without words, in ten minutes.

    Raises:
        NotUnderstood: when they mean none.
    """
    if not phrase.strip():
        return now + PUT_OFF
    place = zone_named(zone)
    wall = wall_time(now, place)
    for form in (f"in {phrase}, x", f"{phrase}, x"):
        try:
            said = understand(form, wall)
        except NotUnderstood:
            continue
        if said.rule is None and said.text == "x":
            return moment(said.start, place)
    raise NotUnderstood("Until when? Say it as: 20 minutes, tomorrow at 9, Friday.")
