"""Branches in the trash: a message goes there with everything below it, and comes back with all that went with it.

What goes together shares one moment, which no other branch of the session has. No message is ever left without
what it answers: a branch that comes back brings the messages along that it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from chatapp.conversation.message import Message, Role
from chatapp.store import messages
from chatapp.store.encoding import now_ms
from chatapp.store.errors import StoreError
from chatapp.store.transaction import writing

_WRITES = """
WITH RECURSIVE below(id) AS (
    VALUES(?2)
    UNION ALL
    SELECT m.id FROM message AS m JOIN below ON m.parent = below.id WHERE m.session = ?1 AND m.deleted_ms IS NULL
)
SELECT 1 FROM message WHERE id IN below AND status = 'streaming'
"""
_PRUNE = """
WITH RECURSIVE below(id) AS (
    VALUES(?2)
    UNION ALL
    SELECT m.id FROM message AS m JOIN below ON m.parent = below.id WHERE m.session = ?1 AND m.deleted_ms IS NULL
)
UPDATE message
SET deleted_ms = (SELECT max(?3, 1 + coalesce(max(deleted_ms), 0)) FROM message WHERE session = ?1)
WHERE id IN below AND session = ?1 AND deleted_ms IS NULL
"""
_TO_COME_BACK = """
WITH RECURSIVE above(id) AS (
    VALUES(?2)
    UNION ALL
    SELECT m.parent FROM message AS m JOIN above ON m.id = above.id WHERE m.parent IS NOT NULL
)
SELECT id FROM message
WHERE session = ?1 AND deleted_ms IS NOT NULL
    AND (id IN above OR deleted_ms = (SELECT deleted_ms FROM message WHERE id = ?2))
"""
_FIRST_WORDS = 400


@dataclass(frozen=True)
class Pruned:
    """A branch in the trash, by its first message."""

    message: int
    role: Role
    text: str
    """How it begins."""
    messages: int
    deleted_ms: int


def prune(connection: apsw.Connection, session_id: int, message_id: int) -> int:
    """Put a message with everything below it in the trash; returns how many messages that was.

    Raises:
        StoreError: when a reply is being written there; nothing was moved then.
    """
    with writing(connection):
        writes: Any = connection.execute(_WRITES, (session_id, message_id)).fetchone()
        if writes is not None:
            raise StoreError("A reply is being written on this branch. Stop it first; then it can go.")
        connection.execute(_PRUNE, (session_id, message_id, now_ms()))
        return connection.changes()


def bring_back(connection: apsw.Connection, session_id: int, message_id: int) -> list[Message]:
    """Bring a message back, what went with it, and what it stands on; returns all of them, parents first."""
    with writing(connection):
        rows = connection.execute(_TO_COME_BACK, (session_id, message_id))
        ids: set[int] = {id_ for (id_,) in rows}
        connection.executemany("UPDATE message SET deleted_ms = NULL WHERE id = ?", [(id_,) for id_ in ids])
        return [message for message in messages.load(connection, session_id) if message.id in ids]


def pruned(connection: apsw.Connection, session_id: int) -> list[Pruned]:
    """The branches of a session that lie in the trash, the one that went last first."""
    rows = connection.execute(
        "SELECT min(id), role, substr(body, 1, ?), count(*), deleted_ms FROM message"
        " WHERE session = ? AND deleted_ms IS NOT NULL GROUP BY deleted_ms ORDER BY deleted_ms DESC",
        (_FIRST_WORDS, session_id),
    )
    return [Pruned(id_, Role(role), text, count, deleted) for id_, role, text, count, deleted in rows]
