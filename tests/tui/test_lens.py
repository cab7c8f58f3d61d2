"""The lens over a reply of the real model: colours, walking, another token instead, scoring afterwards."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from person import at_the_keys

from chatapp.config import Settings
from chatapp.conversation.lens import Measure
from chatapp.engine.protocol import Prefill
from chatapp.paths import Paths
from chatapp.tui import lens_view
from chatapp.tui.app import ChatApp
from chatapp.tui.look import look_of
from chatapp.tui.start import Start
from chatapp.tui.widgets.lens_bar import LensBar
from chatapp.tui.widgets.lens_column import LensColumn


@pytest.fixture
def open_app(tmp_path, model_path):
    """Opens the app with the embedded model, seed 7 and short replies."""

    @asynccontextmanager
    async def start(size=(120, 36)):
        home = Paths.default(tmp_path / "home")
        home.create()
        Settings(model=str(model_path)).save(home.settings)
        async with at_the_keys(ChatApp(home, Start()), size=size) as person:
            person.chat.session.overrides = {"seed": 7, "max_tokens": 24}
            yield person

    return start


def reading(person):
    return person.screen.page.reading


def rows(person):
    """The window as it is painted: each line's text."""
    transcript = person.screen.page.transcript
    return [strip.text for strip in transcript._painted(0, transcript.size.height)]


def tinted(person, style):
    """The words that stand on a ground, as they are painted."""
    transcript = person.screen.page.transcript
    return [
        segment.text
        for strip in transcript._painted(0, transcript.size.height)
        for segment in strip
        if segment.style and segment.style.bgcolor == style.bgcolor
    ]


async def ask(person, text):
    """Ask, and wait for the whole reply, however busy the machine is."""
    count = len(person.chat.session.tree)
    await person.say(text)
    await person.until(lambda: len(person.chat.session.tree) > count and person.idle, 120)


async def look(person, *keys):
    await person.press(*(keys or ("f5",)))
    await person.until(lambda: reading(person) is not None and not person.screen.page._scoring, 120)


async def test_a_reply_is_coloured_walked_over_and_forked(open_app):
    """Nothing moves when the lens comes or goes; an alternative goes on from there; what is new is recorded."""
    async with open_app() as person:
        await ask(person, "Describe rain in the city.")
        before = rows(person)
        await look(person)
        assert rows(person)[: len(rows(person)) // 2] == before[: len(rows(person)) // 2]
        first = person.chat.session.tree.tip()
        seen = reading(person)
        assert [one.id for one in seen.trace] == first.token_ids
        assert first.provenance.perplexity == pytest.approx(seen.perplexity)

        # Every drawn character belongs to the token that said it.
        owners = person.screen.page.transcript.owners()
        for place, character in enumerate(owners.text):
            token = owners.tokens[place]
            if character.strip():
                assert character in seen.trace[token].text

        look_ = look_of(person.app)
        hot = [one.text.strip() for one, level in zip(seen.trace, seen.levels, strict=True) if level == 3]
        assert [text for text in tinted(person, look_.heat[3]) if text.strip()] or not hot

        await person.press("home", "right", "right")
        assert reading(person).at == 2
        assert tinted(person, look_.cursor) == [reading(person).record.text.strip()]
        column = person.screen.query_one(LensColumn)
        assert column.display
        assert column.render_line(1).text.strip() == f"Token 3 of {len(seen.trace)}"

        await person.press("c")
        assert reading(person).measure is Measure.PROBABILITY

        other = next(
            place for place, one in enumerate(reading(person).record.candidates) if one.id != first.token_ids[2]
        )
        wanted = reading(person).record.candidates[other].id
        await person.press(str(other + 1), "enter")
        await person.until(lambda: person.chat.session.tree.tip() is not first and person.idle, 120)
        forked = person.chat.session.tree.tip()
        assert forked.token_ids[:3] == [*first.token_ids[:2], wanted]
        assert forked.provenance.chosen == (2,)
        assert forked.provenance.evaluated_tokens <= 2
        await person.until(
            lambda: all(reading(person).trace) and len(reading(person).trace) == len(forked.token_ids)
        )
        assert reading(person).message is forked
        assert not reading(person).scored
        assert person.chat.store is person.desk.store
        assert await person.chat.store.trace(forked.id)

        await person.press("escape")
        assert reading(person) is None
        assert not column.display


async def test_the_lens_stays_while_one_writes_on_and_costs_nothing_when_it_is_off(open_app):
    """With f5 again one writes; the new reply is recorded as it is drawn, and read again from the store."""
    async with open_app(size=(80, 24)) as person:
        await ask(person, "Hello")
        await look(person)
        bar = person.screen.query_one(LensBar)
        assert bar.display
        assert "probability" in bar.render_line(1).text  # there is no column beside the page
        await person.press("f5")
        assert not bar.display
        assert person.screen.page.composer.display
        await ask(person, "And who are you?")
        tip = person.chat.session.tree.tip()
        await person.until(
            lambda: reading(person).message is tip and len(reading(person).trace) == len(tip.token_ids)
        )
        assert all(tip.records)
        assert not reading(person).scored
        tip.records = []
        trace = await person.chat.trace(tip)
        assert [one.id for one in trace] == tip.token_ids


async def test_own_words_are_scored_and_kept(open_app):
    """What would this model have thought of this text? One prefill, and it is known from then on."""
    async with open_app() as person:
        await ask(person, "The cat sat on the mat.")
        await person.press("shift+up", "up")
        await look(person, "l")
        own = reading(person).message
        assert own.text == "The cat sat on the mat."
        assert "".join(one.text for one in reading(person).trace) == own.text
        assert (await person.kept()).tree[own.id].provenance.perplexity == pytest.approx(
            reading(person).perplexity
        )
        await person.press("1", "enter")
        assert person.idle  # only a reply can be forked
        await person.press("down")
        await person.until(lambda: reading(person).message is not own, 120)
        await person.press("escape")
        assert person.screen.page.transcript.cursor == reading_key(person)


def reading_key(person):
    return person.chat.session.tree.tip().id


async def test_scoring_can_be_called_off(open_app, monkeypatch):
    """Esc ends it, leaves everything as it was, and it can be asked for again."""
    async with open_app() as person:
        await ask(person, "Hello")

        async def never(_chat, _message, progress):
            progress(Prefill(id=1, done=3, total=9, kept=0))
            await asyncio.Event().wait()

        with monkeypatch.context() as held:
            held.setattr(lens_view, "score", never)
            await person.press("shift+up", "up", "l")  # own words are never recorded
            await person.until(lambda: person.screen.page.looking_state() is not None)
            await person.until(lambda: person.screen.page.looking_state().facts == ("3 / 9",))
            await person.press("escape")
            await person.until(lambda: reading(person) is None and not person.screen.page.looking)
        await look(person)
        assert reading(person).trace
