"""When the KV states of open chats go to disk and come back: beside everything, and only where it is wished."""

from __future__ import annotations

import asyncio

import pytest
from tiny_models import plain

from chatapp.chat import Chat
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.engine.recall import Recall
from chatapp.engine.snapshots import Snapshots
from chatapp.store import Store
from chatapp.tui import keeping
from chatapp.tui.keeping import Keeping
from chatapp.turn import Ended

PERSONA = Persona(name="Plain", system="You keep the lamp. " * 6, sampling={"max_tokens": 8, "temperature": 0.0})


@pytest.fixture
async def desk(tmp_path):
    """What a desk has: a store, an engine with a tiny model, and a place for snapshots."""

    class Desk:
        snapshots = Snapshots(tmp_path / "snapshots", 2**30)
        options = ModelOptions(path=str(plain(tmp_path / "tiny.gguf")), n_ctx=1024, n_threads=1)

        def __init__(self, store):
            self.store = store
            self.engine = Engine()
            self.states = Keeping(Recall(self.engine, self.snapshots, 0.0))

        async def open(self, uid=None):
            session = await (self.store.session(uid) if uid else self.store.create_session(PERSONA))
            chat = Chat(session, self.store, self.engine, self.options)
            self.states.opened(chat)
            return chat

        async def say(self, chat, text):
            self.states.turn_began()
            async for event in chat.send(text):
                if isinstance(event, Ended):
                    self.states.turn_ended(chat)
                    return event.reply.provenance
            raise AssertionError

        async def restart(self):
            await self.engine.close()
            self.__init__(self.store)
            await self.engine.load(self.options)

        @property
        def kept(self):
            return [path.stem for path in (tmp_path / "snapshots").glob("*.kv")]

        async def settled(self):
            while self.states._tasks:
                await asyncio.wait(self.states._tasks)

    desk = Desk(await Store.open(tmp_path / "chats.db"))
    await desk.engine.load(desk.options)
    yield desk
    await desk.engine.close()
    await desk.store.close()


async def test_a_session_that_is_left_is_kept_and_opens_without_being_read_anew(desk):
    chat = await desk.open()
    first = await desk.say(chat, "Tell me of the sea.")
    assert desk.kept == []
    desk.states.left(chat)
    await desk.settled()
    assert desk.kept == [chat.session.uid]

    await desk.restart()
    again = await desk.open(chat.session.uid)
    second = await desk.say(again, "And then?")
    assert second.reused_tokens >= first.prompt_tokens + first.generated_tokens - 1


async def test_one_that_was_only_looked_at_is_not_written(desk):
    chat = await desk.open()
    desk.states.left(chat)
    await desk.settled()
    assert desk.kept == []


async def test_it_is_kept_when_the_model_is_idle_and_at_the_end(desk, monkeypatch):
    monkeypatch.setattr(keeping, "IDLE_SECONDS", 0.0)
    idle = await desk.open()
    await desk.say(idle, "Tell me of the sea.")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await desk.settled()
    assert desk.kept == [idle.session.uid]

    monkeypatch.setattr(keeping, "IDLE_SECONDS", 3600.0)
    other = await desk.open()
    await desk.say(other, "Tell me of the lamp.")
    await desk.states.close(30)
    assert sorted(desk.kept) == sorted([idle.session.uid, other.session.uid])


async def test_it_goes_with_its_session(desk):
    chat = await desk.open()
    await desk.say(chat, "Tell me of the sea.")
    desk.states.left(chat)
    await desk.settled()
    desk.states.forget(chat.session.uid)
    await desk.settled()
    assert desk.kept == []


async def test_a_temporary_chat_leaves_nothing(desk):
    desk.states = Keeping(None)
    chat = await desk.open()
    await desk.say(chat, "Tell me of the sea.")
    desk.states.left(chat)
    await desk.states.close(30)
    assert desk.kept == []
