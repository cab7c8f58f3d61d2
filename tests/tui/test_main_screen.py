"""The main screen with all that is behind it: a real home, a real store, an engine that speaks at a set pace."""

from __future__ import annotations

import sys
import tomllib
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from person import Person

from chatapp.config import Settings
from chatapp.conversation.message import Role, Status
from chatapp.conversation.sampling import SHIPPED, Preset
from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.store import Store
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.commands import COMMANDS
from chatapp.tui.entries import details
from chatapp.tui.screens.drawer import Drawer
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.personas import PersonaPicker
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.start import Start
from chatapp.tui.widgets.margin_lines import CommandLines
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList

ROOT = Path(__file__).parents[2]
WORDS = 40
REPLY = " ".join(f"word{number}" for number in range(WORDS))
FAST, CALM, SLOW = 5000, 80, 4
"""Tokens a second: a reply in a blink, in half a second, or in more time than a test that stops it can take."""


@pytest.fixture
def home(tmp_path):
    paths = Paths.default(tmp_path / "home")
    paths.create()
    return paths


@pytest.fixture
def open_app(home, tmp_path, monkeypatch):
    """Opens the app on the same home, as often as a test wants."""

    @asynccontextmanager
    async def start(*, pace=FAST, size=(140, 40), ready=True, **wanted):
        (tmp_path / "reply").write_text(REPLY)
        command = [sys.executable, "-m", "benchmarks.metronome", str(tmp_path / "reply"), str(pace)]
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=command))
        app = ChatApp(home, Start(**wanted))
        async with app.run_test(size=size) as pilot:
            person = Person(app, pilot, tmp_path / "reply.hold")
            await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.desk.chat is not None)
            if ready:
                await person.until(lambda: person.desk.model.ready)
            try:
                yield person
            finally:
                await app.action_leave()

    return start


# Writing and waiting ----------------------------------------------------------------------------------------


async def test_messages_written_early_wait_and_are_sent_in_order(open_app):
    """Before the model is loaded, and while a reply is written: each gets its own reply, one after the other."""
    async with open_app(pace=CALM, ready=False) as person:
        await person.until(lambda: person.desk.engine.pid)
        with person.engine_held():
            for text in ("one", "two", "three"):
                await person.say(text)
            transcript = person.screen.page.transcript
            last = transcript.column.view(transcript.column.last).entry
            assert (last.text, "waits for the model" in str(last.notice)) == ("three", True)
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 6)
        done = Status.COMPLETE
        assert await person.said() == ["one", done, "two", done, "three", done]


async def test_up_takes_a_waiting_message_back(open_app):
    """The last one that waits comes into the composer, and is not sent."""
    async with open_app(pace=SLOW) as person:
        for text in ("one", "two", "three"):
            await person.say(text)
        await person.press("up")
        assert person.draft == "three"
        assert person.desk.unsent.of(person.chat) == ["two"]
        await person.press("escape")
        await person.until(lambda: len(person.chat.session.tree) == 4)
        await person.press("escape")
        await person.until(lambda: person.idle)
        assert await person.said() == ["one", Status.STOPPED, "two", Status.STOPPED]
        assert person.draft == "three"


async def test_drafts_belong_to_their_session_and_survive_a_restart(open_app):
    async with open_app() as person:
        await person.ask("first")
        first = person.chat.session.uid
        await person.type("half a thought")
        await person.press("ctrl+n")
        assert person.draft == ""
        await person.ask("second")
        await person.type("another half")
        await person.screen.open_session(first)
        assert person.draft == "half a thought"
    async with open_app(continue_newest=True) as person:
        assert person.chat.session.title == "second"
        assert person.draft == "another half"
        await person.screen.open_session(first)
        assert person.draft == "half a thought"


