"""Stores to measure with: sessions of any length, made quickly."""

from __future__ import annotations

import random
from pathlib import Path

import apsw

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import messages, sessions
from chatapp.store.database import open_database
from chatapp.store.encoding import new_uid, pack_ids
from chatapp.store.transaction import writing

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


_VOCABULARY = (
    "lamp keeper stairs weather log sea light storm harbour ship captain letter garden winter bread window river"
    " answer question reason model token sampling temperature context memory engine branch search tree night"
)
WORDS = _VOCABULARY.split()
RARE = "heliotrope"
"""A word that stands in one message of a thousand."""


def many_sessions(database: Path, sessions_wanted: int, messages_each: int) -> None:
    """Make a store of many sessions: texts of common and rare words, some Chinese, branches, pins, tags."""
    connection = open_database(database)
    connection.execute("PRAGMA synchronous=OFF")
    chance = random.Random(7)
    now = 1_780_000_000_000
    with writing(connection):
        sessions.keep_persona(connection, persona := Persona(name="Assistant"))
        for number in range(sessions_wanted):
            created = now - (sessions_wanted - number) * 600_000
            connection.execute(
                "INSERT INTO session(uid, title, persona, used, created_ms, updated_ms, pinned)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (new_uid(), _text(chance, 4), persona.digest, number + 1, created, created, number % 500 == 0),
            )
            session = connection.last_insert_rowid()
            if number % 20 == 0:
                connection.execute("INSERT INTO tag VALUES (?, ?)", (session, chance.choice(WORDS)))
            _conversation(connection, chance, session, messages_each, created)
    connection.execute("PRAGMA optimize")
    connection.close()


def _conversation(
    connection: apsw.Connection, chance: random.Random, session: int, count: int, created: int
) -> None:
    parent = before = None
    for place in range(count):
        asks = place % 2 == 0
        again = not asks and place > 2 and chance.random() < 0.1  # another answer to the same question
        body = _text(chance, chance.randint(5, 20) if asks else chance.randint(30, 180))
        if chance.random() < 0.001:
            body += f" {RARE}"
        if chance.random() < 0.02:
            body += " 灯塔看守人写下了天气"
        connection.execute(
            "INSERT INTO message(uid, session, parent, role, status, created_ms, body, provenance, token_ids)"
            " VALUES (?, ?, ?, ?, 'complete', ?, ?, ?, ?)",
            (
                new_uid(),
                session,
                before if again else parent,
                "user" if asks else "assistant",
                created + place,
                body,
                "{}" if asks else '{"model_name": "SmolLM2 135M"}',
                b"" if asks else pack_ids(range(len(body) // 4)),
            ),
        )
        before, parent = parent, connection.last_insert_rowid()


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))
