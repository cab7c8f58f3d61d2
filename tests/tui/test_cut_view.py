"""The cut view with the real model: what it shows is what the engine says, live; a choice goes on from there."""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager

import pytest
from person import at_the_keys

from chatapp.conversation.message import Role
from chatapp.paths import Paths
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.cut_view import CutView
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start

QUESTION = "Name three colours of the sea."


@pytest.fixture
def open_app(tmp_path):
    """Opens the app with the embedded model, one short reply on the page."""

    @asynccontextmanager
    async def start(size=(120, 44)):
        home = Paths.default(tmp_path / "home")
        home.create()
        async with at_the_keys(ChatApp(home, Start()), size=size, notifications=True) as person:
            await person.screen.tune({"max_tokens": 8, "seed": 7, "temperature": 0.9})
            await person.ask(QUESTION)
            yield person

    return start


def reply_of(person):
    return next(one for one in reversed(person.chat.session.tree.path()) if one.role is Role.ASSISTANT)


def body(person):
    assert isinstance(person.app.screen, CutView)
    return person.app.screen.body


async def look(person, *keys):
    """Open the cut view, and wait for a decision."""
    await person.press(*keys)
    await person.until(lambda: isinstance(person.app.screen, CutView))
    await person.until(lambda: body(person).view is not None)
    return body(person).view


async def at_token(person, index):
    await person.until(lambda: body(person).view.seen.index == index and not body(person)._said)
    return body(person).view


def lines(person):
    return [body(person).render_line(y).text.rstrip() for y in range(person.app.size.height)]


def shown(p):
    return "1.000" if p > 1 - 1e-6 else "<.001" if p < 0.0005 else f"{min(p, 0.999):.3f}".removeprefix("0")


async def test_it_shows_what_the_engine_says_of_every_token_of_a_reply(open_app):
    """Every number of the table, from the first token to the one that would come next."""
    async with open_app() as person:
        reply = reply_of(person)
        await look(person, "shift+up", "x")
        for index in range(len(reply.token_ids) + 1):
            view = await at_token(person, index)
            decision = view.seen.decision
            text = lines(person)
            names = [one.sampler for one in decision.stages]
            assert names == ["logits", "top_k", "top_p", "min_p", "temperature"]
            for row in decision.rows[:5]:
                expected = [shown(p) for p in row.p if p is not None]
                line = text[5 + decision.rows.index(row)].split()
                found = [word for word in line if word in expected]
                assert found[: len(expected)] == expected
                assert line.count("×") == (None in row.p)
            kept = next(line for line in text if " kept " in line)
            assert kept.split()[1:] == [f"{stage.kept:,}" for stage in decision.stages]
            assert any(f"gives {decision.draw.chance:.4f}" in line for line in text)
            assert view.seen.there is None or view.seen.there.id == reply.token_ids[index]
            await person.press("full_stop")
        await person.press("escape")
        assert isinstance(person.app.screen, MainScreen)
        assert len(person.chat.session.tree) == 2


async def test_a_setting_is_turned_on_the_same_logits_and_let_go_on_leaving(open_app):
    """The engine's own restaging with the other value; the session's settings stay as they were."""
    async with open_app() as person:
        before = (await look(person, "f4")).seen
        await person.press("minus")
        await person.until(lambda: body(person).view.seen.settings.temperature == pytest.approx(0.85))
        seen = body(person).view.seen
        assert seen.decision.log_z == before.decision.log_z
        assert seen.decision.stages[:-1] == before.decision.stages[:-1]
        assert seen.decision.stages[-1].entropy < before.decision.stages[-1].entropy
        await person.press("left", "left", "pagedown")
        await person.until(lambda: body(person).view.seen.settings.top_p == pytest.approx(0.9))
        assert any("Tried here only" in line for line in lines(person))
        await person.press("escape")
        assert person.chat.session.sampling().settings.temperature == 0.9


async def test_what_is_tried_is_kept_when_that_is_asked_for(open_app):
    """The session has it from then on."""
    async with open_app() as person:
        await look(person, "f4")
        await person.press("plus")
        await person.until(lambda: body(person).view.seen.settings.temperature == pytest.approx(0.95))
        await person.press("a")
        await person.until(lambda: person.chat.session.sampling().settings.temperature == pytest.approx(0.95))
        assert not any("Tried here only" in line for line in lines(person))


async def test_a_stage_that_is_off_can_be_turned_on_and_gets_its_column(open_app):
    """It is named in the faint line until then."""
    async with open_app() as person:
        view = await look(person, "f4")
        assert any("off" in line and "n-sigma" in line for line in lines(person))
        await person.press(*["right"] * 4)
        assert body(person).view.at == "typical_p"
        await person.press("minus")
        await person.until(lambda: "typical_p" in [one.sampler for one in body(person).view.seen.decision.stages])
        assert view.seen.decision.stages[0] == body(person).view.seen.decision.stages[0]
        await person.press("backspace")
        await person.until(lambda: body(person).view.seen.settings == view.seen.settings)