async def test_a_draft_outlives_a_message_of_its_session_that_is_sent_in_the_background(open_app):
    """What waits is sent while another session is in view; what was being written there is still there."""
    async with open_app(pace=SLOW) as person:
        await person.say("one")
        await person.until(lambda: person.chat.streaming)
        await person.say("two")
        await person.type("half a thought")
        first = person.chat
        await person.press("ctrl+n")
        first.stop()
        await person.until(lambda: len(first.session.tree) == 4)
        first.stop()
        await person.until(lambda: person.idle)
        assert (await person.desk.store.session(first.session.uid)).draft == "half a thought"
        await person.screen.open_session(first.session.uid)
        assert person.draft == "half a thought"


async def test_a_big_paste_folds_and_is_sent_whole(open_app):
    text = "\n".join(f"line {number} of many" for number in range(1000))
    async with open_app() as person:
        await person.type("see ")
        await person.type(text)
        assert "1,000 lines" in person.screen.page.composer._area.text
        assert len(person.screen.page.composer._area.text) < 40
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 2 and person.idle)
        assert (await person.said())[0] == f"see {text}"


# Turns ------------------------------------------------------------------------------------------------------


async def test_escape_stops_a_reply_and_enter_continues_it(open_app):
    """What was said is kept; the continuation is a sibling that begins with it."""
    async with open_app(pace=SLOW) as person:
        await person.say("tell")
        await person.until(lambda: person.chat.streaming and person.chat.streaming.text)
        await person.press("escape")
        await person.until(lambda: person.idle)
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 3)
        await person.press("escape")
        await person.until(lambda: person.idle)
        stopped, longer = (await person.kept()).tree.all()[1:]
        assert (stopped.status, longer.status) == (Status.STOPPED, Status.STOPPED)
        assert stopped.text
        assert longer.parent == stopped.parent
        assert longer.text.startswith(stopped.text)


async def test_ctrl_r_answers_again_and_the_arrows_switch_between_the_answers(open_app):
    """The choice is kept: the session opens with the answer that was in view."""
    async with open_app() as person:
        await person.ask("tell")
        await person.press("ctrl+r")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3)
        first, second = (message.id for message in person.chat.session.tree.all()[1:])
        assert (await person.kept()).tree.tip().id == second
        await person.press("shift+up", "left")
        assert person.chat.session.tree.tip().id == first
        assert (await person.kept()).tree.tip().id == first
        await person.press("left")
        assert person.chat.session.tree.tip().id == first
        await person.press("right")
        assert (await person.kept()).tree.tip().id == second


async def test_editing_an_own_message_makes_a_branch_and_keeps_the_old_one(open_app):
    async with open_app() as person:
        await person.ask("old")
        await person.press("shift+up", "up", "e")
        assert person.draft == "old"
        await person.press("backspace", "backspace", "backspace")
        await person.say("new")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 4)
        tree = (await person.kept()).tree
        assert [message.text for message in tree.children(None)] == ["old", "new"]
        assert [message.text for message in tree.path()] == ["new", REPLY]
        assert [message.text for message in tree.children(tree.children(None)[0].id)] == [REPLY]


async def test_leaving_an_edit_brings_back_what_was_being_written(open_app):
    async with open_app() as person:
        await person.ask("old")
        await person.type("half a thought")
        await person.press("shift+up", "up", "e")
        assert person.draft == "old"
        await person.press("escape")
        assert person.draft == "half a thought"


async def test_resizing_in_mid_reply_loses_nothing(open_app):
    async with open_app(pace=CALM) as person:
        await person.say("tell")
        await person.until(lambda: person.chat.streaming)
        for size in ((80, 24), (200, 60), (1, 1), (117, 30), (99, 24)):
            await person.pilot.resize_terminal(*size)
            await person.pilot.pause()
        await person.until(lambda: person.idle)
        assert person.screen.page.transcript.column.view(2).entry.text == REPLY
        assert (await person.kept()).tree.tip().text == REPLY


# Sessions ---------------------------------------------------------------------------------------------------


