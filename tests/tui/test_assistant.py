"""Reminders, notes and memory from the composer: real home, real store, an engine that speaks at a set pace."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from test_main_screen import home, open_app  # noqa: F401  fixtures

from chatapp.agenda.reminder import Plan, utc_now
from chatapp.agenda.zones import local_zone_name, wall_time, zone_named
from chatapp.config import Settings
from chatapp.conversation.message import Role
from chatapp.memory import MemoryFile
from chatapp.store import NotSaved, Store
from chatapp.tui.commands import begun, parse, slip
from chatapp.tui.screens.agenda import AgendaScreen
from chatapp.tui.screens.memory import MemoryScreen
from chatapp.tui.screens.preview import Preview
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.widgets.margin_lines import CommandLines, DueLines


@pytest.fixture(autouse=True)
def _quiet(home):  # noqa: F811
    """No test shows anything on the desktop of whoever runs it."""
    Settings(notifications=False).save(home.settings)


def text_of(widget):
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def reminders(person):
    return [one.text for one in await person.desk.store.agenda.reminders()]


async def say_command(person, text):
    await person.type(text)
    await person.press("enter")


async def preview(person, text):
    await say_command(person, text)
    await person.until(lambda: isinstance(person.app.screen, Preview))
    person.app.screen._clock = lambda: 1e12  # half a second has passed
    return person.app.screen


# What a slash is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/remind tomorrow at 9 tea", ("remind", "tomorrow at 9 tea")),
        ("/note two\nlines", ("note", "two\nlines")),
        ("/agenda", ("agenda", "")),
        ("/agenda ", ("agenda", "")),
        (" /agenda", None),
        ("/usr/bin/env what is that?", None),
        ("/reminder", None),
        ("what is /remind?", None),
        ("/", None),
    ],
)
def test_a_command_is_a_name_of_ours_at_the_very_beginning(text, command):
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/remnd x", "remind"),
        ("/ag", "agenda"),
        ("/notes", "note"),
        ("/usr", ""),
        ("/etc/passwd", ""),
        (" /remnd", ""),
    ],
)
def test_a_slip_of_the_pen_is_told_from_text(text, name):
    assert slip(text) == name


def test_what_is_begun_offers_names():
    assert [one.name for one in begun("/re")] == ["remind", "remember"]
    assert begun("/remind ") == begun("re") == []


# Reminders ----------------------------------------------------------------------------------------------------


async def test_a_reminder_is_previewed_and_created_only_when_that_is_chosen(open_app):  # noqa: F811
    async with open_app() as person:
        asked = await preview(person, "/remind every first Monday at 9 pay the rent")
        shown = text_of(asked._values)
        for words in ("pay the rent", "Monday", "09:00", local_zone_name(), "every first Monday of the month"):
            assert words in shown
        await person.press("enter")  # the default
        assert await reminders(person) == []
        assert person.draft == "/remind every first Monday at 9 pay the rent"
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Preview))
        person.app.screen._clock = lambda: 1e12
        await person.press("right", "enter")
        await person.until(lambda: not isinstance(person.app.screen, Preview))
        await person.until(lambda: person.draft == "")
        assert await reminders(person) == ["pay the rent"]
        assert len(person.chat.session.tree) == 0


async def test_a_held_enter_answers_nothing(open_app):  # noqa: F811
    async with open_app() as person:
        asked = await preview(person, "/remind tomorrow at 9 tea")
        asked._clock = lambda: asked._asked + 0.49
        await person.press("right", *["enter"] * 20)
        assert person.app.screen is asked
        await person.press("escape")
        assert await reminders(person) == []


async def test_nothing_can_be_confirmed_before_all_of_it_was_seen(open_app):  # noqa: F811
    async with open_app(size=(40, 12)) as person:
        asked = await preview(person, f"/remind tomorrow at 9 {'word ' * 99}")
        await person.press("right", "enter")
        await person.until(lambda: person.app.screen is not asked)
        assert await reminders(person) == []
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Preview))
        person.app.screen._clock = lambda: 1e12
        await person.press(*["down"] * 40, "right", "enter")
        for _ in range(500):
            if len(await reminders(person)) == 1:
                break
            await asyncio.sleep(0.02)
        assert len(await reminders(person)) == 1


@pytest.mark.parametrize("text", ["/remind tea", "/remind", "/remnd tomorrow at 9 tea"])
async def test_what_is_not_understood_stays_in_the_composer(open_app, text):  # noqa: F811
    async with open_app() as person:
        await say_command(person, text)
        await person.until(lambda: person.draft.strip() == text)
        assert len(person.chat.session.tree) == 0


async def test_what_our_own_reading_misses_the_model_puts_into_words(open_app, monkeypatch):  # noqa: F811
    monkeypatch.setattr("test_main_screen.REPLY", '{"when": "every Monday at 8:00", "what": "put the bins out"}')
    async with open_app() as person:
        asked = await preview(person, "/remind dustmen come at the start of the week")
        shown = text_of(asked._values)
        assert "every week on Monday" in shown
        assert "The model put this into words" in shown
        await person.press("enter")
        assert await reminders(person) == []
        assert person.draft == "/remind dustmen come at the start of the week"


async def test_what_the_model_misses_too_stays_in_the_composer(open_app):  # noqa: F811
    async with open_app() as person:
        await say_command(person, "/remind dustmen come at some time")
        await person.until(lambda: person.draft == "/remind dustmen come at some time")
        assert not isinstance(person.app.screen, Preview)


async def test_other_text_with_a_slash_is_sent(open_app):  # noqa: F811
    async with open_app() as person:
        await person.ask("/usr/bin/env what is that?")
        assert person.chat.session.tree.path()[0].text == "/usr/bin/env what is that?"


async def test_tab_takes_the_command_that_is_begun(open_app):  # noqa: F811
    async with open_app() as person:
        await person.type("/rem")
        assert "/remind when and what" in text_of(person.screen.query_one(CommandLines))
        await person.press("tab")
        assert person.draft == "/remind "
        assert person.screen.query_one(CommandLines).size.height == 0


async def test_temporary_nothing_is_kept(open_app):  # noqa: F811
    async with open_app(temporary=True) as person:
        await say_command(person, "/remind tomorrow at 9 tea")
        await person.until(lambda: person.draft == "/remind tomorrow at 9 tea")
        await person.press("f9")
        assert not isinstance(person.app.screen, AgendaScreen)
        assert await reminders(person) == []


# The agenda ---------------------------------------------------------------------------------------------------


async def fill(home, *texts):  # noqa: F811
    """Reminders that are due, in a store that no app has open."""
    store = await Store.open(home.database)
    start = wall_time(utc_now(), zone_named(local_zone_name())) - timedelta(hours=1)
    for text in texts:
        await store.agenda.add(Plan(text=text, start=start, zone=local_zone_name()))
    await store.close()


async def test_what_is_due_is_said_on_the_page_and_dealt_with_on_the_agenda(home, open_app):  # noqa: F811
    await fill(home, "call the landlord", "buy [b]milk[/b] \x1b[2J")
    async with open_app() as person:
        due = person.screen.query_one(DueLines)
        await person.until(lambda: "call the landlord" in text_of(due))
        assert "[b]milk[/b]" in text_of(due)
        assert "\x1b" not in text_of(due)
        await person.until(lambda: "2 due" in person.screen.query_one("#status").state.facts)
        await person.press("f9")
        await person.until(lambda: isinstance(person.app.screen, AgendaScreen) and person.app.screen.ledger.rows)
        ledger = person.app.screen.ledger
        await person.press("space")
        await person.until(lambda: len(ledger.rows) == 1)
        await person.press("u")
        await person.until(lambda: len(ledger.rows) == 2)
        await person.press("space")
        await person.until(lambda: len(ledger.rows) == 1)
        await person.press("s")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, AgendaScreen) and "put off" in text_of(ledger))
        await person.press("escape")
        await person.until(lambda: due.size.height == 0)
        (later, done) = sorted(await person.desk.store.agenda.reminders(), key=lambda one: one.done is not None)
        assert later.snoozed > utc_now() + timedelta(minutes=9)
        assert done.over(utc_now())


async def test_deleted_on_the_agenda_and_brought_back(home, open_app):  # noqa: F811
    await fill(home, "one")
    async with open_app() as person:
        await person.desk.store.agenda.add_note("an idea\nwith more")
        await person.press("f9")
        await person.until(lambda: isinstance(person.app.screen, AgendaScreen) and person.app.screen.ledger.rows)
        await person.press("d")
        await person.until(lambda: len(person.app.screen.ledger.rows) == 1)
        assert await reminders(person) == []
        await person.press("d")
        await person.until(lambda: not person.app.screen.ledger.rows)
        await person.press("u", "u")
        await person.until(lambda: len(person.app.screen.ledger.rows) == 2)
        assert await reminders(person) == ["one"]
        await person.press("end", "enter")
        await person.until(lambda: person.draft == "an idea\nwith more")


async def test_a_reminder_is_changed_on_the_agenda_previewed_and_taken_back(home, open_app):  # noqa: F811
    await fill(home, "call the landlord")
    async with open_app() as person:
        await person.press("f9")
        await person.until(lambda: isinstance(person.app.screen, AgendaScreen) and person.app.screen.ledger.rows)
        ledger = person.app.screen.ledger

        async def say_anew(text, *keys):
            await person.press("e")
            await person.until(lambda: isinstance(person.app.screen, Sheet))
            await person.type(text)
            await person.press("enter")
            await person.until(lambda: isinstance(person.app.screen, Preview))
            shown = text_of(person.app.screen._values)
            person.app.screen._clock = lambda: 1e12
            await person.press(*keys)
            await person.until(lambda: isinstance(person.app.screen, AgendaScreen))
            return shown

        shown = await say_anew("every Friday at 17:30", "enter")  # the default
        for words in ("call the landlord", "17:30", "every week on Friday", "was"):
            assert words in shown
        (kept,) = await person.desk.store.agenda.reminders()
        assert kept.plan.rule is None
        await say_anew("every Friday at 17:30", "right", "enter")
        await person.until(lambda: "Changed." in text_of(ledger))
        (kept,) = await person.desk.store.agenda.reminders()
        assert (kept.text, kept.plan.start.hour, kept.plan.rule.weekdays) == ("call the landlord", 17, (4,))
        await person.press("u")
        await person.until(lambda: "Undone." in text_of(ledger))
        assert (await person.desk.store.agenda.reminders())[0].plan.rule is None


async def test_the_day_goes_into_the_conversation(home, open_app):  # noqa: F811
    await fill(home, "call the landlord")
    async with open_app() as person:
        await say_command(person, "/agenda")
        await person.until(lambda: isinstance(person.app.screen, AgendaScreen) and person.app.screen.ledger.rows)
        await person.press("c")
        await person.until(lambda: "call the landlord" in person.draft)


async def test_what_one_app_tells_no_other_tells(home, open_app):  # noqa: F811
    await fill(home, "once")
    store = await Store.open(home.database)
    assert len(await store.agenda.claim_due(utc_now())) == 1
    await store.close()
    async with open_app() as person:
        await person.screen.assistant.look_for_due()
        assert person.screen.query_one(DueLines).size.height == 0


# Notes and memory ---------------------------------------------------------------------------------------------


async def test_a_note_is_kept_and_taken_into_the_conversation(open_app):  # noqa: F811
    async with open_app() as person:
        await say_command(person, "/note the ferry leaves at 8")
        await person.until(lambda: person.draft == "")
        await say_command(person, "/note")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("enter")
        await person.until(lambda: person.draft == "the ferry leaves at 8")


async def test_remembered_it_is_told_to_the_next_session_and_can_be_taken_from_it(home, open_app):  # noqa: F811
    async with open_app() as person:
        await say_command(person, "/remember The landlord is Ms Okafor.")
        await person.until(home.memory.exists)
        await person.press("ctrl+n")
        await person.until(lambda: person.chat.session.persona.known == ("The landlord is Ms Okafor.",))
        await say_command(person, "/memory")
        await person.until(lambda: isinstance(person.app.screen, MemoryScreen) and person.app.screen.ledger.rows)
        await person.until(lambda: "tokens" in person.app.screen.ledger.rows[0].right)
        await person.press("space")
        await person.until(lambda: person.chat.session.persona.known == ())
        await person.press("u")
        await person.until(lambda: len(person.chat.session.persona.known) == 1)
        await person.press("d")
        await person.until(lambda: MemoryFile(home.memory).entries() == [])
        assert person.chat.session.persona.known == ()
        await person.press("u")
        await person.until(lambda: len(MemoryFile(home.memory).entries()) == 1)


async def test_a_key_on_a_message_brings_it_to_be_remembered(home, open_app):  # noqa: F811
    async with open_app() as person:
        await person.ask("My landlord is\nMs Okafor.")
        await person.press("shift+up", "up", "m")
        assert person.draft == "/remember My landlord is Ms Okafor."
        await person.press("enter")
        await person.until(home.memory.exists)
        (entry,) = MemoryFile(home.memory).entries()
        assert (entry.text, entry.source) == ("My landlord is Ms Okafor.", "you, in “My landlord is”")
        assert [one.role for one in person.chat.session.tree.path()] == [Role.USER, Role.ASSISTANT]


async def test_a_reminder_that_was_not_answered_is_the_draft_of_the_next_start(open_app):  # noqa: F811
    """Whoever quits while the dialog asks finds the command in the composer; once answered it is gone."""
    async with open_app() as person:
        await preview(person, "/remind tomorrow at 9 call mum")
        await person.press("ctrl+q")
    async with open_app(continue_newest=True) as person:
        assert (person.draft, await reminders(person)) == ("/remind tomorrow at 9 call mum", [])
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Preview))
        person.app.screen._clock = lambda: 1e12
        await person.press("right", "enter")
        await person.until(lambda: not person.desk.unsent.asking)
    async with open_app(continue_newest=True) as person:
        assert (person.draft, await reminders(person)) == ("", ["call mum"])


async def test_what_the_disk_refuses_to_note_is_in_the_composer_again(open_app, monkeypatch):  # noqa: F811
    async with open_app() as person:

        async def refuse(_text):
            raise NotSaved("The disk is full.")

        monkeypatch.setattr(person.desk.store.agenda, "add_note", refuse)
        await say_command(person, "/note milk")
        await person.until(lambda: person.draft == "/note milk")


async def test_a_command_is_not_counted_as_tokens_of_the_prompt(open_app):  # noqa: F811
    """It never reaches the model; text does."""
    async with open_app() as person:

        def counted():
            prompt = person.screen.page._prompt
            return prompt.plan.draft if prompt else 0

        await person.type("water the plants")
        await person.until(lambda: counted() > 0)
        person.screen.page.composer.write("/remind tomorrow at 9 water the plants")
        await person.until(lambda: counted() == 0)
