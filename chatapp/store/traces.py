"""Traces in the database: how the tokens of a reply were chosen, beside the messages, read only when asked for."""

from __future__ import annotations

from typing import Any

import apsw

from chatapp.conversation.message import Provenance
from chatapp.store.encoding import provenance_json
from chatapp.store.transaction import writing


def save(connection: apsw.Connection, message_id: int, trace: bytes) -> None:
    """Keep a trace, in the place of the one that there was. To be called in a transaction."""
    connection.execute("INSERT OR REPLACE INTO trace(message, body) VALUES (?, ?)", (message_id, trace))


def keep(connection: apsw.Connection, message_id: int, trace: bytes, provenance: Provenance) -> None:
    """Keep a trace that was made when the message was final, and the provenance that says what follows from it.

    A message that is gone by now, or that is being written, is passed over.
    """
    with writing(connection):
        connection.execute(
            "UPDATE message SET provenance = ? WHERE id = ? AND status != 'streaming'",
            (provenance_json(provenance), message_id),
        )
        if connection.changes():
            save(connection, message_id, trace)


def load(connection: apsw.Connection, message_id: int) -> bytes | None:
    """The trace of a message, if it has one."""
    row = connection.execute("SELECT body FROM trace WHERE message = ?", (message_id,)).fetchone()
    return row[0] if row else None


def of_session(connection: apsw.Connection, session_id: int) -> dict[int, bytes]:
    """The traces of a session's messages, by the ids of those."""
    rows: list[Any] = connection.execute(
        "SELECT message, body FROM trace WHERE message IN (SELECT id FROM message WHERE session = ?)",
        (session_id,),
    ).fetchall()
    return dict(rows)