async def test_a_new_session_that_nothing_was_written_in_leaves_no_row(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.press("ctrl+n")
        await person.press("ctrl+n")
        assert [head.title for head in await person.heads()] == ["first"]


async def test_a_reply_goes_on_in_the_background_and_is_complete_in_the_store(open_app):
    """Another session comes into view while it streams; a message there waits for its turn."""
    async with open_app(pace=CALM) as person:
        with person.engine_held():
            await person.say("first")
            await person.until(lambda: person.chat.streaming and person.chat.streaming.text)
            first = person.chat.session.uid
            await person.press("ctrl+n")
            await person.say("second")
            assert person.desk.unsent.of(person.chat) == ["second"]
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 2)
        for uid in (first, person.chat.session.uid):
            tip = (await person.desk.store.session(uid)).tree.tip()
            assert (tip.status, tip.text) == (Status.COMPLETE, REPLY)
        await person.screen.open_session(first)
        assert person.screen.page.transcript.column.view(2).entry.text == REPLY


async def test_coming_back_to_a_reply_that_still_streams_shows_all_of_it(open_app):
    async with open_app(pace=CALM) as person:
        with person.engine_held():
            await person.say("first")
            await person.until(lambda: person.chat.streaming and person.chat.streaming.text)
            first = person.chat.session.uid
            await person.press("ctrl+n")
            await person.screen.open_session(first)
            assert person.chat.streaming
        await person.until(lambda: person.idle)
        assert person.screen.page.transcript.column.view(2).entry.text == REPLY


async def test_a_session_is_renamed_thrown_away_and_brought_back(open_app):
    async with open_app() as person:
        await person.ask("first")
        await person.press("ctrl+n")
        await person.ask("second")
        await person.press("ctrl+l")
        await person.press("r", "ctrl+u")
        await person.say("better")
        await person.wait_for_heads(["better", "first"])
        assert person.chat.session.title == "better"
        await person.press("delete")
        await person.wait_for_heads(["first"])
        assert len(person.chat.session.tree) == 0, "the session in view is gone, a new one takes its place"
        await person.press("u")
        await person.wait_for_heads(["better", "first"])
        await person.press("enter")
        await person.until(lambda: person.chat.session.title == "better")
        assert await person.said() == ["second", Status.COMPLETE]


async def test_a_session_that_is_thrown_away_sends_nothing_more(open_app):
    """What waited in it is not said to a model behind the person's back."""
    async with open_app(pace=SLOW) as person:
        await person.say("one")
        await person.until(lambda: person.chat.streaming)
        await person.say("two")
        gone = person.chat
        await person.press("ctrl+l", "delete")
        await person.until(lambda: person.idle)
        assert [message.text for message in gone.session.tree.all() if message.role is Role.USER] == ["one"]


async def test_the_palette_opens_a_session(open_app):
    async with open_app() as person:
        await person.ask("lighthouse")
        await person.press("ctrl+n")
        await person.ask("bread")
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.say("lighth")
        await person.until(lambda: person.chat.session.title == "lighthouse")
        assert isinstance(person.app.screen, MainScreen)


# Personas and sampling --------------------------------------------------------------------------------------


async def test_a_persona_is_applied_here_or_begins_a_session(open_app):
    """Applied here, the messages stay; for a new session, the old one keeps its own."""
    async with open_app() as person:
        await person.ask("first")
        await person.press("ctrl+g")
        await person.until(lambda: isinstance(person.app.screen, PersonaPicker))
        await person.press("down", "a")
        await person.until(lambda: person.chat.session.persona.name == "Tutor")
        assert (await person.kept()).persona.name == "Tutor"
        assert await person.said() == ["first", Status.COMPLETE]
        await person.press("ctrl+g")
        await person.until(lambda: isinstance(person.app.screen, PersonaPicker))
        await person.press("down", "enter")
        await person.until(lambda: person.chat.session.persona.name == "Writer")
        assert len(person.chat.session.tree) == 0
        await person.ask("second")
        tip = (await person.kept()).tree.tip()
        assert tip.provenance.persona == person.chat.session.persona.digest
        assert sorted([(await person.desk.store.session(h.uid)).persona.name for h in await person.heads()]) == [
            "Tutor",
            "Writer",
        ]


