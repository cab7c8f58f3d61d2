"""Whole documents with the real model and a real store: every token read, in order; stopped, killed, gone on."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.attachment import Attachment, Given, citations, shortened
from chatapp.conversation.document import Document, Unit
from chatapp.conversation.message import Status
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.errors import Refusal
from chatapp.fitting import file_tokens
from chatapp.loading import model_options
from chatapp.parts import Step, Worked
from chatapp.store import Store
from chatapp.turn import Began, Ended

PERSONA = Persona(
    name="Plain",
    system="You read letters and reports, and you say shortly and plainly what they are about. " * 2,
    sampling={"max_tokens": 5},
)
_TEXT = "".join(
    f"# Day {day}\n\nThe keeper wrote that boat {day} came in at {day % 12 + 1} o'clock. Wind: {day} knots.\n\n"
    for day in range(1, 31)
)
BOOK = Attachment("log.txt", Document(_TEXT), source="ab" * 32)


@pytest.fixture
async def place(tmp_path, model_path):
    """A store on disk and an engine with a small window."""
    store = await Store.open(tmp_path / "chats.db")
    engine = Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(context=512))
    asked = spy(engine)
    yield store, engine, options, asked
    await engine.close()
    await store.close()


def spy(engine):
    """The prompts that really go to the model."""
    asked, generate = [], engine.generate

    def generating(turns, *args, **kwargs):
        asked.append(turns)
        return generate(turns, *args, **kwargs)

    engine.generate = generating
    return asked


@pytest.fixture
async def chat(place):
    store, engine, options, _ = place
    return Chat(await store.create_session(PERSONA), store, engine, options)


async def heard(events, until=None):
    """Everything that happens; after `until` says so, the chat is asked to stop."""
    all_of_it = []
    async for event in events:
        all_of_it.append(event)
        if until is not None and until(event):
            until = None
    return all_of_it


def worked(events):
    return [event for event in events if isinstance(event, Worked)]


async def test_every_token_of_the_document_is_read_in_order_and_brought_together(chat, place):
    store, engine, _, asked = place
    events = await heard(chat.send("What is this about?", files=[shortened(BOOK, Given.PARTS)]))
    reply = events[-1].reply
    made = reply.provenance.by_parts
    results = await store.parts.of(reply.id)
    parts = [one for one in results if one.round == 0]
    assert (made.parts, made.done, made.failed, made.joined) == (len(parts), len(parts), (), False)
    assert len(parts) >= 3
    assert made.rounds >= 1
    assert reply.status in {Status.COMPLETE, Status.STOPPED}

    ids, texts = [], []
    for turns, part in zip(asked, parts, strict=False):
        seen = await engine.prompts.inspect(turns)
        content = turns[-1].content
        text = _TEXT[part.start : part.end]
        assert text in content
        assert len(seen.token_ids) == part.prompt_tokens <= 512
        owned = [n for n, owner in enumerate(seen.owners) if owner == len(turns) - 1 and n not in seen.special]
        assert text in "".join(seen.texts[n] for n in owned)
        ids.append([seen.token_ids[n] for n in owned])
        texts.append(text)
    assert "".join(texts) == _TEXT
    assert sum(map(len, ids)) > await file_tokens(engine, _TEXT)
    last = asked[-1][-1].content
    assert all(part.text.strip() in last or made.rounds > 1 for part in parts)
    assert citations(last, [BOOK])[0].place == 1

    # What all prompts begin with is evaluated once.
    persona = await engine.prompts.count([asked[0][0]])
    assert all(part.reused_tokens >= persona - 8 > 20 for part in parts[1:])


async def test_the_next_turn_has_the_reply_and_no_word_of_the_document(chat):
    await heard(chat.send("What is this about?", files=[shortened(BOOK, Given.PARTS)]))
    tip = chat.session.tree.tip()
    await heard(chat.send("And in one word?"))
    contents = [turn.content for turn in chat.prompt.turns]
    assert tip.text in contents
    assert "log.txt" in contents[1]
    assert not any("keeper wrote" in content for content in contents)


async def test_what_was_done_before_a_stop_is_not_done_again(chat, place):
    store, _, _, asked = place

    def stop(event):
        if isinstance(event, Step) and event.place == 3:
            chat.stop()
            return True
        return False

    events = await heard(chat.send("What is this about?", files=[shortened(BOOK, Given.PARTS)]), stop)
    stopped = events[-1].reply
    assert stopped.status is Status.STOPPED
    assert stopped.provenance.by_parts.done == 2 == len(await store.parts.of(stopped.id))
    assert len(asked) == 2
    events = await heard(chat.go_on(stopped.id))
    went_on = events[-1].reply
    contents = [turns[-1].content for turns in asked]
    assert went_on.id != stopped.id
    assert went_on.provenance.by_parts.kept == 2
    assert [one.before for one in worked(events)][:3] == [True, True, False]
    assert len(contents) == len(set(contents))
    again = await heard(chat.again(went_on.id))
    assert not any(one.before for one in worked(again))


async def test_who_was_killed_and_asks_the_same_again_goes_on(chat, place, tmp_path):
    store, engine, options, _ = place
    events = chat.send("What is this about?", files=[shortened(BOOK, Given.PARTS)])
    async for event in events:
        if isinstance(event, Worked) and event.result.place == 2:
            break  # as a process that is gone: nobody ends the reply
    later = Chat(await store.create_session(PERSONA), store, engine, options)
    again = await heard(later.send("What is this about?", files=[shortened(BOOK, Given.PARTS)]))
    assert [one.before for one in worked(again)][:3] == [True, True, False]
    other = Chat(await store.create_session(PERSONA), store, engine, options)
    task = await heard(other.send("What is it about?", files=[shortened(BOOK, Given.PARTS)]))
    assert not worked(task)[0].before
    await events.aclose()


async def test_a_task_that_keeps_the_length_puts_the_results_in_order_with_the_gaps_of_the_text(chat, place):
    store, _, _, asked = place
    events = await heard(chat.send("Repeat it.", files=[shortened(BOOK, Given.EACH_PART)]))
    reply = events[-1].reply
    results = await store.parts.of(reply.id)
    assert {one.round for one in results} == {0}
    assert "".join(turns[-1].content.partition("\n\n---\n")[0] for turns in asked) == _TEXT
    assert reply.text.split("\n\n") == [said for one in results for said in one.text.strip().split("\n\n")]
    assert reply.provenance.by_parts.joined
    assert reply.provenance.by_parts.cut_off == tuple(range(1, len(results) + 1))  # five tokens each


async def test_an_engine_that_dies_over_a_part_is_started_again_and_a_part_that_fails_is_said(chat, place):
    _, engine, _, _ = place

    def murder(event):
        if isinstance(event, Step) and event.place == 2 and engine.pid:
            os.kill(engine.pid, signal.SIGKILL)
        return False

    events = await heard(chat.send("Repeat it.", files=[shortened(BOOK, Given.EACH_PART)]), murder)
    made = events[-1].reply.provenance.by_parts
    assert made.failed == (2,)
    assert made.done == made.parts - 1
    assert f"[part 2 of {made.parts} is missing]" in events[-1].reply.text
    assert "ended twice" in worked(events)[1].result.problem
    events = await heard(chat.go_on(events[-1].reply.id))  # only the one that is missing is asked for
    assert [one.before for one in worked(events)].count(False) == 1
    assert events[-1].reply.provenance.by_parts.failed == ()


async def test_pages_are_named_where_they_begin_and_a_file_beside_goes_into_every_prompt(chat, place):
    _, _, _, asked = place
    pages = [f"Page {n}. The keeper wrote that the lamp burned {n} hours. " * 6 for n in range(1, 5)]
    starts = tuple(sum(map(len, pages[:n])) for n in range(4))
    book = Attachment("log.pdf", Document("".join(pages), Unit.PAGE, starts), given=Given.PARTS)
    note = Attachment("note.txt", Document("The lamp is new.\n"))
    await heard(chat.send("What?", files=[note, book]))
    contents = [turns[-1].content for turns in asked]
    assert all("The lamp is new." in content for content in contents)
    assert [one.place for content in contents[:-1] for one in citations(content, [book])] == [1, 2, 3, 4]


async def test_what_leaves_no_room_is_refused_and_a_beginning_cannot_be_given(chat, place):
    events = await heard(chat.send("Why? " * 205, files=[shortened(BOOK, Given.PARTS)]))
    assert isinstance(events[-1], Ended)
    assert events[-1].reply.status is Status.ERROR
    assert "no room to read by parts" in events[-1].reply.provenance.detail
    with pytest.raises(Refusal, match="by parts"):
        await heard(chat.begin(events[-1].reply.parent, "It"))


async def test_whoever_goes_away_leaves_nothing_running(chat):
    began = asyncio.Event()

    async def go():
        async for event in chat.send("What is this about?", files=[shortened(BOOK, Given.PARTS)]):
            if not isinstance(event, Began):
                began.set()

    running = asyncio.create_task(go())
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert chat.streaming is None
    assert chat.session.tree.tip().status is Status.INTERRUPTED
