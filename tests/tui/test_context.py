"""The context window on the screen: counted before sending, full, cut, summed up, pinned, and undone."""

from __future__ import annotations

import re
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from person import at_the_keys

from chatapp.config import Settings
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Kind, Role
from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.inspector import Inspector
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start
from chatapp.tui.widgets.head import RunningHead
from chatapp.tui.widgets.status import StatusLine

ROOT = Path(__file__).parents[2]
REPLY = " ".join(f"word{number}" for number in range(20))
FAST, SLOW = 5000, 4
QUESTION = "one two three four five six seven eight nine ten"


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Opens the app with an engine that counts words, in a window of 192 tokens."""

    @asynccontextmanager
    async def start(policy=Policy.DROP, *, pace=FAST, size=(140, 40)):
        home = Paths.default(tmp_path / "home")
        home.create()
        Settings(context=192, on_full=policy).save(home.settings)
        (tmp_path / "reply").write_text(REPLY)
        command = [sys.executable, "-m", "benchmarks.metronome", str(tmp_path / "reply"), str(pace)]
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=command))
        async with at_the_keys(ChatApp(home, Start()), size=size) as person:
            yield person

    return start


def words(person):
    """Everything that stands on the page."""
    page = person.screen.page.transcript
    slots = range(1, page.column.last + 1)
    return "\n".join(row.text for slot in slots for row in page.column.rows(slot))


def state(person):
    return person.screen.page.query_one(StatusLine).state


def meter(person):
    return person.screen._meter


def screen_lines(person):
    return [strip.text for strip in person.app.screen._compositor.render_strips()]


async def fill(person, until):
    """Ask until something holds."""
    for _ in range(12):
        await person.say(QUESTION)
        await person.until(lambda: not person.desk.turns.busy)
        await person.until(lambda: person.idle or person.desk.turns.no_room(person.chat))
        if until():
            return
    raise AssertionError("it did not come to that")


def borders(person):
    return [message for message in person.chat.session.tree.all() if message.kind is not Kind.SAID]


async def test_what_leaves_is_said_before_and_marked_and_comes_back(open_app):
    async with open_app() as person:
        await person.ask(QUESTION)
        await person.ask(QUESTION)
        await person.type(" ".join([QUESTION] * 3))
        await person.until(lambda: "leave the window" in " ".join(state(person).facts))
        said = " ".join(state(person).facts)
        await person.press("enter")
        await person.until(lambda: person.idle and borders(person))
        out = int(re.search(r"the oldest (\d) messages leave the window", said)[1])
        await person.until(lambda: f"the model no longer sees {out} messages above" in words(person))
        assert person.chat.prompt.plan.left_out == out
        # Standing on the border, u undoes it.
        await person.press("shift+up", *["up"] * 10)
        while person.screen.page.transcript.cursor != borders(person)[0].id:
            await person.press("down")
        await person.until(lambda: ("u", "undo") in state(person).keys)
        await person.press("u")
        await person.until(lambda: "no longer sees" not in words(person))
        assert (await person.kept()).tree[borders(person)[0].id].undone


async def test_a_message_that_does_not_fit_waits_and_says_how_it_can_go_on(open_app):
    async with open_app(Policy.STOP) as person:
        await fill(person, lambda: person.desk.turns.no_room(person.chat))
        plan = person.desk.turns.no_room(person.chat).plan
        assert f"{plan.over} tokens too many for the context window of 192" in words(person)
        assert person.desk.unsent.of(person.chat) == [QUESTION]
        assert state(person).word == "no room"
        assert f"{plan.prompt} / 192" in state(person).facts
        before = len(person.chat.session.tree)
        await person.press("up")  # taken back
        assert person.draft == QUESTION
        await person.press("enter")
        await person.until(lambda: person.desk.turns.no_room(person.chat))
        assert len(person.chat.session.tree) == before
        await person.press("ctrl+d")
        await person.until(lambda: person.idle)
        assert [border.kind for border in borders(person)] == [Kind.CUT]
        assert person.chat.prompt.plan.left_out > 0
        assert person.desk.unsent.of(person.chat) == []


async def test_an_edit_that_does_not_fit_is_given_back(open_app):
    async with open_app(Policy.STOP) as person:
        await person.ask(QUESTION)
        await person.press("up")
        await person.type(" " + QUESTION * 20)
        typed = person.draft
        await person.press("enter")
        await person.until(lambda: person.desk.turns.no_room(person.chat))
        await person.until(lambda: person.draft == typed)


async def test_the_model_sums_up_in_the_open_and_it_can_be_rewritten_and_undone(open_app):
    async with open_app(Policy.SUMMARISE) as person:
        await fill(person, lambda: bool(borders(person)))
        summary = borders(person)[-1]
        assert summary.kind is Kind.SUMMARY
        assert "above, the model reads this" in words(person)
        page = person.screen.page.transcript
        await person.press("shift+up")
        page.stand_on(summary.id)
        await person.press("e")
        assert person.draft == summary.text
        await person.press("end", "!")
        await person.press("enter")
        await person.until(lambda: len(borders(person)) > 1 and borders(person)[-1].text == f"{summary.text}!")
        await person.until(lambda: f"{REPLY.split()[-1]}!" in words(person))
        for border in reversed(borders(person)):
            page.stand_on(border.id)
            page.focus()
            await person.press("u")
            await person.until(lambda border=border: border.undone)
        await person.until(lambda: "undone: the model sees what is above" in words(person))
        assert all(border.undone for border in borders(person))


async def test_a_pinned_message_is_marked_and_stays(open_app):
    async with open_app() as person:
        await person.ask("remember the heron")
        await person.press("shift+up", "up")
        first = person.chat.session.tree.path()[0]
        assert person.screen.page.transcript.cursor == first.id
        await person.press("p")
        await person.until(lambda: first.pinned)
        page = person.screen.page.transcript
        rows = page.column.rows(page.column.slot(first.id))
        assert any(row.pinned for row in rows)
        await person.press("escape")
        await fill(person, lambda: bool(borders(person)))
        assert "remember the heron" in [turn.content for turn in person.chat.prompt.turns]
        assert (await person.kept()).tree[first.id].pinned


async def test_a_draft_is_counted_while_a_reply_streams(open_app):
    async with open_app(pace=SLOW) as person:
        await person.say("hello there")
        await person.until(lambda: person.chat.streaming is not None and len(person.chat.streaming.token_ids) > 1)
        await person.until(lambda: meter(person) is not None)
        await person.type(QUESTION)
        await person.until(lambda: person.screen.page._plan().draft == len(QUESTION.split()) + 5)
        assert person.chat.streaming is not None
        assert meter(person).used >= person.screen.page._plan().draft


async def test_the_policy_is_chosen_in_the_palette_and_kept(open_app):
    async with open_app() as person:
        await person.ask("hello")
        await person.press("ctrl+p", *"stop and ask", "enter")
        await person.until(lambda: person.chat.room.policy is Policy.STOP)
        for _ in range(50):
            if (await person.kept()).on_full is Policy.STOP:
                break
            await person.pilot.pause(0.02)
        assert (await person.kept()).on_full is Policy.STOP
        assert person.screen.page.query_one(RunningHead) is not None
        assert [m.role for m in person.chat.session.tree.path()] == [Role.USER, Role.ASSISTANT]


async def test_the_inspector_shows_the_prompt_token_by_token(open_app):
    async with open_app(size=(120, 36)) as person:
        await person.ask("hello there")
        await person.press("f8")
        await person.until(lambda: isinstance(person.app.screen, Inspector))
        shown = "\n".join(screen_lines(person))
        assert "<|im_start|>user" in shown
        assert "hello there" in shown
        assert re.search(r"system +\S* +58", shown)
        await person.press("b", "end", "home")
        assert "token boundaries" in "\n".join(screen_lines(person))
        await person.press("escape")
        assert isinstance(person.app.screen, MainScreen)
        await person.press("shift+up", "i")
        await person.until(lambda: isinstance(person.app.screen, Inspector))


async def test_a_tall_column_shows_the_parts_of_the_window(open_app):
    async with open_app(size=(200, 60)) as person:
        await person.ask("hello there")
        await person.until(lambda: re.search(r"history +\S* +\d+", "\n".join(screen_lines(person))))
        lines = "\n".join(screen_lines(person))
        assert re.search(r"kept for the reply +\S* +24", lines)
        plan = person.screen.page._plan()
        assert re.search(rf"free +\S* +{plan.free}", lines)
