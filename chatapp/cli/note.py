"""`chatapp note`: a thought kept with one line; list, search, show, delete, restore."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime
from typing import Any

from chatapp.agenda.note import Note
from chatapp.agenda.wording import short_when
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import print_json, print_table
from chatapp.errors import Refusal
from chatapp.store import Store, StoreError
from chatapp.text import display

NAMING = {"show", "delete", "restore"}
"""Verbs that take one ID; a text that begins with such a word is a text where it has more words."""


def run(arguments: argparse.Namespace) -> int:
    """Keep a note, or one verb on the notes."""
    words: list[str] = arguments.words
    if not words and (piped := _piped()):
        words = [piped]
    if not "".join(words).strip():
        raise Refusal("usage", "Nothing to note: give a TEXT, or pipe one in.")
    try:
        asyncio.run(_run(words, arguments))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    return 0


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace").strip("\n")


async def _run(words: list[str], arguments: argparse.Namespace) -> None:
    store = await open_store(open_home(arguments))
    try:
        if words == ["list"]:
            _print(await store.agenda.notes(), as_json=arguments.json)
        elif words[0] == "search" and len(words) > 1:
            _print(await store.agenda.search_notes(" ".join(words[1:])), as_json=arguments.json)
        elif words[0] in NAMING and len(words) == 2:
            await _one(words[0], await store.agenda.note(words[1]), store, as_json=arguments.json)
        else:
            _print([await store.agenda.add_note(" ".join(words))], as_json=arguments.json)
    finally:
        await store.close()


async def _one(verb: str, note: Note, store: Store, *, as_json: bool) -> None:
    match verb:
        case "delete":
            await store.agenda.delete_note(note)
        case "restore":
            await store.agenda.restore_note(note)
        case _ if not as_json:
            sys.stdout.write(display(note.text) + "\n")
    if as_json:
        print_json(_as_json(note))


def _print(notes: list[Note], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(note) for note in notes])
        return
    today = datetime.now().astimezone().date()
    print_table([(note.uid, short_when(_when(note), today), note.title) for note in notes])


def _as_json(note: Note) -> dict[str, Any]:
    return {"id": note.uid, "text": note.text, "created": _when(note).isoformat(timespec="seconds")}


def _when(note: Note) -> datetime:
    return datetime.fromtimestamp(note.created_ms / 1000).astimezone()
