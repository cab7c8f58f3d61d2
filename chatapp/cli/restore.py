"""`chatapp restore`: what backups there are, and one of them put in the place of the present file."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.errors import Refusal
from chatapp.home import short_path
from chatapp.store import StoreError
from chatapp.store.backup import Backup, Contents, backups_of, contents_of
from chatapp.store.recovery import Recovered, present_contents, restore
from chatapp.text import counted, display_line


def run(arguments: argparse.Namespace) -> int:
    """List the backups, or put one back."""
    database = open_home(arguments).paths.database
    try:
        if arguments.list:
            _list(database, as_json=arguments.json)
        else:
            copy = _chosen(database, arguments.backup)
            before = present_contents(database)
            _say(copy, restore(database, copy), before, as_json=arguments.json)
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    return 0


def _chosen(database: Path, name: str | None) -> Path:
    """The newest backup that can be read, or the one of that number or path."""
    backups = backups_of(database)
    if name is None:
        for backup in backups:
            if _contents(backup.path) is not None:
                return backup.path
        raise Refusal("backup", "There is no backup yet that could be restored.")
    for backup in backups:
        if name in {str(backup.number), backup.path.name}:
            return backup.path
    if Path(name).is_file():
        return Path(name)
    raise Refusal("backup", f"There is no backup ‘{name}’. `chatapp restore --list` shows them.")


def _list(database: Path, *, as_json: bool) -> None:
    backups, present = backups_of(database), present_contents(database)
    if as_json:
        print_json([_as_json(backup, present) for backup in backups])
        return
    rows = [("", "day", "why", "sessions", "messages", "not in it")]
    for backup in backups:
        held = _contents(backup.path)
        counts = (f"{len(held.sessions):,}", f"{len(held.messages):,}") if held else ("damaged", "")
        missing = counted(len(present.messages - held.messages), "message") if held and present else ""
        rows.append((str(backup.number), backup.day, backup.reason, *counts, missing))
    if backups:
        print_table(rows)
    else:
        note("There is no backup yet.")


def _as_json(backup: Backup, present: Contents | None) -> dict[str, Any]:
    held = _contents(backup.path)
    return {
        "number": backup.number,
        "path": str(backup.path),
        "day": backup.day,
        "reason": backup.reason,
        "size": backup.path.stat().st_size,
        "sessions": len(held.sessions) if held else None,
        "messages": len(held.messages) if held else None,
        "missing_messages": len(present.messages - held.messages) if held and present else None,
    }


def _contents(path: Path) -> Contents | None:
    try:
        return contents_of(path)
    except StoreError:
        return None


def _say(copy: Path, back: Recovered, before: Contents | None, *, as_json: bool) -> None:
    held = back.contents
    missing = before.messages - held.messages if before else frozenset()
    if as_json:
        print_json(
            {
                "restored": str(copy),
                "sessions": len(held.sessions),
                "messages": len(held.messages),
                "missing_sessions": len(before.sessions - held.sessions) if before else None,
                "missing_messages": len(missing) if before else None,
                "quarantine": str(back.quarantine) if back.quarantine else None,
            }
        )
        return
    newest = datetime.fromtimestamp(held.newest_ms / 1000, UTC).astimezone()
    until = f", the last of {newest:%Y-%m-%d %H:%M}" if held.newest_ms else ""
    lines = [f"{held} are back{until}."]
    if back.quarantine:
        where = display_line(short_path(back.quarantine))
        lines.append(f"The file that was there before is kept: {where}")
    if before is None:
        lines.append("It could not be read as a whole, so what it holds beyond the backup is not known.")
    elif missing:
        count = counted(len(missing), "message")
        lines.append(f"{count} of it are not in the backup; `chatapp restore PATH` with that path undoes this.")
    sys.stdout.write("\n".join(lines) + "\n")
