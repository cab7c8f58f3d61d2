"""Reminders in the database. Telling is one transaction: whoever marks an occurrence first is who tells it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import apsw
from pydantic import ValidationError

from chatapp.agenda.reminder import Due, Plan, Reminder, event_name
from chatapp.agenda.rules import Rule
from chatapp.store.encoding import new_uid, now_ms, storable
from chatapp.store.errors import NoSuchReminder
from chatapp.store.transaction import writing

_ADD = """
INSERT INTO reminder(uid, body, starts, zone, rule, done, calendar, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING *
"""


def add(connection: apsw.Connection, plan: Plan) -> Reminder:
    """Keep a new reminder."""
    uid = new_uid()
    with writing(connection):
        added = _add(connection, plan, uid, event_name(uid), None)
    assert added is not None  # noqa: S101  a new name is nobody's
    return added


def add_events(connection: apsw.Connection, plans: Sequence[tuple[Plan, str]], now: datetime) -> list[Reminder]:
    """Keep the events of a calendar, or none; those that are there already are passed over.

    What of a series lies behind is taken for dealt with: nobody wants to hear of it now.
    """
    with writing(connection):
        added = [_add(connection, plan, new_uid(), name, plan.latest(now)) for plan, name in plans]
    return [one for one in added if one is not None]


def every(connection: apsw.Connection) -> list[Reminder]:
    """All that were not deleted, in the order they were made."""
    rows = connection.execute("SELECT * FROM reminder WHERE deleted_ms IS NULL ORDER BY id")
    return [found for row in rows if (found := _reminder(row))]


def named(connection: apsw.Connection, name: str) -> Reminder:
    """A reminder by its uid or the beginning of it, a deleted one too.

    Raises:
        NoSuchReminder: when there is none, or more than one.
    """
    rows = connection.execute("SELECT * FROM reminder WHERE uid GLOB ? LIMIT 2", (_beginning(name),))
    found = [one for row in rows if (one := _reminder(row))]
    if len(found) != 1:
        which = "More than one reminder begins" if found else "There is no reminder that begins"
        raise NoSuchReminder(f"{which} with ‘{name[:40]}’. chatapp reminders list shows their names.")
    return found[0]


def claim(connection: apsw.Connection, now: datetime) -> list[Due]:
    """What is due now and was not told yet, marked as told: no other process gets it too."""
    if not any(one.due(now) or one.told_ahead(now) for one in every(connection)):
        return []  # a look takes no lock
    with writing(connection):
        for one in every(connection):
            if one.told_ahead(now):
                _write(connection, one.id, told=one.plan.latest(now))
        due = [found for one in every(connection) if (found := one.due(now))]
        for found in due:
            _write(connection, found.reminder.id, told=found.occurrence, snoozed=None)
    return sorted(due, key=lambda found: found.at)


def put(connection: apsw.Connection, reminder: Reminder) -> None:
    """Keep what became of a reminder: changed, done, put off, deleted, or as it was before one of these."""
    plan = reminder.plan
    with writing(connection):
        connection.execute(
            "UPDATE reminder SET body = ?, starts = ?, zone = ?, rule = ? WHERE id = ?",
            (storable(plan.text), _text(plan.start), plan.zone, _rule_text(plan), reminder.id),
        )
        _write(connection, reminder.id, told=reminder.told, done=reminder.done, snoozed=reminder.snoozed)
        connection.execute(
            "UPDATE reminder SET deleted_ms = CASE WHEN ? THEN coalesce(deleted_ms, ?) END WHERE id = ?",
            (reminder.deleted, now_ms(), reminder.id),
        )


def _add(connection: apsw.Connection, plan: Plan, uid: str, event: str, done: datetime | None) -> Reminder | None:
    row = (
        uid,
        storable(plan.text),
        _text(plan.start),
        plan.zone,
        _rule_text(plan),
        _text(done),
        storable(event),
        now_ms(),
    )
    added = connection.execute(_ADD, row).fetchone()
    return _reminder(added) if added else None


def _rule_text(plan: Plan) -> str | None:
    return plan.rule.model_dump_json(exclude_defaults=True) if plan.rule else None


def _write(connection: apsw.Connection, reminder_id: int, **values: datetime | None) -> None:
    for name, value in values.items():
        if name == "snoozed":
            written: Any = int(value.timestamp() * 1000) if value else None
            connection.execute("UPDATE reminder SET snoozed_ms = ? WHERE id = ?", (written, reminder_id))
        else:
            connection.execute(f"UPDATE reminder SET {name} = ? WHERE id = ?", (_text(value), reminder_id))  # noqa: S608


def _reminder(row: Sequence[Any]) -> Reminder | None:
    id_, uid, starts, zone, rule, told, done, snoozed_ms, _calendar, created_ms, deleted_ms, body = row
    try:
        # Not validated again but for the rule: a zone that this machine does not know must not hide a reminder.
        plan = Plan.model_construct(
            text=body, start=_time(starts), zone=zone, rule=Rule.model_validate_json(rule) if rule else None
        )
        snoozed = datetime.fromtimestamp(snoozed_ms / 1000, UTC) if snoozed_ms is not None else None
        return Reminder(id_, uid, plan, _time(told), _time(done), snoozed, created_ms, deleted_ms is not None)
    except (ValidationError, ValueError):
        # Another version's rule. It stays in its row for that version, and the others must still be told.
        return None


def _text(wall: datetime | None) -> str | None:
    return wall.isoformat(timespec="minutes") if wall else None


def _time(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def _beginning(name: str) -> str:
    letters = "".join(letter for letter in name.casefold() if letter.isalnum())
    return f"{letters}*" if letters else ""
