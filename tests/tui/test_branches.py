"""The branches on the screen: going there, throwing away, bringing back, forking, writing over, beginning."""

from __future__ import annotations

import gc
import re
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from person import at_the_keys

from chatapp.conversation.message import Role, Status
from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.replay import Replayed
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.branch_page import BranchPage
from chatapp.tui.screens.branches import BranchesScreen
from chatapp.tui.screens.comparison import Comparison
from chatapp.tui.screens.details import DetailsScreen, verdict
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.start import Start

ROOT = Path(__file__).parents[2]
REPLY = "one two three four five"


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Opens the app on the same home, with an engine that says five words."""

    @asynccontextmanager
    async def start(*, size=(120, 36), pace=5000, **wanted):
        home = Paths.default(tmp_path / "home")
        home.create()
        (tmp_path / "reply").write_text(REPLY)
        command = [sys.executable, "-m", "benchmarks.metronome", str(tmp_path / "reply"), str(pace)]
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=command))
        async with at_the_keys(ChatApp(home, Start(**wanted)), size=size) as person:
            yield person

    return start


def texts(person):
    return [message.text for message in person.chat.session.tree.path()]


def lines(person):
    return [strip.text.rstrip() for strip in person.app.screen._compositor.render_strips()]


def page(person):
    return person.app.screen.query_one(BranchPage)


async def again(person):
    await person.press("ctrl+r")
    await person.until(lambda: person.idle)


async def open_branches(person):
    await person.press("f7")
    await person.until(lambda: isinstance(person.app.screen, BranchesScreen))


async def back_on_page(person):
    await person.until(lambda: isinstance(person.app.screen, MainScreen))


async def test_f7_shows_the_tree_and_enter_goes_there(open_app):
    async with open_app() as person:
        await person.ask("first")
        await again(person)
        await person.ask("second")
        await open_branches(person)
        shown = lines(person)
        assert any("Branches" in line and "5 messages, 2 leaves" in line for line in shown)
        assert any(line.startswith("    │ ╰─ ‹1/2› one two") for line in shown)
        tip, other = person.chat.session.tree.tip(), page(person)
        assert other.here is tip
        await person.press("up", "up", "left")
        assert other.here.text == REPLY
        left = other.here
        await person.press("enter")
        await back_on_page(person)
        await person.until(lambda: person.screen.page.transcript.cursor == left.id)
        assert texts(person) == ["first", REPLY]
    async with open_app(continue_newest=True) as person:  # what was in view is in view again
        assert texts(person) == ["first", REPLY]
        await person.press("shift+up", "right")
        await person.until(lambda: texts(person) == ["first", REPLY, "second", REPLY])


async def test_a_branch_goes_to_the_trash_and_comes_back(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.ask("second")
        await open_branches(person)
        await person.press("up", "x")
        await person.until(lambda: page(person).trashed == 2)
        assert any("2 messages moved to the trash" in line for line in lines(person))
        assert await person.said() == ["first", Status.COMPLETE]
        await person.press("u")
        await person.until(lambda: page(person).count() == 4)
        await person.press("x", "b")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("enter")
        await back_on_page(person)
        await person.until(lambda: texts(person) == ["first", REPLY, "second", REPLY])


async def test_del_on_the_page_throws_away_and_u_brings_back_and_the_palette_erases(open_app):
    async with open_app() as person:
        await person.ask("first")
        await again(person)
        await person.press("shift+up", "delete")
        await person.until(lambda: len(person.chat.session.tree) == 2)
        assert person.screen.page.transcript.cursor == person.chat.session.tree.tip().id
        await person.press("u")
        await person.until(lambda: len(person.chat.session.tree) == 3)
        await person.press("delete")
        await person.until(lambda: len(person.chat.session.tree) == 2)
        await person.press("escape", "ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("trash of this session")
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Sheet) and "decide" in "".join(lines(person)))
        await person.press("down", "enter", "down", "enter")
        await back_on_page(person)
        for _ in range(100):
            if not await person.chat.branches.pruned():
                break
            await person.pilot.pause(0.02)
        assert await person.chat.branches.pruned() == []


async def test_the_last_message_can_go_too(open_app):
    async with open_app() as person:
        await person.ask("first")
        await open_branches(person)
        await person.press("home", "x")
        await person.until(lambda: page(person).count() == 0)
        await person.press("x", "enter", "d", "left", "escape")
        await back_on_page(person)
        assert texts(person) == []
        await person.ask("anew")
        assert texts(person) == ["anew", REPLY]


async def test_f_makes_a_session_of_the_way_to_a_message(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.ask("second")
        was = person.chat.session.uid
        await person.press("shift+up", "up", "up", "f")
        await person.until(lambda: person.chat.session.uid != was)
        assert texts(person) == ["first", REPLY]
        assert person.chat.session.title == "first (fork)"
        await person.ask("other")
        assert texts(person) == ["first", REPLY, "other", REPLY]
        assert len((await person.desk.store.session(was)).tree) == 4


async def test_a_reply_can_be_written_over_and_claims_no_model(open_app):
    async with open_app() as person:
        await person.ask("first")
        before = person.chat.session.tree.tip()
        await person.press("shift+up", "e")
        assert person.draft == REPLY
        await person.press("end")
        await person.type(" six")
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 3)
        mine = person.chat.session.tree.tip()
        assert (mine.text, mine.status, mine.role) == (f"{REPLY} six", Status.COMPLETE, Role.ASSISTANT)
        assert (mine.token_ids, mine.provenance.model_name) == ([], "")
        assert mine.provenance.edited_from == before.uid
        await person.press("escape")
        assert person.draft == ""
        await person.ask("second")
        assert (await person.kept()).tree.path()[1].text == f"{REPLY} six"


async def test_a_reply_can_be_begun_by_the_user(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.press("shift+up", "up", "b")
        assert person.draft == ""
        await person.type("Well,")
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 3 and person.idle)
        begun = person.chat.session.tree.tip()
        assert begun.text.startswith("Well,")
        assert begun.text != "Well,"
        first = begun.provenance.segments[0].from_token
        assert 0 < first < len(begun.token_ids)
        assert begun.provenance.generated_tokens == len(begun.token_ids) - first
        await person.press("shift+up", "b")
        assert person.draft == begun.text  # to be cut where it went astray
        await person.press("escape")
        assert person.draft == ""


async def test_another_window_hears_of_a_branch_that_went(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.ask("second")
        from chatapp.store import Store  # noqa: PLC0415

        other = await Store.open(person.screen.home.paths.database)
        session = await other.session(person.chat.session.uid)
        asked = session.tree.path()[2]
        await other.prune(session.id, asked.id)
        await person.until(lambda: texts(person) == ["first", REPLY])
        await other.bring_back(session.id, asked.id)
        await person.until(lambda: texts(person) == ["first", REPLY, "second", REPLY])
        await other.close()


async def test_at_80_columns_there_is_no_preview_and_a_click_stands_there(open_app):
    async with open_app(size=(80, 24)) as person:
        await person.ask("first")
        await person.ask("second")
        await open_branches(person)
        assert not any("children" in line for line in lines(person))
        await person.pilot.click(BranchPage, offset=(20, 2))
        assert page(person).here.text == "first"
        await person.pilot.click(BranchPage, offset=(20, 2), times=2)
        await back_on_page(person)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_d_compares_two_siblings_and_enter_goes_to_the_other(open_app, size):
    async with open_app(size=size) as person:
        await person.ask("first")
        await person.press("shift+up", "e", "end")
        await person.type(" six")
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 3)
        await open_branches(person)
        await person.press("d")
        await person.until(lambda: isinstance(person.app.screen, Comparison))
        shown = lines(person)
        both = [line for line in shown if "‹2/2›" in line and "‹1/2›" in line]
        assert len(both) == (size[0] > 100)
        assert any("1 word of its own" in line for line in shown)
        assert any("▎ one two three four five six" in line for line in shown)
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, BranchesScreen))
        assert page(person).here.text == REPLY


async def test_d_on_the_page_tells_how_a_reply_came_to_be(open_app):
    async with open_app() as person:
        await person.screen.tune({"temperature": 0.65})
        await person.ask("first")
        await person.press("shift+up", "d")
        await person.until(lambda: isinstance(person.app.screen, DetailsScreen))
        await person.pilot.pause()
        reply = person.chat.session.tree.tip()
        shown = "\n".join(lines(person))
        assert str(reply.provenance.segments[0].seed) in shown
        assert re.search(r"temperature +0.65   session, preset says 0.80", shown)
        assert re.search(r"ended +the model ended its turn", shown)
        assert re.search(r"name +Assistant", shown)
        await person.press("a")
        await back_on_page(person)
        await person.until(lambda: len(person.chat.session.tree) == 3 and person.idle)


def test_a_verdict_says_what_a_replay_came_to():
    same = Replayed(12, 12)
    assert verdict(same, reproducible=True) == "All 12 tokens came out the same."
    differs = Replayed(3, 12, 3, " cat", "")
    assert (
        verdict(differs, reproducible=True)
        == "The first difference is token 4: it was “ cat”, and now is the end."
    )
    assert "fast mode" in verdict(differs, reproducible=False)
    assert verdict(Replayed(3, 12), reproducible=True).startswith("Stopped after 3 tokens")


async def test_the_palette_knows_the_way_too(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("beginning of the reply")
        await person.press("enter")
        await person.until(lambda: person.draft == REPLY)
        await person.press("escape", "ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("last message came to be")
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, DetailsScreen))


async def test_a_session_opens_with_the_collector_at_rest_and_it_works_again_then(open_app, monkeypatch):
    async with open_app() as person:
        await person.ask("first")
        uid, seen = person.chat.session.uid, []
        show = person.desk.show

        async def watched(name):
            seen.append(gc.isenabled())
            return await show(name)

        monkeypatch.setattr(person.desk, "show", watched)
        await person.screen.open_session(uid)
        await person.screen.open_session("there is none")
        assert (seen, gc.isenabled()) == ([False, False], True)
