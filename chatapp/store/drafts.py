"""What is being written in a session and not sent: a text, and the files that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from chatapp.conversation.attachment import Attachment
from chatapp.store import attachments
from chatapp.store.encoding import now_ms
from chatapp.store.transaction import writing
from chatapp.text import repair


def save(
    connection: apsw.Connection, session_id: int, text: str, files: Sequence[Attachment] | None = None
) -> None:
    """Keep it; an empty text clears the text. The files take the place of those there were; none: these stay."""
    with writing(connection):
        put(connection, session_id, text)
        if files is not None and tuple(files) != attachments.of_draft(connection, session_id):
            attachments.put_in_draft(connection, session_id, files)


def put(connection: apsw.Connection, session_id: int, text: str) -> None:
    """Keep a text. To be called in a transaction."""
    if text := repair(text):
        connection.execute(
            "INSERT INTO draft(session, body, updated_ms) VALUES (?, ?, ?)"
            " ON CONFLICT(session) DO UPDATE SET body = excluded.body, updated_ms = excluded.updated_ms",
            (session_id, text, now_ms()),
        )
    else:
        connection.execute("DELETE FROM draft WHERE session = ?", (session_id,))


def clear(connection: apsw.Connection, session_id: int) -> None:
    """It was sent. To be called in a transaction, when the message has its files."""
    connection.execute("DELETE FROM draft WHERE session = ?", (session_id,))
    attachments.put_in_draft(connection, session_id, ())


def load(connection: apsw.Connection, session_id: int) -> tuple[str, tuple[Attachment, ...]]:
    """The text and the files.

    Raises:
        ValueError: when what was stored makes no sense.
    """
    row: Any = connection.execute("SELECT body FROM draft WHERE session = ?", (session_id,)).fetchone()
    return (row[0] if row else ""), attachments.of_draft(connection, session_id)
