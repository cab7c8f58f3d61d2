"""Notes in the database: written, listed, found by their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import apsw

from chatapp.agenda.note import NOTE_LIMIT, Note
from chatapp.store.encoding import new_uid, now_ms
from chatapp.store.errors import NoSuchNote, NotSaved
from chatapp.store.transaction import writing
from chatapp.text import repair

_SEARCH = """
SELECT note.* FROM note_fts JOIN note ON note.id = note_fts.rowid
WHERE note_fts MATCH ? AND deleted_ms IS NULL ORDER BY note_fts.rank LIMIT 200
"""
_WORD = re.compile(r"\w+")


def add(connection: apsw.Connection, text: str) -> Note:
    """Keep a note.

    Raises:
        NotSaved: when it is longer than a note can be.
    """
    text = repair(text).strip("\n")
    if len(text) > NOTE_LIMIT:
        raise NotSaved(
            f"A note has at most {NOTE_LIMIT:,} characters; this one has {len(text):,}. It was not kept."
        )
    with writing(connection):
        row = connection.execute(
            "INSERT INTO note(uid, body, created_ms) VALUES (?, ?, ?) RETURNING *", (new_uid(), text, now_ms())
        ).fetchone()
    assert row is not None  # noqa: S101  an insert returns what it inserted
    return _note(row)


def latest(connection: apsw.Connection, limit: int | None) -> list[Note]:
    """The notes, the newest first."""
    most = -1 if limit is None else limit
    rows = connection.execute("SELECT * FROM note WHERE deleted_ms IS NULL ORDER BY id DESC LIMIT ?", (most,))
    return [_note(row) for row in rows]


def search(connection: apsw.Connection, words: str) -> list[Note]:
    """The notes that have every word, or a word that begins so; the best first."""
    wanted = " ".join(f'"{word}"*' for word in _WORD.findall(repair(words)))
    return [_note(row) for row in connection.execute(_SEARCH, (wanted,))] if wanted else []


def named(connection: apsw.Connection, name: str) -> Note:
    """A note by its uid or the beginning of it, a deleted one too.

    Raises:
        NoSuchNote: when there is none, or more than one.
    """
    letters = "".join(letter for letter in name.casefold() if letter.isalnum())
    rows = connection.execute("SELECT * FROM note WHERE uid GLOB ? LIMIT 2", (f"{letters}*" if letters else "",))
    found = [_note(row) for row in rows]
    if len(found) != 1:
        which = "More than one note begins" if found else "There is no note that begins"
        raise NoSuchNote(f"{which} with ‘{name[:40]}’. chatapp note list shows their names.")
    return found[0]


def set_deleted(connection: apsw.Connection, note_id: int, *, deleted: bool) -> None:
    """Delete a note, or bring it back."""
    with writing(connection):
        connection.execute("UPDATE note SET deleted_ms = ? WHERE id = ?", (now_ms() if deleted else None, note_id))


def _note(row: Sequence[Any]) -> Note:
    id_, uid, created_ms, _deleted_ms, body = row
    return Note(id_, uid, body, created_ms)
