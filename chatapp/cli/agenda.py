"""`chatapp agenda`: what is due, what is on today, what comes next, and the latest notes."""

from __future__ import annotations

import argparse
import asyncio
import sys

from chatapp.agenda.day import GROUPS, arrange, brief
from chatapp.agenda.reminder import utc_now
from chatapp.agenda.zones import local_zone_name, zone_named
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import print_json
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.text import display

NOTES = 3


def run(arguments: argparse.Namespace) -> int:
    """Print the day."""
    try:
        asyncio.run(_run(arguments))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    store = await open_store(open_home(arguments))
    try:
        reminders, notes = await store.agenda.reminders(), await store.agenda.notes(NOTES)
    finally:
        await store.close()
    zone = local_zone_name()
    day = arrange(reminders, utc_now(), zone_named(zone))
    if not arguments.json:
        sys.stdout.write(display(brief(day, notes)) + "\n")
        return
    groups = {
        group: [
            {"id": one.reminder.uid, "text": one.reminder.text, "at": one.wall.isoformat(timespec="minutes")}
            for one in day.of(group)
        ]
        for group in GROUPS
        if group != "over"
    }
    latest = [{"id": one.uid, "title": one.title} for one in notes]
    print_json({"now": day.now.isoformat(timespec="minutes"), "zone": zone, **groups, "notes": latest})
