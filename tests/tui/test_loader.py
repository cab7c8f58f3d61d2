"""The model on the desk: another beside it, loads that fail or are called off, restarts after a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chatapp.config import Settings
from chatapp.engine import restarts
from chatapp.engine.catalog import ModelFile
from chatapp.engine.client import Engine
from chatapp.home import Home
from chatapp.paths import Paths
from chatapp.tui.loader import Loader

SCRIPT = Path(__file__).parents[1] / "engine" / "scripted_worker.py"


def model(name):
    return ModelFile(name, Path(f"/models/{name}"), 1, "none", "F16", 64, "given")


class Desk:
    """Remembers what the loader asks of it."""

    def __init__(self):
        self.used = []
        self.troubles = []

    async def make_room(self):
        pass

    async def use(self, file):
        self.used.append(file.name)

    def tell_trouble(self, sentence):
        self.troubles.append(sentence)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
async def engine():
    engine = Engine(command=(sys.executable, "-P", str(SCRIPT), "sound"))
    yield engine
    await engine.close()


@pytest.fixture
async def loader(engine, desk, tmp_path):
    loader = Loader(engine, Home(Paths.default(tmp_path), Settings()), desk, lambda: None)
    yield loader
    await loader.close()


async def until(true):
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def loaded(loader, name):
    loader.load(model(name))
    await until(lambda: loader.state.ready)


async def crash(loader, engine):
    pid = engine.pid
    os.kill(pid, signal.SIGSEGV)
    await until(lambda: engine.pid != pid and not loader.loading)


async def test_a_model_is_used_once_it_is_loaded(loader, desk, engine):
    await loaded(loader, "one")
    assert engine.options.path == "/models/one"
    assert desk.used == ["one"]


@pytest.mark.parametrize("name", ["refused", "crashed"])
async def test_a_model_that_cannot_be_loaded_leaves_the_one_before(loader, desk, engine, name):
    await loaded(loader, "one")
    loader.load(model(name))
    assert not loader.state.ready
    await until(lambda: loader.state.ready)
    assert loader.state.file.name == "one"
    assert engine.options.path == "/models/one"
    assert desk.troubles[0].endswith("one stays.")


async def test_where_memory_is_short_the_model_before_is_closed_first(loader, desk, engine, monkeypatch):
    await loaded(loader, "one")
    monkeypatch.setattr("chatapp.engine.client._fits", lambda _options: False)
    loader.load(model("refused"))
    await until(lambda: loader.state.problem)
    assert desk.troubles == ["Memory is short for two models: one is closed first.", "The file is broken."]
    assert engine.pid is None
    await loaded(loader, "two")
    assert engine.options.path == "/models/two"


async def test_with_none_before_it_a_model_that_cannot_be_loaded_is_the_problem(loader, desk):
    loader.load(model("refused"))
    await until(lambda: loader.state.problem)
    assert loader.state.problem == "The file is broken."
    assert not loader.state.ready


async def test_a_load_that_is_called_off_goes_back_to_the_model_before(loader, desk, engine):
    await loaded(loader, "one")
    pid = engine.pid
    loader.load(model("cancelled"))
    await until(lambda: loader.state.step == "weights")
    assert loader.call_off()
    await until(lambda: loader.state.ready)
    assert (loader.state.file.name, engine.pid) == ("one", pid)
    assert desk.troubles == []
    assert not loader.call_off()


async def test_a_load_that_is_called_off_with_none_before_it_can_be_tried_again(loader):
    loader.load(model("cancelled"))
    await until(lambda: loader.state.step == "weights")
    loader.call_off()
    await until(lambda: loader.state.problem)
    assert loader.again()
    assert loader.loading


async def test_choosing_another_model_calls_the_load_off(loader, engine):
    await loaded(loader, "one")
    loader.load(model("cancelled"))
    await until(lambda: loader.state.step == "weights")
    await loaded(loader, "two")
    assert engine.options.path == "/models/two"


async def test_an_engine_that_died_is_started_again_three_times_and_then_asked_for(loader, desk, engine):
    await loaded(loader, "one")
    for _ in range(restarts.LIMIT):
        await crash(loader, engine)
        await until(lambda: loader.state.ready)
    await crash(loader, engine)
    assert loader.state.problem.startswith(
        "The engine has stopped 4 times in 5 minutes. The engine stopped: it crashed"
    )
    assert engine.pid is None
    assert loader.again()
    await until(lambda: loader.state.ready)
    await crash(loader, engine)
    await until(lambda: loader.state.ready)  # who asks for it gets three more


async def test_a_restart_that_dies_too_counts_as_one(loader, engine, monkeypatch):
    await loaded(loader, "one")
    monkeypatch.setattr(engine, "_command", (sys.executable, "-P", str(SCRIPT), "crash_at_load"))
    os.kill(engine.pid, signal.SIGKILL)
    await until(lambda: loader.state.problem)
    assert loader.state.died
    assert not loader._restarts.allow()


async def test_crashes_are_forgotten_after_five_minutes(monkeypatch):
    now = 0.0
    monkeypatch.setattr(restarts.time, "monotonic", lambda: now)
    allowed = restarts.Restarts()
    assert [allowed.allow() for _ in range(4)] == [True, True, True, False]
    now = restarts.WINDOW_SECONDS - 1
    assert not allowed.allow()
    now = restarts.WINDOW_SECONDS
    assert [allowed.allow() for _ in range(4)] == [True, True, True, False]


async def test_an_engine_that_dies_while_another_loads_is_not_gone_back_to(loader, desk, engine):
    await loaded(loader, "one")
    loader.load(model("cancelled"))
    await until(lambda: loader.state.step == "weights")
    os.kill(engine.pid, signal.SIGKILL)
    await until(lambda: not engine.alive)
    loader.call_off()
    await until(lambda: loader.state.problem)
    assert not loader.state.ready
