"""Stores to measure with: sessions of any length, made quickly."""

from __future__ import annotations

from pathlib import Path

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import messages, sessions
from chatapp.store.database import open_database

OWNER = "benchmark"
SENTENCE = "The keeper climbed the stairs, trimmed the lamp and wrote the weather in the log. "


def long_session(database: Path, count: int) -> str:
    """Make a store with one session of so many messages; returns the session's uid."""
    connection = open_database(database)
    connection.execute("PRAGMA synchronous=OFF")
    session = sessions.create(connection, Persona(name="Assistant"), None, {}, None)
    parent = None
    for turn in range(count // 2):
        _, reply = messages.begin_turn(connection, OWNER, session.id, parent, f"Question {turn}: {SENTENCE}")
        messages.finish(
            connection,
            OWNER,
            reply.id,
            status=Status.COMPLETE,
            provenance=Provenance(),
            text=SENTENCE * 12,
            token_ids=range(200),
        )
        parent = reply.id
    connection.close()
    return session.uid
