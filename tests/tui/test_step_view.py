"""Step mode in the cut view, with the real model: keys, what is shown, and what is kept."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from person import at_the_keys

from chatapp.conversation.message import Role, Status
from chatapp.paths import Paths
from chatapp.text import display_token
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.step_view import StepView
from chatapp.tui.start import Start


@pytest.fixture
def open_app(tmp_path):
    """Opens the app with the embedded model, one short reply on the page."""

    @asynccontextmanager
    async def start(size=(120, 44)):
        home = Paths.default(tmp_path / "home")
        home.create()
        async with at_the_keys(ChatApp(home, Start()), size=size, notifications=True) as person:
            await person.screen.tune({"max_tokens": 8, "seed": 7, "temperature": 0.9})
            await person.ask("Name three colours of the sea.")
            yield person

    return start


def reply_of(person):
    return next(one for one in reversed(person.chat.session.tree.path()) if one.role is Role.ASSISTANT)


def view(person):
    return person.app.screen.body.view


async def steps_begin(person, *keys):
    """Press the keys, and wait for the first decision of steps."""
    await person.press(*keys)
    await person.until(lambda: isinstance(person.app.screen, StepView))
    await person.until(lambda: view(person) is not None and view(person).stepping)


async def step(person, key, count):
    """Press a key; the reply has so many tokens then, and what would come next is shown."""
    await person.press(key)
    screen = person.app.screen
    await person.until(
        lambda: (
            not screen._stepping
            and len(screen._steps.reply.token_ids) == count
            and view(person).seen.index == count
            and view(person).seen.reply is screen._steps.reply
        )
    )


def bar(person):
    """The lines that tell of the steps."""
    widget = person.app.screen.bar
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


async def test_a_reply_is_written_token_by_token_and_kept_with_whose_choice_each_was(open_app):
    """Drawn, chosen, taken back, chosen again: one token is evaluated for each."""
    async with open_app() as person:
        first = reply_of(person)
        await person.press("shift+up", "x")
        await person.until(lambda: isinstance(person.app.screen, StepView) and view(person) is not None)
        await person.press(*["full_stop"] * 2)
        await steps_begin(person, "s")
        assert person.chat.streaming is None  # nothing is kept before the first token
        drawn = view(person).seen.decision.draw.token
        assert any("takes what is drawn" in line and display_token(drawn.data) in line for line in bar(person))
        await step(person, "enter", 3)
        third = view(person).seen.decision.rows[2].id
        await step(person, "3", 4)
        assert view(person).seen.decision.evaluated == 1
        assert any("1 drawn" in line and "1 yours" in line for line in bar(person))
        await step(person, "enter", 5)
        await step(person, "backspace", 4)
        assert view(person).seen.decision.evaluated == 1
        await person.press("down", "down")
        other = view(person).seen.decision.rows[view(person).row].id
        await step(person, "enter", 5)
        await person.press("escape")
        await person.until(lambda: isinstance(person.app.screen, MainScreen) and person.idle)
        reply = reply_of(person)
        assert reply.token_ids == [*first.token_ids[:2], drawn.id, third, other]
        assert (reply.parent, reply.status) == (first.parent, Status.STOPPED)
        assert reply.provenance.chosen in {(3, 4), (4,), (3,)}
        assert (await person.kept()).tree[reply.id].text == reply.text
        assert [one.id for one in reply.records[2:]] == reply.token_ids[2:]


async def test_the_model_goes_on_from_a_step_on_the_page(open_app):
    """By itself, from the token that was chosen; the lens has its records."""
    async with open_app() as person:
        first = reply_of(person)
        await steps_begin(person, "shift+up", "x", "s")
        decision = view(person).seen.decision
        await step(person, "2" if decision.rows[0].id == decision.draw.token.id else "1", 1)
        await person.press("space")
        await person.until(lambda: isinstance(person.app.screen, MainScreen) and person.idle)
        reply = reply_of(person)
        assert reply is not first
        assert len(reply.token_ids) > 1
        assert reply.provenance.evaluated_tokens == 1
        assert 0 in reply.provenance.chosen


async def test_the_token_that_ends_the_reply_leads_back_to_the_page(open_app):
    """So that a key too many does nothing to it."""
    async with open_app() as person:
        await person.screen.tune({"max_tokens": 8, "seed": 7, "logit_bias": ((2, 100.0),)})  # <|im_end|>
        await steps_begin(person, "f4", "s")
        assert view(person).seen.decision.draw.token.special
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, MainScreen) and person.idle)
        assert reply_of(person).status is Status.COMPLETE
        assert len(person.chat.session.tree) == 3


async def test_steps_that_say_nothing_leave_nothing(open_app):
    """Esc before the first token is the cut view again."""
    async with open_app() as person:
        await steps_begin(person, "f4", "s")
        await step(person, "backspace", len(reply_of(person).token_ids) - 1)
        await person.press("escape")
        await person.until(lambda: not view(person).stepping)
        await person.press("escape")
        assert isinstance(person.app.screen, MainScreen)
        assert len(person.chat.session.tree) == 2


async def test_the_cursor_stays_on_the_draw_while_a_setting_is_turned(open_app):
    """And the token is drawn with what is tried, and says so."""
    async with open_app() as person:
        await steps_begin(person, "f4", "s")
        before = view(person).seen.settings.temperature
        await person.press("pageup", "pageup")
        await person.until(lambda: view(person).seen.settings.temperature > before)
        await person.pilot.pause()
        shown = view(person)
        assert shown.seen.decision.rows[shown.row].id == shown.seen.decision.draw.token.id
        await step(person, "enter", len(reply_of(person).token_ids) + 1)
        await person.press("escape")
        await person.until(lambda: person.idle)
        last = reply_of(person).provenance.segments[-1]
        assert last.settings.temperature == shown.seen.settings.temperature


async def test_the_lens_goes_over_into_steps_and_back(open_app):
    """From the token that one stands on; what was stepped is under the lens then."""
    async with open_app() as person:
        await person.press("f5")
        await person.until(lambda: person.screen.page.reading is not None)
        await person.press("home", "right", "right")
        await steps_begin(person, "s")
        assert view(person).seen.index == 2
        await step(person, "enter", 3)
        await person.press("escape")
        await person.until(lambda: isinstance(person.app.screen, MainScreen) and person.idle)
        await person.until(lambda: person.screen.page.reading.message is reply_of(person))
        assert len(person.screen.page.reading.trace) == 3


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_it_fits_every_size(open_app, size):
    """The draw, its sentence, the steps and their keys are there."""
    async with open_app(size) as person:
        await steps_begin(person, "f4", "s")
        page = [person.app.screen.body.render_line(y).text for y in range(person.app.screen.body.size.height)]
        assert any("seed" in line and "gives" in line for line in page)
        assert "enter takes" in bar(person)[1]
        assert "esc" in bar(person)[1]
        assert "1–9" in bar(person)[1]


async def test_an_app_that_is_left_in_mid_step_keeps_what_was_said(open_app, tmp_path):
    """The reply is stopped, not interrupted."""
    async with open_app() as person:
        await steps_begin(person, "f4", "s")
        await step(person, "enter", len(reply_of(person).token_ids) + 1)
        reply, uid = person.app.screen._steps.reply, person.chat.session.uid
    from chatapp.store import Store  # noqa: PLC0415  the app has closed its own

    store = await Store.open(Paths.default(tmp_path / "home").database)
    kept = (await store.session(uid)).tree[reply.id]
    await store.close()
    assert (kept.text, kept.status) == (reply.text, Status.STOPPED)
