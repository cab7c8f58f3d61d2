"""The real engine in its process: that it serves, that the app outlives it, that it never outlives the app."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import chatapp
from chatapp.conversation.message import Role, StopReason
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.embedded import embedded_model
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Tokens
from chatapp.text import repair

OPTIONS = ModelOptions(path=str(embedded_model()), n_ctx=512, n_threads=1)
STORY = (Turn(role=Role.USER, content="Tell me a very long story about the sea."),)
GREEDY = SamplingSettings(temperature=0, max_tokens=400)

APP = """
import asyncio
from test_process import OPTIONS, STORY, GREEDY, Engine, Tokens

async def main():
    engine = Engine()
    await engine.load(OPTIONS)
    async for event in engine.generate(STORY, GREEDY, seed=1):
        if isinstance(event, Tokens):
            print(engine.pid, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def engine(tmp_path):
    engine = Engine(log=tmp_path / "engine.log")
    await engine.load(OPTIONS)
    yield engine
    await engine.close()


async def tokens(engine, count):
    """So many token events of a reply that goes on; the iterator is left to the caller to finish."""
    events = engine.generate(STORY, GREEDY, seed=1)
    seen = 0
    async for event in events:
        seen += isinstance(event, Tokens)
        if seen == count:
            break
    return events


def gone(pid, within):
    deadline = time.monotonic() + within
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def test_a_reply_ends_and_its_tokens_are_counted(engine):
    short = GREEDY.model_copy(update={"max_tokens": 12})
    events = [event async for event in engine.generate(STORY, short, seed=1)]
    ids = [i for event in events if isinstance(event, Tokens) for i in event.token_ids]
    assert events[-1].stop_reason is StopReason.MAX_TOKENS
    assert events[-1].generated_tokens == len(ids) == 12
    assert events[-1].prompt_tokens == await engine.prompts.count(STORY)


async def test_a_stopped_reply_says_so_and_the_next_one_is_whole(engine):
    events = await tokens(engine, 3)
    engine.cancel()
    assert [event async for event in events][-1].stop_reason is StopReason.CANCELLED
    await (await tokens(engine, 2)).aclose()
    assert engine.alive


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_an_engine_killed_in_mid_reply_is_noticed_at_once_and_replaced(engine, number):
    events = await tokens(engine, random.randint(1, 10))
    started = time.monotonic()
    os.kill(engine.pid, number)
    with pytest.raises(EngineDied):
        async for _ in events:
            pass
    assert time.monotonic() - started < 2
    await engine.ensure(OPTIONS)
    await (await tokens(engine, 2)).aclose()


async def test_a_file_that_is_no_model_is_an_error_and_not_a_death(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(1000))
    engine = Engine()
    with pytest.raises(EngineError) as caught:
        await engine.load(ModelOptions(path=str(path)))
    assert caught.value.reason == "load"
    assert str(caught.value) == repair(str(caught.value))
    await engine.close()


async def test_modules_in_the_current_folder_do_not_shadow_the_engines(tmp_path, monkeypatch):
    for name in ("json", "struct", "numpy", "chatapp"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    engine = Engine()
    await engine.load(OPTIONS)
    await engine.close()


async def test_an_engine_leaves_by_itself_although_another_was_started_after_it(engine):
    """The other must not have inherited the pipe whose end is the sign to leave."""
    other = Engine()
    await other.load(OPTIONS)
    started = time.monotonic()
    await engine.close()
    assert time.monotonic() - started < 0.9
    await other.close()


@pytest.mark.parametrize("moment", ["in a reply", "while loading"])
def test_an_engine_does_not_outlive_an_app_that_was_killed(moment):
    paths = (Path(__file__).parent, Path(chatapp.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    app = subprocess.Popen([sys.executable, "-c", APP], stdout=subprocess.PIPE, env=environment)
    try:
        pid = int(app.stdout.readline()) if moment == "in a reply" else _child_of(app.pid)
    finally:
        app.kill()
        app.wait()
        app.stdout.close()
    assert gone(pid, within=2)


def _child_of(pid):
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return children[0].pid


def test_nothing_is_left_waiting_when_the_loop_ends_in_mid_reply():
    async def leave():
        engine = Engine()
        await engine.load(OPTIONS)
        await tokens(engine, 1)
        pid = engine.pid
        await engine.close()
        return pid

    assert gone(asyncio.run(leave()), within=1)
