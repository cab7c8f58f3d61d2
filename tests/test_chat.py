"""Turns with the real engine and a real store: what is said, what is kept, what is computed."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.message import Role, Status, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import Presets
from chatapp.engine.client import Engine
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.errors import Refusal
from chatapp.loading import model_options
from chatapp.store import Store
from chatapp.turn import Began, Ended

PERSONA = Persona(name="Plain", system="You are helpful.", sampling={"max_tokens": 24})
LONG = "Write a very long story about a lighthouse keeper and the sea."


@pytest.fixture
def reproducible():
    """Whether the engine runs in reproducible mode; a test that needs it says so by a parameter."""
    return False


@pytest.fixture
async def chat(tmp_path, model_path, reproducible):
    """A new session on a store of its own, with an engine of its own."""
    store = await Store.open(tmp_path / "chats.db")
    engine = Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(), reproducible=reproducible)
    session = await store.create_session(PERSONA)
    yield Chat(session, store, engine, options)
    await engine.close()
    await store.close()


async def hear(events, after=None, then=None):
    """All events of a turn; `then` is called once, after so many tokens."""
    heard = []
    tokens = 0
    async for event in events:
        heard.append(event)
        tokens += isinstance(event, Tokens)
        if then is not None and tokens == after:
            then()
            then = None
    return heard


def reply_of(heard):
    assert isinstance(heard[-1], Ended)
    return heard[-1].reply


async def kept(chat):
    """The session as the store has it."""
    return await chat.store.session(chat.session.uid)


async def test_the_question_is_kept_before_the_engine_starts(chat):
    """When the first event arrives, the question and an empty reply are in the store, and no engine runs yet."""
    events = chat.send("Hello")
    first = await anext(events)
    assert isinstance(first, Began)
    assert not chat.engine.alive
    messages = (await kept(chat)).tree.all()
    assert [(m.role, m.text, m.status) for m in messages] == [
        (Role.USER, "Hello", Status.COMPLETE),
        (Role.ASSISTANT, "", Status.STREAMING),
    ]
    await events.aclose()


async def test_a_reply_is_kept_as_it_was_said_with_its_provenance(chat):
    """Text, token ids, settings, seed and exact counts."""
    reply = reply_of(await hear(chat.send("Say hello.")))
    stored = (await kept(chat)).tree[reply.id]
    assert (stored.text, stored.token_ids, stored.status) == (reply.text, reply.token_ids, reply.status)
    came = stored.provenance
    assert came.prompt_tokens == came.reused_tokens + came.evaluated_tokens
    assert came.generated_tokens == len(stored.token_ids)
    assert came.segments[0].settings == chat.session.sampling().settings
    assert came.persona == PERSONA.digest
    assert came.model_path == chat.options.path


async def test_the_second_turn_evaluates_only_what_is_new(chat):
    """The reply's own tokens are spliced in, so that all of the first turn is found in the KV cache."""
    first = reply_of(await hear(chat.send("Name a colour."))).provenance
    second = reply_of(await hear(chat.send("Another."))).provenance
    assert second.reused_tokens >= first.prompt_tokens + first.generated_tokens - 1
    assert second.evaluated_tokens < 20


async def test_stop_keeps_the_partial_reply_and_go_on_continues_it_exactly(chat):
    """Continue makes a sibling that begins with the very same tokens, and with the same seed."""
    await chat.tune(None, {"max_tokens": 200, "seed": 11})
    stopped = reply_of(await hear(chat.send(LONG), 8, chat.stop))
    assert stopped.status is Status.STOPPED
    assert stopped.provenance.stop_reason is StopReason.CANCELLED
    await chat.tune(None, {"max_tokens": 16, "seed": 11})
    longer = reply_of(await hear(chat.go_on(stopped.id)))
    assert longer.parent == stopped.parent
    assert longer.text.startswith(stopped.text)
    assert longer.token_ids[: len(stopped.token_ids)] == stopped.token_ids
    assert longer.provenance.continued_from == len(stopped.token_ids)
    assert len(longer.token_ids) == len(stopped.token_ids) + longer.provenance.generated_tokens


