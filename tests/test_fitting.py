"""When the context window fills up: nothing fails, nothing leaves in silence, and everything comes back."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chatapp.chat import Chat
from chatapp.conversation.context import PARTS, Policy
from chatapp.conversation.message import Kind, Role, Status, StopReason
from chatapp.conversation.persona import Example, Persona
from chatapp.conversation.window import window_of
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.fitting import NoRoom
from chatapp.store import Store
from chatapp.turn import Bordered, Ended

ROOT = Path(__file__).parents[1]
SYSTEM = "You are a lighthouse keeper and you never say so."
PERSONA = Persona(name="Keeper", system=SYSTEM, sampling={"max_tokens": 24})
REPLY = "The lamp turned all night and nobody came, so the keeper wrote it down again."


@asynccontextmanager
async def chat_with(command, options, policy, persona=PERSONA):
    store, engine = await Store.temporary(), Engine(command=command)
    try:
        session = await store.create_session(persona)
        await engine.load(options)
        yield Chat(session, store, engine, options, on_full=policy)
    finally:
        await engine.close()
        await store.close()


@pytest.fixture
def paced(tmp_path, monkeypatch):
    """A chat with an engine that counts words, and says the same at once, in a window of 512."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "reply").write_text(REPLY)
    command = [sys.executable, "-m", "benchmarks.metronome", str(tmp_path / "reply"), "1000000"]
    return lambda policy, **more: chat_with(command, ModelOptions(path="none", n_ctx=512), policy, **more)


@pytest.fixture
def real(model_path):
    """A chat with the real model, in a small window."""
    options = ModelOptions(path=str(model_path), n_ctx=256, n_threads=1)
    return lambda policy, **more: chat_with(None, options, policy, **more)


async def hear(events):
    return [event async for event in events]


async def until_full(chat):
    for number in range(1000):
        await hear(chat.send(f"question {number} of many"))


async def until_a_summary_is_stopped(chat):
    while len(chat.session.tree) < 60:
        async for _event in chat.send("Tell me about the storm of last winter."):
            if chat.streaming is not None and chat.streaming.kind is Kind.SUMMARY:
                chat.stop()