async def test_the_page_never_waits_and_the_latest_value_wins(open_app):
    """With the engine held still the keys go on; it is asked once more for all that was turned meanwhile."""
    async with open_app() as person:
        await look(person, "f4")
        asked = []
        restage = person.desk.engine.look.restage

        def counting(settings, **more):
            asked.append(settings.temperature)
            return restage(settings, **more)

        person.desk.engine.look.restage = counting
        os.kill(person.desk.engine.pid, signal.SIGSTOP)
        try:
            await person.press(*["minus"] * 6)
            await person.press("down", "left")
            assert body(person).view.row == 1
            assert body(person).view.at == "min_p"
            assert body(person).view.seen.settings.temperature == 0.9
        finally:
            os.kill(person.desk.engine.pid, signal.SIGCONT)
        await person.until(lambda: body(person).view.seen.settings.temperature == pytest.approx(0.6))
        assert asked == [pytest.approx(0.85), pytest.approx(0.6)]


async def test_a_candidate_forks_the_conversation_and_nothing_before_it_is_computed_again(open_app):
    """The third-best token in the place of one: a sibling that is the same up to there."""
    async with open_app() as person:
        first = reply_of(person)
        await look(person, "shift+up", "x")
        await person.press(*["full_stop"] * 3)
        view = await at_token(person, 3)
        await person.press(*["down"] * 2)
        chosen = view.seen.decision.rows[body(person).view.row]
        await person.press("enter")
        await person.until(lambda: len(person.chat.session.tree) == 3 and person.idle)
        fork = reply_of(person)
        assert fork.token_ids[:4] == [*first.token_ids[:3], chosen.id]
        assert fork.provenance.evaluated_tokens == 1
        assert fork.parent == first.parent


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (200, 60)])
async def test_it_fits_every_size(open_app, size):
    """Under 100 columns no bars and no plots; under 40 lines eight candidates; the keys are always there."""
    async with open_app(size) as person:
        await look(person, "f4")
        text = lines(person)
        assert any(line.lstrip().startswith("← → stage") for line in text)
        assert any("gives" in line for line in text)
        assert any("as the temperature goes" in line for line in text) == (size[0] >= 100 and size[1] >= 36)
        top, bottom, *_ = [y for y, line in enumerate(text) if line.lstrip()[:1] in {"─", "━"}]
        assert (bottom - top - 2 == 8) == (size[1] < 40)
        assert any("━━ " in line or line.endswith("━━") for line in text[4:12]) == (size[0] >= 100)


async def test_it_says_that_there_is_nothing_to_look_into(open_app):
    """In a session that has no reply yet."""
    async with open_app() as person:
        await person.press("ctrl+n")
        await person.press("f4")
        assert isinstance(person.app.screen, MainScreen)


async def test_a_reply_of_another_model_is_refused_in_a_sentence(open_app):
    """Its tokens mean nothing here."""
    async with open_app() as person:
        reply = reply_of(person)
        reply.provenance = reply.provenance.model_copy(update={"tokenizer": "another"})
        await person.press("f4")
        await person.until(lambda: isinstance(person.app.screen, CutView) and body(person)._said)
        assert any("not made of the tokens" in line for line in lines(person))
        await person.press("escape")


async def test_while_a_reply_streams_the_column_shows_how_its_last_token_was_decided(open_app):
    """What is shown is the record that is kept with the reply; it goes when the reply ends."""
    async with open_app() as person:
        panel = person.screen.query_one("#sampling")
        seen = []
        show = panel.show_token

        def watching(token):
            show(token)
            seen.append((token, [panel.render_line(y).text for y in range(panel.size.height)]))

        panel.show_token = watching
        await person.press("ctrl+r")
        await person.until(lambda: len(person.chat.session.tree) == 3 and person.idle)
        reply = reply_of(person)
        shown_tokens = [(token, text) for token, text in seen if token is not None]
        assert shown_tokens
        for token, text in shown_tokens:
            assert token.record == reply.records[token.number - 1]
            assert token.record.id == reply.token_ids[token.number - 1]
            place = next(y for y, line in enumerate(text) if "This token" in line)
            assert text[place].split()[-1] == str(token.number)
            crosses = sum("×" in line for line in text[place + 2 : place + 8])
            assert crosses == sum(one.cut is not None for one in token.record.candidates[:6])
            assert f"{token.record.kept:,} of 49,152 left" in text[place + 8]
        assert seen[-1][0] is None
        assert not any("This token" in line for line in seen[-1][1])


async def test_nothing_is_recorded_where_no_column_shows_it(open_app):
    """On a narrow terminal the reply costs no more than its tokens."""
    async with open_app((80, 24)) as person:
        assert not any(reply_of(person).records)
