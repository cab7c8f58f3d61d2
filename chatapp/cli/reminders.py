"""`chatapp reminders`: add, edit, list, done, snooze, delete, due, export, import, install-timer."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatapp.agenda.calendar import SIZE_LIMIT, NotACalendar, from_ics, to_ics
from chatapp.agenda.day import Entry, arrange
from chatapp.agenda.desktop import notification
from chatapp.agenda.phrases import NotUnderstood
from chatapp.agenda.planning import changed, planned, put_off_to
from chatapp.agenda.reminder import Due, Reminder, utc_now
from chatapp.agenda.wording import changes, facts, rule_in_words, short_when
from chatapp.agenda.zones import UnknownZone, local_zone_name, wall_time, zone_named
from chatapp.cli.asking import confirm
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import note, print_json, print_table
from chatapp.cli.timer import install
from chatapp.config import write_private
from chatapp.errors import Refusal
from chatapp.store import Store, StoreError

SHOWN = 20
"""Events that the question before an import lists."""


def run(arguments: argparse.Namespace) -> int:
    """One verb on the reminders."""
    if arguments.verb == "install-timer":
        return install(arguments)
    try:
        asyncio.run(_run(arguments))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    except (NotUnderstood, UnknownZone) as error:
        raise Refusal("not_understood", str(error)) from error
    except NotACalendar as error:
        raise Refusal("calendar", str(error)) from error
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    store = await open_store(open_home(arguments))
    try:
        await _VERBS[arguments.verb](arguments, store)
    finally:
        await store.close()


async def _add(arguments: argparse.Namespace, store: Store) -> None:
    now = utc_now()
    plan = planned(" ".join(arguments.text), now, arguments.zone or local_zone_name())
    preview = "\n".join(f"{label:<9}{value}" for label, value in facts(plan, now))
    confirm(preview, "Create this reminder?", yes=arguments.yes)
    added = await store.agenda.add(plan)
    if arguments.json:
        print_json(_as_json(added, now))
    else:
        print_table([(added.uid, "created")])


async def _edit(arguments: argparse.Namespace, store: Store) -> None:
    now = utc_now()
    one = await store.agenda.reminder(arguments.id)
    plan = changed(one.plan, " ".join(arguments.text), now)
    preview = "\n".join(f"{label:<9}{value}" for label, value in changes(one.plan, plan, now))
    confirm(preview, "Change this reminder?", yes=arguments.yes)
    await _keep(one.replanned(plan), arguments, store)


async def _list(arguments: argparse.Namespace, store: Store) -> None:
    now, here = utc_now(), zone_named(local_zone_name())
    day = arrange(await store.agenda.reminders(), now, here)
    entries = [entry for entry in day.entries if arguments.all or entry.group != "over"]
    if arguments.json:
        print_json([{**_as_json(entry.reminder, now), "state": entry.group} for entry in entries])
        return
    print_table([_row(entry, day.now) for entry in entries])


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    plan = entry.reminder.plan
    rule = rule_in_words(plan.rule, plan.start) if plan.rule else ""
    return entry.reminder.uid, entry.group, short_when(entry.wall, now.date()), plan.text, rule


async def _done(arguments: argparse.Namespace, store: Store) -> None:
    one = await store.agenda.reminder(arguments.id)
    done = one.dealt_with(utc_now())
    if done is None:
        raise Refusal("over", f"‘{one.text}’ is over already.")
    await _keep(done, arguments, store)


async def _snooze(arguments: argparse.Namespace, store: Store) -> None:
    now = utc_now()
    one = await store.agenda.reminder(arguments.id)
    until = put_off_to(" ".join(arguments.until), now, local_zone_name())
    snoozed = one.put_off(until, now)
    if snoozed is None:
        raise Refusal("not_due", f"‘{one.text}’ is not due. What is still to come cannot be put off.")
    await _keep(snoozed, arguments, store)


async def _delete(arguments: argparse.Namespace, store: Store) -> None:
    await _keep(replace(await store.agenda.reminder(arguments.id), deleted=True), arguments, store)


async def _restore(arguments: argparse.Namespace, store: Store) -> None:
    await _keep(replace(await store.agenda.reminder(arguments.id), deleted=False), arguments, store)


async def _keep(after: Reminder, arguments: argparse.Namespace, store: Store) -> None:
    await store.agenda.put(after)
    if arguments.json:
        print_json(_as_json(after, utc_now()))


async def _due(arguments: argparse.Namespace, store: Store) -> None:
    told = await store.agenda.claim_due(utc_now())
    if arguments.json:
        print_json([_due_as_json(one) for one in told])
    else:
        print_table([(_when(one), one.reminder.text) for one in told])
    for one in told if arguments.notify else []:
        _notify(f"{one.reminder.text} ({_when(one)})")


def _notify(text: str) -> None:
    command = notification(text)
    if command is None:
        note("This system has no program for desktop notifications.")
        return
    try:
        subprocess.run(command, check=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        note(f"The desktop notification was not shown ({error}).")


def _when(due: Due) -> str:
    here = zone_named(local_zone_name())
    when = short_when(wall_time(due.at, here), wall_time(utc_now(), here).date())
    return f"{when}, late" if due.late else when


async def _export(arguments: argparse.Namespace, store: Store) -> None:
    reminders = await store.agenda.reminders()
    data = to_ics(reminders, utc_now())
    if arguments.file is None:
        if arguments.json:
            raise Refusal("usage", "--json needs a FILE: the calendar itself would be on standard output.")
        sys.stdout.buffer.write(data)
        return
    path = Path(arguments.file)
    if not path.parent.is_dir():
        raise Refusal("file", f"There is no folder {path.parent} to write {path.name} into.")
    try:
        write_private(path, data.decode())
    except OSError as error:
        raise Refusal("file", f"{arguments.file} cannot be written ({error.strerror}).") from error
    if arguments.json:
        print_json({"file": arguments.file, "reminders": len(reminders)})


async def _import(arguments: argparse.Namespace, store: Store) -> None:
    now = utc_now()
    found = from_ics(_read(arguments.file), now, local_zone_name())
    lines = [f"{short_when(plan.series[0], now.date())}  {plan.text}" for plan, _ in found.plans[:SHOWN]]
    more = len(found.plans) - SHOWN
    lines += [f"… and {more:,} more"] if more > 0 else []
    lines += [f"{found.past:,} are over and are left out."] if found.past else []
    if found.plans:
        confirm("\n".join([*lines, *found.warnings[:SHOWN]]), f"Import {len(found.plans):,}?", yes=arguments.yes)
    added = await store.agenda.add_events(found.plans, now)
    there = len(found.plans) - len(added)
    if arguments.json:
        result = {"imported": [one.uid for one in added], "already_there": there, "past": found.past}
        print_json({**result, "warnings": found.warnings})
    else:
        print_table([(f"{len(added):,} imported, {there:,} were there already",)])


def _read(name: str) -> bytes:
    """No more of a file than a calendar can have."""
    try:
        with Path(name).open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise Refusal("file", f"{name} cannot be read ({error.strerror}).") from error


def _as_json(one: Reminder, now: datetime) -> dict[str, Any]:
    coming = one.next(now)
    return {
        "id": one.uid,
        "text": one.text,
        "start": one.plan.start.isoformat(timespec="minutes"),
        "zone": one.plan.zone,
        "rule": one.plan.rule.model_dump(mode="json", exclude_defaults=True) if one.plan.rule else None,
        "repeats": rule_in_words(one.plan.rule, one.plan.start),
        "due": one.open_since(now) is not None,
        "next": _utc(coming),
        "snoozed_until": _utc(one.snoozed),
        "deleted": one.deleted,
    }


def _due_as_json(due: Due) -> dict[str, Any]:
    return {
        "id": due.reminder.uid,
        "text": due.reminder.text,
        "occurrence": due.occurrence.isoformat(timespec="minutes"),
        "zone": due.reminder.plan.zone,
        "at": _utc(due.at),
        "late": due.late,
    }


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="minutes") if moment else None


_VERBS: dict[str, Callable[[argparse.Namespace, Store], Awaitable[None]]] = {
    "add": _add,
    "edit": _edit,
    "list": _list,
    "done": _done,
    "snooze": _snooze,
    "delete": _delete,
    "restore": _restore,
    "due": _due,
    "export": _export,
    "import": _import,
}
