"""The real app and the real model, whose engine is killed or stopped at a random moment, over and over.

Ten deaths here; `CHATAPP_FAULTS=full` takes a hundred.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))

from person import Person

from chatapp.conversation.message import Status
from chatapp.engine import restarts
from chatapp.paths import Paths
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
DEATHS = 100 if FULL else 10
STOPS = 20 if FULL else 1
SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL)
STORY = "Write a very long story about a lighthouse keeper and the sea."
PATIENCE = 60

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals and /proc"),
    pytest.mark.timeout(1800 if FULL else 240),
]


@asynccontextmanager
async def the_app(tmp_path, monkeypatch):
    monkeypatch.setattr(restarts, "LIMIT", 10**6)
    paths = Paths.default(tmp_path)
    paths.create()
    app = ChatApp(paths, Start())
    async with app.run_test(size=(100, 30)) as pilot:
        person = Person(app, pilot)
        await person.until(
            lambda: isinstance(app.screen, MainScreen) and app.screen.desk.chat is not None, PATIENCE
        )
        await person.until(lambda: person.desk.model.ready, PATIENCE)
        try:
            yield person
        finally:
            await app.action_leave()


async def streaming(person, tokens):
    """A reply that has come so far."""
    await person.press("ctrl+n")
    await person.say(STORY)
    await person.until(lambda: person.chat.streaming and len(person.chat.streaming.token_ids) >= tokens, PATIENCE)
    return person.chat.streaming


async def test_an_engine_that_dies_in_mid_token_costs_neither_the_app_nor_a_word(tmp_path, monkeypatch, capsys):
    """SEGV, ABRT and KILL in turn: what was said is in the store, a new engine comes, the next reply works."""
    dice = random.Random(1)
    took = []
    async with the_app(tmp_path, monkeypatch) as person:
        for number in itertools.islice(itertools.cycle(SIGNALS), DEATHS):
            wanted = dice.randint(1, 12)
            reply = await streaming(person, wanted)
            pid = person.desk.engine.pid
            os.kill(pid, number)
            died = time.monotonic()
            await person.until(lambda: not person.desk.turns.busy, PATIENCE)
            assert reply.status is Status.ERROR
            stored = (await person.kept()).tree[reply.id]
            assert (stored.status, stored.text, stored.token_ids) == (Status.ERROR, reply.text, reply.token_ids)
            assert len(stored.token_ids) >= wanted
            await person.until(lambda: person.desk.model.ready, PATIENCE)
            took.append(time.monotonic() - died)
            assert person.desk.engine.pid != pid
        await person.press("ctrl+n")
        person.chat.session.overrides = {"max_tokens": 8}
        await person.ask("Say hello.")
        assert person.chat.session.tree.tip().status in {Status.COMPLETE, Status.STOPPED}
    tell(capsys, f"{DEATHS} deaths, a new engine after {summary(took)}")


async def test_an_engine_that_stands_still_is_stopped_without_and_replaced(tmp_path, monkeypatch, capsys):
    """SIGSTOP in mid-reply, then Esc: the reply is kept at once, a new engine answers the next message."""
    stopped, replaced = [], []
    async with the_app(tmp_path, monkeypatch) as person:
        for _ in range(STOPS):
            reply = await streaming(person, 3)
            pid = person.desk.engine.pid
            os.kill(pid, signal.SIGSTOP)
            held = time.monotonic()
            await person.press("escape")
            asked = time.monotonic()
            while person.desk.turns.busy:  # noqa: ASYNC110  closer to the moment than an event would be
                await asyncio.sleep(0.005)
            stopped.append(time.monotonic() - asked)
            assert reply.status is Status.STOPPED
            stored = (await person.kept()).tree[reply.id]
            assert (stored.status, stored.token_ids) == (Status.STOPPED, reply.token_ids)
            await person.until(partial(replaced_by_another, person, pid), PATIENCE)
            replaced.append(time.monotonic() - held)
    kept = f"the reply kept after {summary(stopped)}"
    tell(capsys, f"{STOPS} engines stood still: {kept}, a new one after {summary(replaced)}")


def replaced_by_another(person, pid):
    return person.desk.model.ready and person.desk.engine.pid not in {pid, None}


def summary(seconds):
    seconds = sorted(seconds)
    return f"{seconds[len(seconds) // 2]:.2f} s (at most {seconds[-1]:.2f} s)"


def tell(capsys, sentence):
    if FULL:
        with capsys.disabled():
            print(f"\n{sentence}")
