"""What is killed: a process that uses the store, and writes down what was acknowledged, each fact by one write.

Run by name for the power cut, which watches its system calls: `store_victim.py DATABASE ACKS TURNS SYNCHRONOUS`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from itertools import count
from pathlib import Path

from chatapp.conversation.message import Message, Provenance, Role, Status
from chatapp.conversation.persona import Persona
from chatapp.recording import Record
from chatapp.store import Store


class Acks:
    """A file of lines; what a killed process has written there stays."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, *words: object) -> None:
        os.write(self._handle, (" ".join(map(str, words)) + "\n").encode())


async def talk(store: Store, acks: Acks, turns: int | None) -> None:
    """Turn after turn: each is said to be kept only after the store said so."""
    session = await store.create_session(Persona(name="Assistant"))
    acks.say("session", session.uid)
    parent = None
    for turn in count() if turns is None else range(turns):
        asked, reply = await store.begin_turn(session.id, parent, f"question {turn}")
        acks.say("said", asked.uid)
        for piece in range(3):
            await store.append(reply.id, f"piece {piece} ", [piece])
        acks.say("pieces", reply.uid, 3)
        await store.finish(reply.id, Status.COMPLETE, Provenance(), text=f"answer {turn} " + "x" * 400)
        acks.say("done", reply.uid, turn)
        parent = reply.id if turn % 4 else None


def work(database: str, acks: str) -> None:
    """Use the store until somebody kills this process."""

    async def run() -> None:
        await talk(await Store.open(Path(database)), Acks(Path(acks)), None)

    asyncio.run(run())


def stream(database: str, acks: str) -> None:
    """Stream a reply through the recorder, a token every few milliseconds, until somebody kills this process."""

    async def run() -> None:
        store, said = await Store.open(Path(database)), Acks(Path(acks))
        session = await store.create_session(Persona(name="Assistant"))
        asked, reply = await store.begin_turn(session.id, None, "question")
        said.say("said", asked.uid)
        record = Record(store, Message(reply.id, reply.uid, reply.parent, Role.ASSISTANT, ""), lambda _: None)
        for token in count():
            record.add(f"{token} ", (token,))
            said.say("token", token, time.monotonic())
            await asyncio.sleep(0.004)

    asyncio.run(run())


async def record_turns(database: str, acks: str, turns: str, synchronous: str) -> None:
    """So many turns in a store with these promises, then an end without closing."""
    store = await Store.open(Path(database))
    await store._do(lambda db: db.pragma("synchronous", synchronous))
    await talk(store, Acks(Path(acks)), int(turns))
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(record_turns(*sys.argv[1:]))