@pytest.mark.parametrize("reproducible", [True])
async def test_a_reply_stopped_and_continued_is_the_reply_that_would_have_been(chat):
    """The draw depends on seed and position only: stopping changes nothing (in reproducible mode)."""
    await chat.tune(None, {"max_tokens": 64, "seed": 5, "temperature": 1.0})
    whole = reply_of(await hear(chat.send(LONG)))
    await chat.tune(None, {"max_tokens": 200, "seed": 5, "temperature": 1.0})
    part = reply_of(await hear(chat.again(whole.id), 3, chat.stop))
    rest = 64 - len(part.token_ids)
    assert rest > 0
    await chat.tune(None, {"max_tokens": rest, "seed": 5, "temperature": 1.0})
    joined = reply_of(await hear(chat.go_on(part.id)))
    assert joined.token_ids == whole.token_ids
    assert joined.text == whole.text


@pytest.mark.parametrize("reproducible", [True])
async def test_how_tokens_were_chosen_is_kept_with_a_reply_and_mirostat_goes_on_as_if_never_stopped(chat):
    """The trace has an entry for each token; Continue carries it on, and what mirostat remembers too."""
    wished = {"seed": 5, "mirostat": 2, "mirostat_tau": 4.0}
    await chat.tune(None, {**wished, "max_tokens": 16})
    whole = reply_of(await hear(chat.send("Tell a story.")))
    assert await chat.trace(whole) == []
    chat.record = 4
    await chat.tune(None, {**wished, "max_tokens": 9})
    part = reply_of(await hear(chat.again(whole.id)))
    await chat.tune(None, {**wished, "max_tokens": 7})
    joined = reply_of(await hear(chat.go_on(part.id)))
    assert joined.token_ids == whole.token_ids
    assert joined.provenance.memory == whole.provenance.memory
    fresh = (await kept(chat)).tree[joined.id]
    trace = await chat.trace(fresh)
    assert [record.id for record in trace] == joined.token_ids
    assert all(len(record.candidates) == 4 and record.memory for record in trace[1:])


async def test_again_and_edit_only_add_branches(chat):
    """Nothing that was said is overwritten."""
    first = reply_of(await hear(chat.send("Name a colour.")))
    before = {m.id: m.text for m in (await kept(chat)).tree.all()}
    await hear(chat.again(first.id))
    await hear(chat.edit(first.parent, "Name a fruit."))
    tree = (await kept(chat)).tree
    assert {m.id: m.text for m in tree.all() if m.id in before} == before
    assert len(tree.children(first.parent)) == 2
    assert [m.text for m in tree.children(None)] == ["Name a colour.", "Name a fruit."]
    assert tree.path()[0].text == "Name a fruit."


async def test_settings_changed_in_mid_reply_make_a_new_segment(chat):
    """From the next token on, with the same seed, and the provenance says from which."""
    await chat.tune(None, {"max_tokens": 120, "temperature": 1.0})
    changed = []

    def change():
        changed.append(asyncio.ensure_future(chat.tune(None, {"max_tokens": 120, "temperature": 0.0})))

    reply = reply_of(await hear(chat.send(LONG), 3, change))
    first, second = reply.provenance.segments
    assert (first.from_token, first.settings.temperature) == (0, 1.0)
    assert second.settings.temperature == 0.0
    assert 3 <= second.from_token < 120
    assert first.seed == second.seed
    await asyncio.gather(*changed)


