"""Several replies at once with the real engine and a real store: begun together, kept each, whatever happens."""

from __future__ import annotations

import os
import signal
from contextlib import aclosing

import pytest

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.document import Document
from chatapp.conversation.message import Role, Status, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import Preset, Presets, SamplingSettings
from chatapp.conversation.variation import Differ, degrees, variations
from chatapp.engine.client import Engine
from chatapp.engine.protocol import Tokens
from chatapp.loading import model_options
from chatapp.store import Store
from chatapp.ways import OfWay, WaysBegan, ask_many

PERSONA = Persona(name="Plain", system="You are helpful.", sampling={"max_tokens": 12})
LONG = {"max_tokens": 300}


@pytest.fixture
async def chat(tmp_path, model_path):
    """A new session on a store of its own, with an engine of its own."""
    store = await Store.open(tmp_path / "chats.db")
    engine = Engine(tmp_path / "engine.log")
    session = await store.create_session(PERSONA)
    yield Chat(session, store, engine, model_options(str(model_path), Settings()))
    await engine.close()
    await store.close()


def ways(chat, count=3, differ=Differ.SEED, seed=7):
    return variations(differ, count, chat.session.sampling().settings, seed)


async def hear(chat, events, after=None, then=None):
    """All events; `then` is called once, after so many pieces of text."""
    heard, pieces = [], 0
    async for event in events:
        heard.append(event)
        pieces += isinstance(event, OfWay) and isinstance(event.event, Tokens)
        if then is not None and pieces == after:
            then()
            then = None
    return heard


async def kept(chat):
    session = await chat.store.session(chat.session.uid)
    return [message for message in session.tree.all() if message.role is Role.ASSISTANT]


async def test_all_are_on_disk_before_the_engine_starts(chat):
    events = ask_many(chat, None, ways(chat), text="Hello")
    first = await anext(events)
    assert isinstance(first, WaysBegan)
    assert not chat.engine.alive
    assert [(one.text, one.status) for one in await kept(chat)] == [("", Status.STREAMING)] * 3
    session = await chat.store.session(chat.session.uid)
    assert [message.text for message in session.tree.path()] == ["Hello", ""]
    assert session.tree.tip().id == first.replies[0].id
    assert session.title == "Hello"
    await events.aclose()
    assert {one.status for one in await kept(chat)} == {Status.INTERRUPTED}


async def test_what_is_asked_takes_its_files_along(chat):
    file = Attachment("rent.txt", Document("850 euros"))
    async with aclosing(ask_many(chat, None, ways(chat, 2), text="How much?", files=(file,))) as events:
        asked = (await anext(events)).asked
    assert [one.name for one in asked.files] == ["rent.txt"]
    session = await chat.store.session(chat.session.uid)
    assert [one.document.text for one in session.tree.path()[0].files] == ["850 euros"]


async def test_each_is_kept_with_its_own_provenance_and_the_prompt_is_paid_once(chat):
    wanted = ways(chat, 3, Differ.TEMPERATURE)
    await hear(chat, ask_many(chat, None, wanted, text="Name an animal.", record=3))
    replies = await kept(chat)
    assert len({reply.parent for reply in replies}) == 1
    for reply, one, here in zip(replies, wanted, chat.session.tree.siblings(replies[0].id), strict=True):
        assert reply.text == here.text
        assert reply.token_ids == here.token_ids
        assert reply.provenance.generated_tokens == len(reply.token_ids) > 0
        assert reply.provenance.segments[-1].settings == one.settings
        assert reply.provenance.segments[-1].seed == one.seed
        assert reply.provenance.timings.decode_s > 0
        assert [record.id for record in await chat.trace(reply)] == reply.token_ids
    evaluated = [reply.provenance.evaluated_tokens for reply in replies]
    assert evaluated[0] == replies[0].provenance.prompt_tokens
    assert evaluated[1:] == [0, 0]


async def test_they_join_the_replies_that_are_there(chat):
    async for _ in chat.send("Name an animal."):
        pass
    before = chat.session.tree.tip()
    heard = await hear(chat, ask_many(chat, before.parent, ways(chat, 2)))
    assert heard[0].asked is None
    assert len(chat.session.tree.siblings(before.id)) == 3
    assert chat.session.tree.tip() is heard[0].replies[0]
    assert len(await kept(chat)) == 3


async def test_one_is_stopped_and_the_others_go_on(chat):
    await chat.tune(None, {"max_tokens": 40})
    events = ask_many(chat, None, ways(chat), text="Write a long story.")
    await hear(chat, events, 4, lambda: chat.engine.cancel_way(1))
    stopped = [reply.provenance.stop_reason for reply in await kept(chat)]
    assert stopped[1] == StopReason.CANCELLED
    assert StopReason.CANCELLED not in (stopped[0], stopped[2])


async def test_all_are_stopped_and_keep_what_they_said(chat):
    await chat.tune(None, LONG)
    events = ask_many(chat, None, ways(chat), text="Write a long story.")
    heard = await hear(chat, events, 6, chat.stop)
    assert chat.streaming is None
    said = dict.fromkeys(range(3), "")
    for one in heard:
        if isinstance(one, OfWay) and isinstance(one.event, Tokens):
            said[one.way] += one.event.text
    for way, reply in enumerate(await kept(chat)):
        assert reply.status is Status.STOPPED
        assert reply.text == said[way]


async def test_a_crash_in_the_middle_keeps_all_and_the_next_try_works(chat):
    await chat.tune(None, LONG)
    events = ask_many(chat, None, ways(chat), text="Write a long story.")
    await hear(chat, events, 6, lambda: os.kill(chat.engine.pid, signal.SIGKILL))
    replies = await kept(chat)
    assert {reply.status for reply in replies} == {Status.ERROR}
    assert {reply.provenance.stop_reason for reply in replies} == {StopReason.CRASHED}
    assert all(reply.text for reply in replies)
    await chat.tune(None, {"max_tokens": 5})
    await hear(chat, ask_many(chat, replies[0].parent, ways(chat, 2)))
    assert [reply.provenance.generated_tokens for reply in (await kept(chat))[3:]] == [5, 5]


def test_what_differs_is_all_that_differs():
    settings = SamplingSettings(stop=("x",), max_tokens=9)
    seeds = variations(Differ.SEED, 3, settings, 5)
    assert [(one.seed, one.settings) for one in seeds] == [(5, settings), (6, settings), (7, settings)]
    heats = variations(Differ.TEMPERATURE, 4, settings, 5)
    assert [one.settings.temperature for one in heats] == [0.2, 0.6, 1.0, 1.4] == degrees(4)
    assert {one.seed for one in heats} == {5}
    presets = variations(Differ.PRESET, 8, settings, 5)
    own = (Preset("Mine", "", {"temperature": 0.33}), Preset("precise", "", {"temperature": 0.11}))
    mine = variations(Differ.PRESET, 3, settings, 5, Presets(own))
    assert [(one.title, one.settings.temperature) for one in mine[:2]] == [("Mine", 0.33), ("precise", 0.11)]
    assert mine[2].title == "Balanced", "what is called as an own one is not offered twice"
    assert len({one.title for one in presets}) == 8
    assert {(one.settings.stop, one.settings.max_tokens) for one in presets} == {(("x",), 9)}
