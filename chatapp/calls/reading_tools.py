"""The tools that only read or compute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chatapp.agenda.day import GROUPS, arrange, brief, said
from chatapp.agenda.reminder import utc_now
from chatapp.agenda.zones import local_zone_name, wall_time, zone_named
from chatapp.conversation.attachment import Attachment, label
from chatapp.conversation.query import read_query
from chatapp.conversation.session import Session
from chatapp.errors import Refusal
from chatapp.files.ranking import ranked
from chatapp.memory import MemoryFile
from chatapp.store import Store
from chatapp.tools import catalogue as tools
from chatapp.tools.arithmetic import calculate
from chatapp.tools.dates import between, shifted
from chatapp.tools.units import convert

MOST_FOUND = 8
"""Notes, messages or passages that are given at once."""
LONGEST_FOUND = 400
"""Characters of each of them."""


async def read(asked: tools.Arguments, session: Session, store: Store, memory: MemoryFile) -> str:  # noqa: PLR0911  one for each tool
    """What a tool gives that only reads.

    Raises:
        Refusal: with a sentence, when it gives nothing.
        StoreError: when the chats cannot be read.
        ValueError: with a sentence, when there is no such number, unit or day.
    """
    now = wall_time(utc_now(), zone_named(local_zone_name()))
    match asked:
        case tools.Calculate():
            return calculate(asked.expression).written()
        case tools.Convert():
            return await asyncio.to_thread(convert, asked.amount, asked.unit, asked.to)
        case tools.AddToDate():
            return shifted(asked.date, asked.amount, asked.step, now)
        case tools.BetweenDates():
            return between(asked.start, asked.end, now)
        case tools.Agenda():
            return await _agenda(store, every=asked.range == "all")
        case tools.SearchNotes():
            return await _notes(store, asked.words)
        case tools.ReadMemory():
            known = [entry.text for entry in memory.entries()]
            return _listed(known, len(known)) or "Nothing is remembered yet."
        case tools.SearchConversations():
            hits = await store.search(read_query(asked.words), MOST_FOUND)
            return _listed([f"{hit.title} ({hit.role}): {hit.snippet}" for hit in hits]) or "No message has that."
        case tools.ReadFile():
            files = [file for message in session.tree.path() for file in message.files]
            return await asyncio.to_thread(_passages, _file(files, asked.file), asked.words)
    raise Refusal("tool", "This tool only proposes.")


async def _agenda(store: Store, *, every: bool) -> str:
    day = arrange(await store.agenda.reminders(), utc_now(), zone_named(local_zone_name()))
    if not every:
        return brief(day, [])
    return _listed([f"{group}: {said(entry, day)}" for group in GROUPS for entry in day.of(group)], 50) or (
        "The agenda is empty."
    )


async def _notes(store: Store, words: str) -> str:
    found = await (store.agenda.search_notes(words) if words else store.agenda.notes(MOST_FOUND))
    return _listed([note.text for note in found]) or "No note has that."


def _listed(texts: Sequence[str], most: int = MOST_FOUND) -> str:
    lines = [" ".join(text.split()) for text in texts[:most]]
    return "\n".join(f"- {line[:LONGEST_FOUND]}{'…' if len(line) > LONGEST_FOUND else ''}" for line in lines)


def _file(files: Sequence[Attachment], name: str) -> Attachment:
    found = [file for file in files if not name or file.name.casefold() == name.casefold()]
    if not files:
        raise Refusal("tool", "No file is attached to this conversation.")
    if len({file.name for file in found}) != 1:
        raise Refusal("tool", f"Name one of these files: {', '.join(dict.fromkeys(file.name for file in files))}.")
    return found[-1]


def _passages(file: Attachment, words: str) -> str:
    document = file.document
    spans = ranked(document, words)[:3]
    if not spans:
        return f"No passage of {file.name} has these words."
    return "\n".join(
        f"{label(file.name, document.unit, document.place_at(start))}\n{document.text[start:end].strip()}"
        for start, end in sorted(spans)
    )
