"""Opening a session of 2,000 tokens again, from its snapshot or by reading it anew; the model is loaded before."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import Row, compare
from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.protocol import Tokens
from chatapp.engine.recall import Recall
from chatapp.engine.snapshots import Snapshots
from chatapp.loading import model_options
from chatapp.store import Store

TEXT = "The keeper climbed the stairs, trimmed the lamp and wrote the weather in the log. " * 110
PERSONA = Persona(name="Plain", system="You are helpful.", sampling={"temperature": 0.0, "max_tokens": 8})
OPTIONS = model_options(str(embedded_model()), Settings())


def rows() -> Iterator[Row]:
    """Seconds from the message to the first token of its reply."""
    with tempfile.TemporaryDirectory() as home:
        tokens = asyncio.run(_begin(Path(home)))
        yield compare(
            f"a session of {tokens:,} tokens opened again, to its first token",
            lambda: asyncio.run(_first_token(Path(home), kept=True)),
            lambda: asyncio.run(_first_token(Path(home), kept=False)),
            unit="s",
            at_most=0.05,
        )


async def _begin(home: Path) -> int:
    """Have the session, and its snapshot, on disk; how long its prompt was."""
    store, engine = await Store.open(home / "chats.db"), Engine()
    chat = Chat(await store.create_session(PERSONA), store, engine, OPTIONS)
    chat.recall = Recall(engine, Snapshots(home / "snapshots", 2**30))
    async for _ in chat.send(TEXT):
        pass
    await chat.keep_state()
    await engine.close()
    await store.close()
    assert list((home / "snapshots").glob("*.kv"))
    return chat.session.tree.path()[-1].provenance.prompt_tokens


async def _first_token(home: Path, *, kept: bool) -> float:
    """What the next message takes to its first token, in a copy of the session and with an engine of its own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(home, Path(folder) / "home")
        store, engine = await Store.open(copy / "chats.db"), Engine()
        await engine.load(OPTIONS)
        [head] = await store.sessions()
        chat = Chat(await store.session(head.uid), store, engine, OPTIONS)
        if kept:
            chat.recall = Recall(engine, Snapshots(copy / "snapshots", 2**30))
        began = time.perf_counter()
        first = 0.0
        async for event in chat.send("And then?"):
            if isinstance(event, Tokens) and not first:
                first = time.perf_counter() - began
        await engine.close()
        await store.close()
        return first
