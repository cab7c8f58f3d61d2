"""In reproducible mode a greedy reply is, token for token, what llama.cpp itself would say.

The whole way is under test: `Chat`, the store, the engine's process, and the command line; the terminal app has a
test of its own beside its others. What it is compared to is a bare loop in this process (`bare_loop.py`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from bare_loop import COUNT, LONG, PROMPTS, SYSTEM, TASKS, TOKENS, BareLoop
from tiny_models import plain, recurrent, sliding_window

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.message import Status
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.engine.recall import Recall
from chatapp.engine.snapshots import Snapshots
from chatapp.engine.worker.process import usable_cores
from chatapp.loading import model_options
from chatapp.store import Store
from chatapp.turn import Ended

GREEDY = {"temperature": 0.0, "max_tokens": TOKENS}
PERSONA = Persona(name="Plain", system=SYSTEM, sampling=GREEDY)
FORKED_AT = 5
LETTER = 270
"""A token of the tiny models that stands for a letter, as those after it do."""


@pytest.fixture
async def house(model_path, tmp_path):
    """A store and an engine in reproducible mode, and what opens chats on them."""
    store, engine = await Store.temporary(), Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(), reproducible=True)
    recall = Recall(engine, Snapshots(tmp_path / "snapshots", 2**30), worth_seconds=0.0)

    async def open_chat(uid=None):
        session = await (store.session(uid) if uid else store.create_session(PERSONA))
        chat = Chat(session, store, engine, options)
        chat.recall = recall
        return chat

    assert (await engine.load(options)).n_threads == usable_cores()
    yield open_chat
    await engine.close()
    await store.close()


async def said(events):
    """The reply that a turn ends with."""
    async for event in events:
        if isinstance(event, Ended):
            return event.reply
    raise AssertionError("a turn ends with its end")


@pytest.mark.timeout(1800)  # all hundred take some minutes on quiet cores
async def test_greedy_replies_equal_a_bare_loops(bare, house):
    """Of all 100 prompts 20 have 500 tokens and more; each has a session of its own, all have one engine.

    So do the replies that are asked for in another session meanwhile, that stop and go on, that fork.
    """
    lengths, before = [], None
    for question in PROMPTS[:COUNT]:
        prompt, chat = bare.prompt(question), await house()
        expected = bare.reply(prompt)
        reply = await said(chat.send(question))
        assert reply.provenance.prompt_tokens == len(prompt), question
        assert reply.token_ids == expected, question
        if before is not None:
            other, its_reply = before
            assert (await said(other.again(its_reply.id))).token_ids == its_reply.token_ids
        assert (await in_two_parts(chat, reply)).token_ids == expected, question
        if len(prompt) < LONG and len(expected) > FORKED_AT:
            begun = [*expected[:FORKED_AT], expected[0]]
            fork = await said(chat.fork_at(reply.id, FORKED_AT, begun[-1]))
            left = TOKENS + len(begun)  # it may say as much as any reply from there on
            assert fork.token_ids == bare.reply(prompt, begun, left), question
        before = chat, reply
        lengths.append(len(prompt))
    assert sum(length >= LONG for length in lengths) == -(-COUNT // len(TASKS))


async def in_two_parts(chat, reply):
    """The reply again: it ends by its length, and is continued."""
    await chat.tune(None, {**GREEDY, "max_tokens": 5})
    first = await said(chat.again(reply.id))
    await chat.tune(None, {**GREEDY, "max_tokens": TOKENS - 5})
    whole = first if first.status is Status.COMPLETE else await said(chat.go_on(first.id))
    await chat.tune(None, GREEDY)
    return whole


async def test_so_do_those_that_were_stopped_at_any_moment(bare, house):
    """The last token drawn was never evaluated: Continue evaluates it first, alone, as the reply would have."""
    chat, length = await house(), 60
    prompt = bare.prompt(PROMPTS[2])
    await chat.tune(None, {**GREEDY, "max_tokens": length})
    events = chat.send(PROMPTS[2])
    async for event in events:
        if isinstance(event, Ended):
            reply = event.reply
        elif chat.streaming is not None and chat.streaming.token_ids:
            chat.stop()
    if left := length - len(reply.token_ids):
        assert reply.status is Status.STOPPED
        await chat.tune(None, {**GREEDY, "max_tokens": left})
        reply = await said(chat.go_on(reply.id))
    assert reply.token_ids == bare.reply(prompt, (), length)


async def test_so_do_those_of_a_session_that_is_opened_again_by_another_engine(bare, house):
    """What was read of the long prompt comes from disk, and not a token of the reply changes."""
    question = PROMPTS[0]
    chat = await house()
    first = await said(chat.send(question))
    await chat.keep_state()
    await chat.engine.close()
    await chat.engine.load(chat.options)
    chat = await house(chat.session.uid)
    again = await said(chat.again(first.id))
    assert again.token_ids == bare.reply(bare.prompt(question)) == first.token_ids
    assert again.provenance.reused_tokens > LONG - 20
    further = await said(chat.send("Why?"))
    assert further.provenance.evaluated_tokens < 60


@pytest.mark.parametrize("make", [plain, sliding_window, recurrent], ids=lambda make: make.__name__)
async def test_so_do_forks_and_what_follows_them_on_every_kind_of_model(make, tmp_path):
    """Where the cache cannot be cut back to a fork, what stands before it is read anew, or comes from a copy."""
    path = make(tmp_path / "tiny.gguf")
    loop, store, engine = BareLoop(path, 1), await Store.temporary(), Engine(tmp_path / "engine.log")
    options = ModelOptions(path=str(path), n_ctx=1024, n_threads=1, reproducible=True)
    chat = Chat(await store.create_session(PERSONA), store, engine, options)

    async def prompt():
        return list((await engine.prompts.inspect(chat.prompt.turns)).token_ids)

    try:
        first = await said(chat.send("Tell me of the sea, the lamp and the keeper; then of rain."))
        asked = await prompt()
        assert first.token_ids == loop.reply(asked)
        for index in (len(first.token_ids) - 1, 3, 0):
            begun = [*first.token_ids[:index], LETTER + index]
            fork = await said(chat.fork_at(first.id, index, begun[-1]))
            assert fork.token_ids == loop.reply(asked, begun, TOKENS + len(begun))
            further = await said(chat.send("And then?"))
            assert further.token_ids == loop.reply(await prompt())
    finally:
        await engine.close()
        await store.close()
        loop.close()


@pytest.mark.parametrize("question", PROMPTS[:2], ids=["long", "short"])
async def test_so_do_the_replies_of_the_command_line(bare, tmp_path, question):
    """`chatapp ask --reproducible --temperature 0`, a process and an engine for each."""
    command = [sys.executable, "-m", "chatapp", "ask", question, "--system", SYSTEM, "--reproducible", "--json"]
    flags = ["--temperature", "0", "--max-tokens", str(TOKENS), "--data-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *command, *flags, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    prompt = bare.prompt(question)
    assert told["prompt_tokens"] == len(prompt)
    assert told["token_ids"] == bare.reply(prompt)
