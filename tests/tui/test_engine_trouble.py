"""What the screen says, and which keys help, when a load is stopped or the engine dies too often."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from person import Person

from chatapp.engine import restarts
from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start
from chatapp.tui.widgets.status import StatusLine

SCRIPT = Path(__file__).parents[1] / "engine" / "scripted_worker.py"


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Opens the app with a scripted engine that has one fault."""

    @asynccontextmanager
    async def start(mode):
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=[sys.executable, "-P", str(SCRIPT), mode]))
        paths = Paths.default(tmp_path / "home")
        paths.create()
        app = ChatApp(paths, Start())
        async with app.run_test(size=(100, 30)) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.furnished.is_set())
            try:
                yield person
            finally:
                await app.action_leave()

    return start


def status(person):
    return person.screen.query_one(StatusLine).state


async def test_esc_stops_a_load_and_ctrl_r_tries_again(open_app):
    """What was written meanwhile still waits."""
    async with open_app("slow_load") as person:
        await person.until(lambda: person.desk.model.step == "weights")
        await person.say("wait for it")
        assert ("esc", "stop") in status(person).keys
        await person.press("escape")
        await person.until(lambda: person.desk.model.problem)
        await person.until(lambda: status(person).facts[:1] == ("loading was stopped",))
        assert ("ctrl+r", "try again") in status(person).keys
        assert person.desk.unsent.of(person.chat) == ["wait for it"]
        await person.press("ctrl+r")
        await person.until(lambda: person.desk.model.step == "weights")
        assert person.desk.loader.loading


async def test_after_three_restarts_the_app_asks_and_ctrl_r_starts_another(open_app):
    async with open_app("sound") as person:
        await person.until(lambda: person.desk.model.ready)
        for _ in range(restarts.LIMIT + 1):
            pid = person.desk.engine.pid
            os.kill(pid, signal.SIGKILL)
            await person.until(lambda pid=pid: person.desk.engine.pid != pid and not person.desk.loader.loading)
        await person.until(lambda: status(person).facts == ("4 times in 5 minutes",))
        assert status(person).word == "engine stopped"
        assert status(person).keys[0] == ("ctrl+r", "try again")
        await person.say("wait for it")
        await person.press("ctrl+r")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 2)
