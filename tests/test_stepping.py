"""Step mode with the real engine and a real store: token by token, drawn or chosen, and nothing computed twice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.message import Status, StopReason
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.errors import Refusal
from chatapp.loading import model_options
from chatapp.looking import look
from chatapp.stepping import Steps
from chatapp.store import Store
from chatapp.turn import Began, Ended

PERSONA = Persona(name="Plain", system="You are helpful.", sampling={"max_tokens": 12, "seed": 5})


@pytest.fixture
async def chat(tmp_path, model_path):
    """A session with one reply, drawn in reproducible mode."""
    store = await Store.open(tmp_path / "chats.db")
    engine = Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(), reproducible=True)
    chat = Chat(await store.create_session(PERSONA), store, engine, options)
    chat.record = 10
    async for _event in chat.send("Describe the sea."):
        pass
    yield chat
    await engine.close()
    await store.close()


class Stepping:
    """Someone who steps, while the turn runs beside them."""

    def __init__(self, chat, steps):
        self.chat, self.steps = chat, steps
        self.evaluated = []
        self.heard = []
        self.turn = None

    async def look(self):
        seen = await look(self.chat, self.steps.reply, len(self.steps.reply.token_ids), along=True)
        self.evaluated.append(seen.decision.evaluated)
        return seen

    async def take(self, place=None):
        """The token that is drawn, or the one that stands at a place."""
        seen = await self.look()
        token = seen.decision.draw.token if place is None else seen.decision.rows[place]
        await self.do(self.steps.take(seen, token.id))
        return token.id

    async def do(self, what):
        self.turn = self.turn or asyncio.create_task(self._run())
        await what

    async def _run(self):
        async for event in self.steps.turn(None):
            self.heard.append(event)

    async def ended(self):
        await self.turn
        assert isinstance(self.heard[-1], Ended)
        assert self.steps.over
        reply = self.heard[-1].reply
        kept = (await self.chat.store.session(self.chat.session.uid)).tree[reply.id]
        assert (kept.text, kept.token_ids, kept.status) == (reply.text, reply.token_ids, reply.status)
        assert kept.provenance == reply.provenance
        assert len(reply.records) == len(reply.token_ids)
        return reply


@asynccontextmanager
async def stepping(chat, index):
    reply = chat.session.tree.tip()
    yield Stepping(chat, await Steps.from_token(chat, reply, index))
    assert chat.streaming is None


async def test_steps_that_take_every_draw_make_the_reply_that_was_drawn(chat):
    """With its records, and its settings as one segment; each step costs one token."""
    first = chat.session.tree.tip()
    async with stepping(chat, 4) as someone:
        while len(someone.steps.reply.token_ids) < len(first.token_ids):
            await someone.take()
        someone.steps.end()
        reply = await someone.ended()
    assert someone.evaluated == [1] * 8
    assert (reply.token_ids, reply.text, reply.parent) == (first.token_ids, first.text, first.parent)
    assert (reply.status, reply.provenance.stop_reason) == (Status.STOPPED, StopReason.CANCELLED)
    assert (reply.provenance.chosen, reply.provenance.continued_from) == ((), 4)
    assert [one.from_token for one in reply.provenance.segments] == [0]
    assert (reply.provenance.evaluated_tokens, reply.provenance.generated_tokens) == (1, 8)
    assert [one.rank for one in reply.records] == [one.rank for one in first.records]
    assert [one.stage for one in reply.records] == [one.stage for one in first.records]


async def test_what_a_person_chose_is_known_from_what_was_drawn(chat):
    """And what is taken back is neither: not on the disk, not in the provenance."""
    async with stepping(chat, 2) as someone:
        chosen = await someone.take(3)
        drawn = await someone.take()
        await someone.take(2)
        await someone.do(someone.steps.back())
        assert someone.steps.reply.provenance.chosen == (2,)
        other = await someone.take(1)
        someone.steps.end()
        reply = await someone.ended()
    assert someone.evaluated == [1] * 4
    assert reply.token_ids[2:] == [chosen, drawn, other]
    assert reply.text == (await chat.engine.look.text(reply.token_ids)).text
    assert set(reply.provenance.chosen) <= {2, 4}
    assert 2 in reply.provenance.chosen
    assert [one.id for one in reply.records[2:]] == [chosen, drawn, other]


async def test_steps_may_go_back_behind_where_they_began(chat):
    """Less of the reply is copied then."""
    first = chat.session.tree.tip()
    async with stepping(chat, 5) as someone:
        await someone.take()
        for _ in range(3):
            await someone.do(someone.steps.back())
        assert someone.steps.reply.token_ids == first.token_ids[:3]
        await someone.take()
        someone.steps.end()
        reply = await someone.ended()
    assert reply.token_ids == first.token_ids[:4]
    assert (reply.provenance.continued_from, reply.provenance.generated_tokens) == (3, 1)


async def test_the_model_goes_on_by_itself_from_any_step(chat):
    """As it would have after a fork there; nothing but the last token is evaluated again."""
    first = chat.session.tree.tip()
    async with stepping(chat, 3) as someone:
        chosen = await someone.take(2)
        someone.steps.run(chat.settings())
        reply = await someone.ended()
    async for event in chat.fork_at(first.id, 3, chosen):
        fork = getattr(event, "reply", None)
    assert reply.token_ids == fork.token_ids
    assert reply.provenance.chosen == fork.provenance.chosen == (3,)
    assert reply.provenance.evaluated_tokens == 1
    assert reply.provenance.generated_tokens == len(reply.token_ids) - 3


async def test_settings_that_are_tried_are_kept_with_the_tokens_drawn_with_them(chat):
    """As a segment of their own."""
    async with stepping(chat, 2) as someone:
        await someone.take()
        seen = await look(chat, someone.steps.reply, 3, {"temperature": 1.7}, along=True)
        await someone.do(someone.steps.take(seen, seen.decision.draw.token.id))
        someone.steps.end()
        reply = await someone.ended()
    assert [(one.from_token, one.settings.temperature) for one in reply.provenance.segments] == [
        (0, chat.settings().temperature),
        (3, 1.7),
    ]


async def test_the_token_that_ends_the_turn_ends_the_steps(chat):
    """Another control token is refused, and the reply may go on otherwise."""
    (end,) = [one.id for one in await chat.engine.look.tokens("<|im_end|>", special=True)]
    (start,) = [one.id for one in await chat.engine.look.tokens("<|im_start|>", special=True)]
    async with stepping(chat, 3) as someone:
        await someone.take()
        seen = await someone.look()
        with pytest.raises(Refusal, match="control token"):
            await someone.steps.take(seen, start)
        await someone.steps.take(seen, end)
        reply = await someone.ended()
    assert (reply.status, reply.provenance.stop_reason) == (Status.COMPLETE, StopReason.END)
    assert len(reply.token_ids) == 4


async def test_steps_end_when_the_reply_is_stopped_from_elsewhere_and_each_is_on_disk_before(chat):
    """The app that closes stops what runs: what was said is kept."""
    async with stepping(chat, 3) as someone:
        await someone.take()
        await someone.take(1)
        reply = next(event.reply for event in someone.heard if isinstance(event, Began))
        for _ in range(100):
            kept = (await chat.store.session(chat.session.uid)).tree[reply.id]
            if kept.text == reply.text:
                break
            await asyncio.sleep(0.02)
        assert (kept.token_ids, kept.status) == (reply.token_ids, Status.STREAMING)
        chat.stop()
        assert (await someone.ended()).status is Status.STOPPED
        await someone.steps.back()  # nothing happens any more