@pytest.mark.parametrize("then", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_without_the_engines_report_too_a_reply_knows_its_settings(chat, then):
    """They were changed in mid-reply; then the engine dies, or is held and cannot say how the reply ended."""
    before, calm = {"max_tokens": 300, "temperature": 1.0}, {"max_tokens": 300, "temperature": 0.25}
    await chat.tune(None, before)
    changed, heard = None, []
    async for event in chat.send(LONG):
        heard.append(event)
        if not isinstance(event, Tokens):
            continue
        if changed is None:
            changed = asyncio.ensure_future(chat.tune(None, calm))
        elif event.segments:
            os.kill(chat.engine.pid, then)
            chat.stop()

    await changed
    reply = reply_of(heard)
    first, second = reply.provenance.segments
    assert (first.settings.temperature, second.settings.temperature) == (1.0, 0.25)
    assert 0 < second.from_token < len(reply.token_ids)
    assert second.seed == first.seed
    assert (await kept(chat)).tree[reply.id].provenance.segments == (first, second)


async def test_where_a_reply_comes_from_is_on_disk_before_it_ends(chat):
    """So that one whose app was killed says what drew it, and its tokens are known to be the model's."""
    await chat.tune(None, {"max_tokens": 300})  # longer than a write waits, however quick the machine is
    events = chat.send(LONG)
    async for event in events:
        if isinstance(event, Tokens) and (streaming := (await kept(chat)).tree.tip()).token_ids:
            break
    assert streaming.status is Status.STREAMING
    assert streaming.provenance.tokenizer == chat.engine.info.tokenizer
    assert len(streaming.provenance.segments) == 1
    await events.aclose()


async def test_a_reply_goes_on_with_its_own_tokens_before_the_engine_is_there(chat):
    """Those that were drawn, not those that its text would be cut into again."""
    await chat.tune(None, {"max_tokens": 300, "temperature": 1.5, "top_k": 0, "top_p": 1.0, "min_p": 0.0})
    before = reply_of(await hear(chat.send(LONG), 40, chat.stop))
    await chat.engine.close()
    assert chat.engine.info is None
    drawn = list(before.token_ids)
    await chat.tune(None, {"max_tokens": 4})
    after = reply_of([event async for event in chat.go_on(before.id)])
    assert after.token_ids[: len(drawn)] == drawn
    assert len(after.token_ids) <= len(drawn) + 4
    assert after.provenance.continued_from == len(drawn)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_dead_engine_costs_nothing_that_was_said(chat, number):
    """The partial reply is kept with a sentence about what happened, and the next message just works."""
    await chat.tune(None, {"max_tokens": 300})
    reply = reply_of(await hear(chat.send(LONG), 6, lambda: os.kill(chat.engine.pid, number)))
    assert reply.status is Status.ERROR
    assert reply.provenance.detail.startswith("The engine")
    stored = (await kept(chat)).tree[reply.id]
    assert stored.text == reply.text
    assert len(stored.token_ids) >= 6
    assert stored.provenance.generated_tokens == len(stored.token_ids)
    await chat.tune(None, {"max_tokens": 8})
    assert reply_of(await hear(chat.send("Say hello."))).text


async def test_a_reader_that_goes_away_leaves_an_interrupted_reply(chat):
    """Never one that seems to stream for ever."""
    events = chat.send(LONG)
    async for event in events:
        if isinstance(event, Tokens):
            break
    await events.aclose()
    tip = (await kept(chat)).tree.tip()
    assert tip.status is Status.INTERRUPTED
    assert chat.streaming is None


async def test_a_prefilled_persona_begins_every_reply(chat):
    """The beginning is part of the reply, in the text and in the store."""
    chat.session.persona = Persona(name="List", prefill="1. ", sampling={"max_tokens": 8})
    reply = reply_of(await hear(chat.send("Three fruits.")))
    assert reply.text.startswith("1. ")
    assert (await kept(chat)).tree[reply.id].text == reply.text


async def test_its_beginning_is_known_by_its_ids_so_that_the_next_turn_finds_the_reply_in_the_cache(chat):
    """The text that the persona opens with is tokenised once, and spliced in from then on."""
    chat.session.persona = Persona(name="List", prefill="1. ", sampling={"max_tokens": 8, "seed": 3})
    first = reply_of(await hear(chat.send("Three fruits.")))
    assert len(first.token_ids) > first.provenance.generated_tokens
    second = reply_of(await hear(chat.send("And nuts."))).provenance
    held = first.provenance.prompt_tokens + first.provenance.generated_tokens
    assert second.reused_tokens >= held - 1


async def test_a_reply_begun_by_the_user_goes_on_from_exactly_there(chat):
    """The beginning is kept before the model starts, and its tokens are known not to be drawn."""
    await hear(chat.send("What is the capital of France?"))
    asked = chat.session.tree.path()[0]
    heard = await hear(chat.begin(asked.id, "The capital of Italy is"))
    began = next(event for event in heard if isinstance(event, Began))
    reply = reply_of(heard)
    assert began.asked is None
    assert reply.parent == asked.id
    assert reply.text.startswith("The capital of Italy is ")
    assert (await kept(chat)).tree[reply.id].text == reply.text
    came = reply.provenance
    assert came.segments[0].from_token == len(await chat.engine.prompts.tokenize("The capital of Italy is"))
    assert came.segments[0].from_token + came.generated_tokens == len(reply.token_ids)


async def test_a_written_over_reply_is_what_the_next_turn_sees_and_says_so_for_good(chat):
    """It claims no model and no tokens; what goes on from it remembers whose words it began with."""
    reply = reply_of(await hear(chat.send("Say yes.")))
    mine = await chat.branches.write_over(reply.id, "My name is Zanzibar, and I am")
    assert (mine.status, mine.token_ids, mine.provenance.segments) == (Status.COMPLETE, [], ())
    further = reply_of(await hear(chat.go_on(mine.id)))
    assert further.text.startswith(mine.text)
    assert further.provenance.edited_from == reply.uid
    chat.session.tree.activate(mine.id)
    prompt, _ = await chat.room.inspect("What is your name?")
    assert any("Zanzibar" in turn.content for turn in prompt.turns)


async def test_progress_of_the_prefill_ends_at_its_total(chat):
    """Done counts up to the total; what was kept and what was read make the prompt."""
    heard = await hear(chat.send("word " * 700))
    prefills = [event for event in heard if isinstance(event, Prefill)]
    assert len(prefills) > 2
    assert [p.done for p in prefills] == sorted(p.done for p in prefills)
    assert prefills[-1].done == prefills[-1].total == reply_of(heard).provenance.evaluated_tokens


async def test_a_fork_has_the_tokens_before_and_the_one_chosen_and_evaluates_nothing_else(chat):
    """The prefix is in the KV cache: one token is evaluated, wherever it is."""
    await chat.tune(None, {"max_tokens": 20, "seed": 3, "temperature": 0.9})
    first = reply_of(await hear(chat.send("Tell me of the sea.")))
    sea = (await chat.engine.prompts.tokenize(" sea"))[0]
    await chat.tune(None, {"max_tokens": 6, "seed": 3, "temperature": 0.9})
    for index in (19, 5, 0):
        fork = reply_of(await hear(chat.fork_at(first.id, index, sea)))
        before = (await chat.engine.look.text(first.token_ids[:index])).text
        assert first.text.startswith(before)
        assert fork.text.startswith(f"{before} sea")
        assert fork.token_ids[: index + 1] == [*first.token_ids[:index], sea]
        came = fork.provenance
        assert fork.parent == first.parent
        assert len(fork.token_ids) == index + 1 + came.generated_tokens
        assert (came.evaluated_tokens, came.reused_tokens) == (1, first.provenance.prompt_tokens + index)
        assert (came.chosen, came.continued_from) == ((index,), index + 1)
        assert [one.from_token for one in came.segments] == [0, index + 1]
        tree = (await kept(chat)).tree
        assert (tree[fork.id].text, tree[fork.id].token_ids) == (fork.text, fork.token_ids)
        assert tree[first.id].text == first.text


async def test_a_fork_with_the_token_that_ends_the_turn_is_complete_at_once(chat):
    """It is kept as far as it was said, and nothing is evaluated."""
    await chat.tune(None, {"max_tokens": 12, "seed": 3})
    first = reply_of(await hear(chat.send(LONG)))
    (end,) = [one.id for one in await chat.engine.look.tokens("<|im_end|>", special=True)]
    fork = reply_of(await hear(chat.fork_at(first.id, 4, end)))
    assert (fork.status, fork.provenance.stop_reason) == (Status.COMPLETE, StopReason.END)
    assert fork.token_ids == first.token_ids[:4]
    assert (fork.provenance.evaluated_tokens, fork.provenance.generated_tokens) == (0, 0)
    assert (await kept(chat)).tree[fork.id].text == fork.text


async def test_a_fork_keeps_how_its_tokens_were_chosen_and_how_likely_the_one_put_there_was(chat):
    """The record of the place, told of another of its candidates."""
    chat.record = 5
    await chat.tune(None, {"max_tokens": 8, "seed": 3})
    first = reply_of(await hear(chat.send("Say hello.")))
    before = first.records[3]
    assert before.data  # a lens has read it
    other = next(one for one in before.candidates if one.id != before.id and not one.special)
    fork = reply_of(await hear(chat.fork_at(first.id, 3, other.id)))
    assert fork.records[:3] == first.records[:3]
    there = fork.records[3]
    assert (there.id, there.logprob, there.candidates) == (other.id, other.logit - before.log_z, before.candidates)
    assert there.data == other.data
    assert len(fork.records) == len(fork.token_ids)


async def test_a_fork_may_begin_with_a_part_of_a_character(chat):
    """The text lags behind until the character is complete; the token is there all the same."""
    await chat.tune(None, {"max_tokens": 8, "seed": 3})
    first = reply_of(await hear(chat.send("Say hello.")))
    part = (await chat.engine.prompts.tokenize("\U0001f40c"))[0]
    assert not (await chat.engine.look.text([part])).text
    fork = reply_of(await hear(chat.fork_at(first.id, 0, part)))
    assert fork.token_ids[0] == part
    assert fork.provenance.evaluated_tokens == 1


async def test_a_token_that_cannot_be_chosen_is_refused_and_nothing_is_added(chat):
    """Another model's reply, a place beyond the end, a control token that a reply cannot hold."""
    await chat.tune(None, {"max_tokens": 4, "seed": 3})
    first = reply_of(await hear(chat.send("Say hello.")))
    (start,) = [one.id for one in await chat.engine.look.tokens("<|im_start|>", special=True)]
    for index, token in ((9, 5), (-1, 5), (1, start), (1, 10**9)):
        with pytest.raises(Refusal):
            await hear(chat.fork_at(first.id, index, token))
    first.provenance = first.provenance.model_copy(update={"tokenizer": "another"})
    with pytest.raises(Refusal):
        await hear(chat.fork_at(first.id, 1, 5))
    assert len((await kept(chat)).tree) == 2


@pytest.mark.parametrize("reproducible", [True])
async def test_a_reply_drawn_again_in_reproducible_mode_is_the_same_to_its_end(chat, reproducible):
    """Stopped and continued, with other settings in the middle: each stretch is drawn with its own."""
    await hear(chat.send("Tell me of the sea."), 6, chat.stop)
    await chat.tune(Presets().named("Wild"), {"max_tokens": 20})
    reply = reply_of(await hear(chat.go_on(chat.session.tree.tip().id)))
    await hear(chat.send("And of something else."))  # the KV cache holds other text by now
    *_, last = await hear(chat.replay(reply.id))
    assert (last.differs_at, last.done) == (None, last.total)
    assert last.total == len(reply.token_ids) > 6


async def test_a_replay_says_where_a_reply_first_differs(chat):
    """One that claims another token than its seed gives."""
    reply = reply_of(await hear(chat.send("Tell me of the sea.")))
    true = reply.token_ids[3]
    reply.token_ids[3] = next(one for one in range(1000, 1010) if one != true)
    *_, last = await hear(chat.replay(reply.id))
    assert (last.done, last.differs_at) == (3, 3)
    assert last.now == (await chat.engine.look.text([true])).text != last.was


async def test_a_replay_knows_that_the_model_ended_its_turn(chat):
    chat.session.persona = Persona(name="Short", sampling={"temperature": 0.0, "max_tokens": 60})
    reply = reply_of(await hear(chat.send("Say only the word yes.")))
    assert reply.provenance.stop_reason is StopReason.END
    *_, last = await hear(chat.replay(reply.id))
    assert last.differs_at is None
    reply.token_ids.pop()
    *_, last = await hear(chat.replay(reply.id))
    assert (last.differs_at, last.was) == (len(reply.token_ids), "")


async def test_a_replay_leaves_out_what_a_person_wrote_or_chose(chat):
    await hear(chat.send("Tell me of the sea."))
    asked = chat.session.tree.path()[0]
    begun = reply_of(await hear(chat.begin(asked.id, "The sea, my friend,")))
    forked = reply_of(await hear(chat.fork_at(begun.id, len(begun.token_ids) - 3, begun.token_ids[0])))
    *_, last = await hear(chat.replay(forked.id))
    assert last.total == len(forked.token_ids) - begun.provenance.segments[0].from_token - 1
    assert last.done > 0


async def test_what_cannot_be_replayed_says_why(chat):
    reply = reply_of(await hear(chat.send("Say yes.")))
    mine = await chat.branches.write_over(reply.id, "no")
    with pytest.raises(Refusal, match="nothing to draw again"):
        await hear(chat.replay(mine.id))
    reply.provenance = reply.provenance.model_copy(update={"model_fingerprint": "another"})
    with pytest.raises(Refusal, match="load that one"):
        await hear(chat.replay(reply.id))