async def test_settings_saved_as_a_preset_are_in_force_unchanged_and_outlive_its_file(open_app, home):
    """`s` names it in place; the session, its replies and a later start keep its values when the file is gone."""
    async with open_app() as person:
        await person.press("ctrl+t", "right", "s")
        await person.type("Noir")
        await person.press("enter")
        noir = Preset("Noir", "your own", {"temperature": 0.85})
        await person.until(lambda: person.chat.session.preset == noir and not person.chat.session.overrides)
        assert tomllib.loads((home.presets / "noir.toml").read_text())["values"] == {"temperature": 0.85}
        assert person.chat.session.sampling().changed() == []
        await person.press("right", "s", "enter")
        assert person.screen.tuning.presets.named("Noir") == noir, "one's own preset is not replaced unasked"
        await person.press("enter")
        await person.until(lambda: person.chat.session.preset.values == {"temperature": 0.9})
        await person.press("escape")
        await person.ask("first")
        await person.screen.tuning.rename("Rouge")
        await person.screen.tuning.delete("Rouge")
        assert [path.name for path in (home.presets / "trash").iterdir()] == ["rouge.toml"]
        (panel,) = person.screen.columns(SamplingPanel)
        await person.press("ctrl+t", "home")
        panel.action_move(-20)
        column = " ".join(panel.render_line(y).text for y in range(panel.size.height))
        assert "gone from the presets" in " ".join(column.split())
    async with open_app(continue_newest=True) as person:
        assert person.chat.session.preset == Preset("Rouge", "your own", {"temperature": 0.9})
        reply = person.chat.session.tree.tip()
        assert (reply.provenance.preset, reply.provenance.preset_values) == ("Noir", {"temperature": 0.9})
        assert "Noir, " not in details(reply), "it is compared with what the preset was then"
        assert details(reply).endswith("Noir")


async def test_a_temporary_session_writes_no_preset(open_app, home):
    async with open_app(temporary=True) as person:
        before = person.chat.session.sampling()
        await person.screen.tuning.save("Noir")
        assert not home.presets.exists()
        assert person.chat.session.sampling() == before


async def test_sampling_is_kept_with_the_session_and_used_by_the_next_reply(open_app):
    """A preset takes the session's own changes away; a slider adds one; the reply says what drew it."""
    async with open_app() as person:
        await person.ask("first")
        await person.press("ctrl+t", "home", "greater_than_sign")
        await person.until(lambda: person.chat.session.preset == SHIPPED.named("Deterministic"))
        await person.press("greater_than_sign", "greater_than_sign")
        await person.until(lambda: person.chat.session.preset == SHIPPED.named("Creative"))
        await person.press("right")
        await person.until(lambda: person.chat.session.overrides == {"temperature": 1.05})
        await person.press("escape", "ctrl+r")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3)
        kept = await person.kept()
        assert (kept.preset, dict(kept.overrides)) == (SHIPPED.named("Creative"), {"temperature": 1.05})
        came = kept.tree.tip().provenance
        assert (came.preset, came.segments[0].settings.temperature, came.segments[0].settings.top_k) == (
            "Creative",
            1.05,
            100,
        )


# The shape of the screen ------------------------------------------------------------------------------------


def shown(person):
    return {kind.__name__ for kind in (SessionList, SamplingPanel) if person.screen.query_one(kind).display}