def sound(turns):
    """System first, then a user, then in turn; the system prompt whole."""
    roles = [turn.role for turn in turns]
    systems = [role for role in roles if role is Role.SYSTEM]
    spoken = roles[len(systems) :]
    assert turns[0].content == SYSTEM
    assert roles[: len(systems)] == systems
    assert spoken == [Role.USER, Role.ASSISTANT] * (len(spoken) // 2) + [Role.USER]


@pytest.mark.parametrize("policy", [Policy.DROP, Policy.SUMMARISE])
async def test_a_thousand_turns_in_a_small_window(paced, policy):
    """Each prompt fits with its reserve, begins with the system prompt, and its roles alternate."""
    async with paced(policy) as chat:
        for number in range(1000):
            ended = await hear(chat.send(f"question {number} of many"))
            assert ended[-1].reply.status is Status.COMPLETE
            assert chat.prompt.plan.fits
            sound(chat.prompt.turns)
        tree = (await chat.store.session(chat.session.uid)).tree
        assert len(tree.path()) == 2000  # the originals are all there
        assert tree.leaves() == 1
        window = window_of(tree, tree.path())
        assert window.border.kind is (Kind.CUT if policy is Policy.DROP else Kind.SUMMARY)
        assert len(window.left_out) + len(window.seen) == 2000


async def test_when_asked_to_stop_the_message_waits_and_nothing_is_kept(paced):
    async with paced(Policy.STOP) as chat:
        with pytest.raises(NoRoom) as refused:
            await until_full(chat)
        assert refused.value.plan.over > 0
        assert f"{refused.value.plan.over:,} tokens too many" in str(refused.value)
        before = len((await chat.store.session(chat.session.uid)).tree)
        assert before == len(chat.session.tree)
        # Each way out, once.
        await hear(chat.send("a question", Policy.DROP))
        assert chat.prompt.plan.left_out > 0
        sound(chat.prompt.turns)


async def test_the_plan_is_the_prompt_that_is_sent(real):
    """With examples, a greeting and a border: the parts add up to the tokens that were evaluated."""
    example = Example(user="Is it late?", assistant="It is.")
    persona = PERSONA.model_copy(update={"greeting": "Good evening.", "examples": (example,)})
    async with real(Policy.DROP, persona=persona) as chat:
        for number in range(12):
            text = f"{number}: what does the sea look like tonight?"
            planned = await chat.room.plan(text)
            ended = await hear(chat.send(text))
            came = ended[-1].reply.provenance
            plan = chat.prompt.plan
            assert plan.prompt == came.prompt_tokens == sum(getattr(plan, part) for part in PARTS)
            assert planned.prompt == plan.prompt or any(isinstance(event, Bordered) for event in ended)
            assert came.left_out == plan.left_out
        assert plan.left_out > 0
        assert all((plan.system, plan.examples, plan.greeting, plan.history, plan.reply))


async def test_pinned_turns_stay_and_undone_borders_give_all_back(paced):
    async with paced(Policy.DROP) as chat:
        await hear(chat.send("remember the word heron"))
        first = chat.session.tree.path()[0]
        await chat.room.pin(first.id, pinned=True)
        for number in range(60):
            await hear(chat.send(f"question {number} of many"))
        window = window_of(chat.session.tree, chat.session.tree.path())
        assert [message.text for message in window.seen[:2]] == ["remember the word heron", REPLY]
        assert window.left_out[0].text == "question 0 of many"
        sound(chat.prompt.turns)
        for border in [m for m in chat.session.tree.all() if m.kind is Kind.CUT]:
            await chat.room.undo_border(border.id, undone=True)
        kept = (await chat.store.session(chat.session.uid)).tree
        assert window_of(kept, kept.path()).left_out == ()
        assert kept[first.id].pinned


async def test_a_summary_is_the_models_can_be_rewritten_and_undone(real):
    async with real(Policy.SUMMARISE) as chat:
        heard = []
        while not heard or not any(isinstance(e, Ended) and e.reply.kind is Kind.SUMMARY for e in heard):
            heard = await hear(chat.send("Tell me about the storm of last winter."))
            assert len(chat.session.tree) < 60
        summary = window_of(chat.session.tree, chat.session.tree.path()).border
        assert summary.text
        assert summary.token_ids
        assert chat.prompt.plan.summary > 0
        own = await chat.room.rewrite_summary(summary.id, "They spoke of a storm.")
        window = window_of(chat.session.tree, chat.session.tree.path())
        assert window.summary == "They spoke of a storm."
        await chat.room.undo_border(own.id, undone=True)
        assert window_of(chat.session.tree, chat.session.tree.path()).summary == summary.text
        for border in [m for m in chat.session.tree.all() if m.kind is Kind.SUMMARY]:
            await chat.room.undo_border(border.id, undone=True)
        assert window_of(chat.session.tree, chat.session.tree.path()).left_out == ()
        kept = (await chat.store.session(chat.session.uid)).tree
        assert [kept[m.id].undone for m in (summary, own)] == [True, True]


async def test_a_summary_that_is_stopped_does_not_hold_and_the_message_is_not_sent(real):
    async with real(Policy.SUMMARISE) as chat:
        with pytest.raises(NoRoom):
            await until_a_summary_is_stopped(chat)
        summary = next(m for m in chat.session.tree.all() if m.kind is Kind.SUMMARY)
        assert summary.status is Status.STOPPED
        assert not summary.holds
        assert chat.session.tree.path()[-1].role is Role.ASSISTANT
        kept = await chat.store.session(chat.session.uid)
        assert kept.draft == "Tell me about the storm of last winter."


async def test_a_reply_that_fills_the_window_goes_on_behind_a_border(real):
    # Without a template a small model goes on and on.
    persona = Persona(name="Plain", template=False, sampling={"max_tokens": 16, "temperature": 0})
    async with real(Policy.STOP, persona=persona) as chat:
        for _ in range(3):
            await hear(chat.send("la la la la la la la la la la la la la la la la"))
        await chat.tune(None, {"max_tokens": None})
        reply = (await hear(chat.send("la la la la la la la la la la la la")))[-1].reply
        assert reply.provenance.stop_reason is StopReason.CONTEXT_FULL
        assert reply.status is Status.STOPPED
        with pytest.raises(NoRoom):
            await hear(chat.go_on(reply.id))
        more = await hear(chat.go_on(reply.id, Policy.DROP))
        assert any(isinstance(event, Bordered) for event in more)
        assert more[-1].reply.text.startswith(reply.text)
        assert len(more[-1].reply.token_ids) > len(reply.token_ids)
