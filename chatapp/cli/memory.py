"""`chatapp memory`: what the assistant knows about you: show, edit, add, forget."""

from __future__ import annotations

import argparse
import subprocess
from typing import Any

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.conversation.memory import Entry
from chatapp.editor import editor_command, missing_editor
from chatapp.errors import Refusal
from chatapp.home import short_path
from chatapp.memory import MemoryFile


def run(arguments: argparse.Namespace) -> int:
    """One verb on the memory."""
    memory = open_home(arguments).memory
    match arguments.verb:
        case "add":
            memory.add(" ".join(arguments.text))
        case "forget":
            memory.forget(_numbered(memory, arguments.number))
        case "edit":
            _edit(memory)
    _show(memory, as_json=arguments.json)
    return 0


def _numbered(memory: MemoryFile, number: int) -> Entry:
    known = memory.entries()
    if not 1 <= number <= len(known):
        raise Refusal("memory", f"There is no entry {number}; there are {len(known)}.")
    return known[number - 1]


def _edit(memory: MemoryFile) -> None:
    command = editor_command()
    if problem := missing_editor(command):
        raise Refusal("editor", problem)
    memory.make()
    subprocess.run([*command, str(memory.path)], check=False)


def _show(memory: MemoryFile, *, as_json: bool) -> None:
    known = memory.entries()
    if as_json:
        print_json([_as_json(number, entry) for number, entry in enumerate(known, 1)])
        return
    if not known:
        note(f"Nothing is remembered yet. The file would be {short_path(memory.path)}.")
    dates = [(str(entry.day or ""), entry.source) for entry in known]
    print_table([(str(n), *dates[n - 1], entry.text) for n, entry in enumerate(known, 1)])


def _as_json(number: int, entry: Entry) -> dict[str, Any]:
    day = entry.day.isoformat() if entry.day else None
    return {"number": number, "text": entry.text, "date": day, "source": entry.source}
