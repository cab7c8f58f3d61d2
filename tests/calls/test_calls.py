"""A model that calls tools: call, result, answer; proposals and what becomes of them; limits."""

from __future__ import annotations

import json

import pytest

from chatapp.calls import MOST_CALLS
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.document import Document
from chatapp.conversation.message import Role
from chatapp.conversation.persona import Persona
from chatapp.turn import Called, Ended


def call(name, **arguments):
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


SUM = call("calculator", expression="12% of 340")


def uses(held):
    return [use for message in held.chat.session.tree.path() for use in message.provenance.calls]


async def test_a_call_its_result_and_the_answer(hold):
    held = await hold(f"Let me see.\n{SUM}", "It is 40.8.")
    events = await held.say("What is 12% of 340?")
    assert isinstance(events[-1], Ended)
    assert events[-1].reply.text == "It is 40.8."
    assert sum(isinstance(event, Called) for event in events) == 2
    (use,) = uses(held)
    assert (use.name, use.arguments, use.result, use.begins) == (
        "calculator", {"expression": "12% of 340"}, "40.8", 12,
    )  # fmt: skip
    first, second = held.asked()
    assert [turn["role"] for turn in first["turns"]] == ["system", "system", "user"]
    assert json.loads(first["turns"][1]["tools"])[0]["function"]["name"] == "calculator"
    assert [turn["role"] for turn in second["turns"][-2:]] == ["assistant", "tool"]
    assert second["turns"][-1]["content"] == "40.8"
    assert "call" in first["settings"]["grammar"]


async def test_what_was_called_is_on_disk_and_reading_it_again_runs_nothing(hold):
    held = await hold(call("add_note", text="milk"), "Kept.")
    held.agreed = True
    await held.say("Note: milk")
    kept = await held.chat.store.session(held.chat.session.uid)
    assert [one.provenance.calls for one in kept.tree.path()] == [
        one.provenance.calls for one in held.chat.session.tree.path()
    ]
    assert len(await held.chat.store.agenda.notes()) == 1
    assert len(held.proposals) == 1


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (call("add_reminder", when="tomorrow at 9:00", text="call the landlord"), ("what", "call the landlord")),
        (call("add_note", text="buy milk"), ("note", "buy milk")),
        (call("remember", fact="has a cat"), ("fact", "has a cat")),
    ],
)
async def test_what_would_be_written_is_proposed_and_is_there_only_if_it_was_wanted(hold, asked, shown, agreed):
    held = await hold(asked, "Well.")
    held.agreed = agreed
    await held.say("Do it")
    (proposal,) = held.proposals
    assert shown in proposal.facts
    assert len(await held.written()) == agreed
    assert uses(held)[0].outcome == ("done" if agreed else "declined")


async def test_nothing_is_written_where_nobody_can_be_asked(hold):
    held = await hold(call("add_note", text="x"), "Well.")
    held.chat.toolbox.agrees = None
    await held.say("Note it")
    assert await held.written() == []


async def test_a_remembered_fact_has_its_day_and_its_source(hold):
    held = await hold(call("remember", fact="has a cat"), "Well.")
    held.agreed = True
    await held.say("I have a cat")
    (entry,) = held.memory.entries()
    assert entry.day is not None
    assert entry.source == "the model, in “I have a cat”"


async def test_a_flood_of_calls_comes_to_three(hold):
    held = await hold(call("add_note", text="x") * 100, "Well.")
    held.agreed = True
    await held.say("Go")
    assert len(held.proposals) == len(await held.written()) == MOST_CALLS
    assert sum(use.outcome == "failed" for use in uses(held)) == 97


async def test_calls_one_after_the_other_come_to_three_and_then_it_must_answer(hold):
    held = await hold(*[SUM] * 10)
    await held.say("Go")
    assert len(uses(held)) == MOST_CALLS
    *_, last = held.asked()
    assert len(held.asked()) == MOST_CALLS + 1
    assert "call" not in last["settings"]["grammar"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ('<tool_call>{"name": "shell", "arguments": {"command": "true"}}</tool_call>', "no tool called"),
        (call("calculator", expression="9**9**9"), "digits"),
        (call("add_to_date", date="foo", amount=1, step="days"), "names no day"),
        (call("add_reminder", when="whenever", text="x"), "When?"),
        (call("read_file", words="rent"), "No file"),
    ],
)
async def test_what_cannot_be_done_is_told_to_the_model(hold, asked, told):
    held = await hold(asked, "Well.")
    await held.say("Go")
    (use,) = uses(held)
    assert use.outcome == "failed"
    assert told in use.result
    assert held.proposals == []


async def test_reading_tools_read_the_users_own_things(hold):
    held = await hold(
        call("search_notes", words="paint"), call("read_memory"), call("search_conversations", words="kitchen"),
        "Well.",
    )  # fmt: skip
    await held.chat.store.agenda.add_note("blue paint for the kitchen")
    held.memory.add("lives in Bremen")
    await held.say("What about the kitchen?")
    notes, memory, found = [use.result for use in uses(held)]
    assert notes == "- blue paint for the kitchen"
    assert memory == "- lives in Bremen"
    assert "What about the kitchen?" in found


async def test_a_passage_of_an_attached_file_is_read_with_its_place(hold):
    held = await hold(call("read_file", words="rent"), "Well.")
    letter = Attachment("letter.txt", Document("Dear tenant,\nthe rent is 900 euros.\n"))
    await held.say("What is the rent?", files=[letter])
    assert "the rent is 900 euros." in uses(held)[0].result
    assert "[letter.txt:1]" in uses(held)[0].result


@pytest.mark.parametrize(
    "persona",
    [
        Persona(name="Off"),
        Persona(name="Begun", tools=True, prefill="<tool_call>"),
        Persona(name="Plain", tools=True, template=False),
        Persona(name="Task", tools=True, task=True),
        Persona(name="Held", tools=True, sampling={"grammar": 'root ::= "a"'}),
    ],
)
async def test_tools_are_off_unless_wished_for_and_where_something_else_says_how_replies_look(hold, persona):
    held = await hold(call("add_note", text="x"), persona=persona)
    await held.say("Go")
    assert uses(held) == []
    assert not any(turn["tools"] for turn in held.asked()[0]["turns"])


async def test_a_reply_that_a_person_began_or_that_goes_on_calls_nothing(hold):
    note = call("add_note", text="x")
    held = await hold("Hello.", note[10:], note, note)
    await held.say("Hi")
    question, reply = held.chat.session.tree.path()
    assert [event async for event in held.chat.begin(question.id, note[:10])]
    assert [event async for event in held.chat.go_on(reply.id)]
    assert held.proposals == []
    assert [event async for event in held.chat.again(reply.id)]
    assert len(held.proposals) == 1
    assert held.chat.session.tree.path()[0].role is Role.USER