async def test_the_columns_fold_with_the_width(open_app):
    """Both from 118 columns on, the one last wished from 100, none below: there they are drawers."""
    both = {"SessionList", "SamplingPanel"}
    async with open_app(size=(118, 30)) as person:
        assert shown(person) == both
        for width, expected in ((117, {"SamplingPanel"}), (100, {"SamplingPanel"}), (99, set()), (140, both)):
            await person.pilot.resize_terminal(width, 30)
            await person.pilot.pause()
            assert shown(person) == expected, width
        await person.pilot.resize_terminal(110, 30)
        await person.press("ctrl+l")
        assert shown(person) == {"SessionList"}


async def test_under_100_columns_the_columns_are_drawers(open_app):
    """A drawer does what its column does, and closes by esc or by its own key."""
    async with open_app(size=(80, 24)) as person:
        await person.ask("first")
        await person.press("ctrl+n")
        await person.press("ctrl+l")
        assert isinstance(person.app.screen, Drawer)
        await person.until(lambda: person.app.screen.query_one(SessionList).roll.heads)
        await person.press("home", "enter")
        await person.until(lambda: person.chat.session.title == "first")
        assert isinstance(person.app.screen, MainScreen)
        await person.press("ctrl+t")
        await person.press("home", "down", "right")
        await person.until(lambda: person.chat.session.overrides)
        await person.press("ctrl+t")
        assert isinstance(person.app.screen, MainScreen)
        await person.type("x")
        assert person.draft == "x"
        assert (await person.kept()).overrides == person.chat.session.overrides


async def test_a_theme_is_taken_at_once_and_for_the_next_start(open_app, home):
    async with open_app() as person:
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.say("paper")
        await person.until(lambda: person.app.theme == "paper")
        assert tomllib.loads(home.settings.read_text()) == {"theme": "paper"}
    async with open_app(ready=False) as person:
        assert person.app.theme == "paper"


async def test_a_key_of_ones_own_takes_the_place_of_the_apps(open_app, home):
    Settings(keys={"app.new": "ctrl+y", "chat.again": "f10"}).save(home.settings)
    async with open_app() as person:
        await person.ask("first")
        await person.press("f10")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3)
        await person.press("ctrl+n")
        assert len(person.chat.session.tree) == 3
        await person.press("ctrl+y")
        assert len(person.chat.session.tree) == 0


async def test_a_key_of_ones_own_may_be_one_that_opens_a_screen_by_itself(open_app, home):
    Settings(keys={"chat.again": "f6"}).save(home.settings)
    async with open_app() as person:
        await person.ask("first")
        await person.press("f6")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3)
        assert isinstance(person.app.screen, MainScreen)


async def test_commands_are_offered_whole_however_narrow_the_page_is(open_app):
    async with open_app(size=(120, 36)) as person:
        await person.type("/")
        offered = person.screen.page.query_one(CommandLines)
        await person.until(lambda: offered.size.height)
        said = " ".join("".join(offered.render_line(y).text for y in range(offered.size.height)).split())
        assert "…" not in said
        for one in COMMANDS:
            assert all(word in said for word in one.does.split())


async def test_a_model_that_is_not_there_leaves_the_choice_of_the_one_that_is(open_app):
    async with open_app(model="nope", ready=False) as person:
        await person.until(lambda: person.desk.model.problem)
        transcript = person.screen.page.transcript
        page = "\n".join(transcript.render_line(y).text for y in range(20))
        assert "ctrl+r load SmolLM2 135M Instruct" in page
        assert "fetch the small one" not in page
        await person.press("ctrl+r")
        await person.until(lambda: person.desk.model.ready, 60)


@pytest.mark.parametrize("wanted", [{"session": "nope"}, {"persona": "nope"}])
async def test_a_start_that_is_given_up_closes_what_it_opened(home, wanted):
    """No lease stays, and the next start does not speak of anything lost."""
    app = ChatApp(home, Start(**wanted))
    async with app.run_test() as pilot:
        for _ in range(500):
            if app.return_code is not None:
                break
            await pilot.pause(0.02)
    assert app.return_code == 1
    assert list((home.database.parent / "leases").iterdir()) == []
    store = await Store.open(home.database)
    assert store.warning == ""
    await store.close()
