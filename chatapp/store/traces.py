"""Traces in the database: how the tokens of a reply were chosen, beside the messages, read only when asked for."""

from __future__ import annotations

import apsw


def save(connection: apsw.Connection, message_id: int, trace: bytes) -> None:
    """Keep a trace, in the place of the one that there was. To be called in a transaction."""
    connection.execute("INSERT OR REPLACE INTO trace(message, body) VALUES (?, ?)", (message_id, trace))


def load(connection: apsw.Connection, message_id: int) -> bytes | None:
    """The trace of a message, if it has one."""
    row = connection.execute("SELECT body FROM trace WHERE message = ?", (message_id,)).fetchone()
    return row[0] if row else None
