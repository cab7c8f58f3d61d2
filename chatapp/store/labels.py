"""What a person puts on sessions to find them again: pins and tags."""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from chatapp.conversation.session import tag_from
from chatapp.store.transaction import writing


def pin(connection: apsw.Connection, session_id: int, *, pinned: bool) -> None:
    """Hold a session at the top of the list, or let it go."""
    with writing(connection):
        connection.execute("UPDATE session SET pinned = ? WHERE id = ?", (pinned, session_id))


def tag(connection: apsw.Connection, session_id: int, add: Iterable[str], remove: Iterable[str]) -> None:
    """Put tags on a session and take others off."""
    gone = {tag_from(name) for name in remove}
    with writing(connection):
        set_tags(connection, session_id, add)
        connection.executemany(
            "DELETE FROM tag WHERE session = ? AND name = ?", [(session_id, name) for name in gone]
        )


def set_tags(connection: apsw.Connection, session_id: int, names: Iterable[str]) -> None:
    """Add tags. To be called in a transaction."""
    kept = dict.fromkeys(filter(None, map(tag_from, names)))
    connection.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", [(session_id, name) for name in kept])


def tags_of(connection: apsw.Connection, session_id: int) -> tuple[str, ...]:
    """A session's tags, in alphabetical order."""
    rows = connection.execute("SELECT name FROM tag WHERE session = ? ORDER BY name", (session_id,))
    return tuple(str(name) for (name,) in rows)


def tags(connection: apsw.Connection) -> list[tuple[str, int]]:
    """The tags in use, each with how many sessions outside the trash carry it, in alphabetical order."""
    rows = connection.execute(
        "SELECT name, count(*) FROM tag JOIN session ON session.id = tag.session"
        " WHERE deleted_ms IS NULL GROUP BY name ORDER BY name"
    )
    return [(str(name), int(count)) for name, count in rows]
