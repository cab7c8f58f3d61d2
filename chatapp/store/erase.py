"""Deletes a session, or some of its messages, with what only they used: in the chats, or in a copy of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import apsw

from chatapp.store import attachments
from chatapp.store.schema import DRAFT_FILES_SINCE, FILES_SINCE, version_of

_AFFECTED = """
WITH RECURSIVE affected(id) AS (
    SELECT id FROM message
    WHERE session = (SELECT id FROM session WHERE uid = ?1)
        AND (?2 IS NULL OR uid IN (SELECT value FROM json_each(?2)))
    UNION
    SELECT message.id FROM message JOIN affected ON message.parent = affected.id
)
SELECT id FROM affected
"""
_PERSONAS = """
SELECT DISTINCT json_extract(provenance, '$.persona') FROM message WHERE id IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True)
class Gone:
    """What is erased: a session, or only these messages of it with what stands below them; all by their uids."""

    session: str
    messages: tuple[str, ...] | None = None


def holds(connection: apsw.Connection, gone: Gone) -> bool:
    """Whether any of it is there."""
    if gone.messages is None:
        return connection.execute("SELECT 1 FROM session WHERE uid = ?", (gone.session,)).fetchone() is not None
    return connection.execute(f"{_AFFECTED} LIMIT 1", _names(gone)).fetchone() is not None


def erase(connection: apsw.Connection, gone: Gone) -> int:
    """Delete it, with the personas and the texts of files that nothing else uses; returns how many messages went.

    To be called in a transaction.
    """
    affected = [number for (number,) in connection.execute(_AFFECTED, _names(gone))]
    ids = json.dumps(affected)
    personas = {digest for (digest,) in connection.execute(_PERSONAS, (ids,)) if digest}
    with_files = version_of(connection) >= FILES_SINCE
    documents = attachments.documents_of(connection, ids) if with_files else []
    if gone.messages is None and version_of(connection) >= DRAFT_FILES_SINCE:
        documents += attachments.documents_of_draft(connection, gone.session)
    if gone.messages is None:
        held = connection.execute("SELECT persona FROM session WHERE uid = ?", (gone.session,))
        personas |= {digest for (digest,) in held}
        connection.execute("DELETE FROM session WHERE uid = ?", (gone.session,))
    else:
        connection.execute("DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    if with_files:
        attachments.forget_unused(connection, documents)
    connection.executemany(
        "DELETE FROM persona WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM session WHERE persona = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE instr(provenance, ?1))",
        [(digest,) for digest in personas],
    )
    return len(affected)


def _names(gone: Gone) -> tuple[str, str | None]:
    return gone.session, None if gone.messages is None else json.dumps(gone.messages)
