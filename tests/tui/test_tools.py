"""Tools in the app: switched on, a call on the page, a reminder that the model proposes, confirmed or not."""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from person import Person

from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.screens import preview
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.preview import Preview
from chatapp.tui.start import Start

PATIENCE = 60
"""Seconds: other tests may run on the same machine."""
WORKER = Path(__file__).parents[1] / "calls" / "calling_worker.py"


def call(name, **arguments):
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Opens the app with a model that says these replies."""

    @asynccontextmanager
    async def start(*replies):
        (tmp_path / "script.json").write_text(json.dumps(replies))
        command = [sys.executable, "-P", str(WORKER), str(tmp_path / "script.json")]
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=command))
        monkeypatch.setattr(preview, "GUARD_SECONDS", 0)
        paths = Paths.default(tmp_path / "home")
        paths.create()
        app = ChatApp(paths, Start())
        async with app.run_test(size=(100, 40)) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.furnished.is_set())
            await person.until(lambda: person.desk.model.ready)
            try:
                yield person
            finally:
                await app.action_leave()

    return start


async def switched_on(person):
    await person.type("/tools on")
    await person.until(lambda: person.draft == "/tools on", PATIENCE)
    await person.press("enter")
    await person.until(lambda: person.chat.session.persona.tools, PATIENCE)


def shown(person):
    column = person.screen.page.transcript.column
    rows = [row for slot in range(1, column.last + 1) for row in column.rows(slot)]
    return ["".join(text for text, *_ in row.line) for row in rows]


async def test_a_call_is_a_quiet_line_that_unfolds(open_app):
    async with open_app(f"Let me see. {call('calculator', expression='12% of 340')}", "It is 40.8.") as person:
        await switched_on(person)
        await person.say("What is 12% of 340?")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3, PATIENCE)
        page = "\n".join(shown(person))
        assert "Let me see." in page
        assert "calculator   expression: 12% of 340  → 40.8" in page
        assert "It is 40.8." in page
        assert "tool_call" not in page
        view = person.screen.page.transcript.column.view(2)
        assert view.folds
        view.toggle()
        assert "  40.8" in shown(person)


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_reminder_that_the_model_proposes_is_there_only_when_it_was_confirmed(open_app, agreed):
    asked = call("add_reminder", when="tomorrow at 9:00", text="call the landlord")
    async with open_app(asked, "Well.") as person:
        await switched_on(person)
        await person.say("Remind me")
        await person.until(lambda: isinstance(person.app.screen, Preview), PATIENCE)
        assert await person.desk.store.agenda.reminders() == []
        await person.press(*(["right", "enter"] if agreed else ["enter"]))
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 3, PATIENCE)
        kept = [one.text for one in await person.desk.store.agenda.reminders()]
        assert kept == (["call the landlord"] if agreed else [])


async def test_esc_declines_and_tools_are_off_until_they_are_wished_for(open_app):
    async with open_app("Hello.", call("remember", fact="has a cat"), "Well.") as person:
        await person.say("Hi")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 2, PATIENCE)
        await switched_on(person)
        await person.say("I have a cat")
        await person.until(lambda: isinstance(person.app.screen, Preview), PATIENCE)
        await person.press("escape")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 5, PATIENCE)
        assert person.screen.home.memory.entries() == []
        kept = await person.desk.store.session(person.chat.session.uid)
        assert kept.persona.tools
