"""The app's side of the engine, against a scripted worker with one fault at a time."""

import asyncio
import contextlib
import itertools
import logging
import os
import re
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from chatapp.conversation.message import Role, StopReason
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine import link, watchdog
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Loading, Prefill, Tokens

SCRIPT = Path(__file__).with_name("scripted_worker.py")
HELLO = (Turn(role=Role.USER, content="Hello"),)
SETTINGS = SamplingSettings()
OPTIONS = ModelOptions(path="some.gguf")


@contextlib.asynccontextmanager
async def scripted(mode, *, loaded=True, log=None):
    engine = Engine(log=log, command=(sys.executable, "-P", str(SCRIPT), mode))
    try:
        if loaded:
            await engine.load(OPTIONS)
        yield engine
    finally:
        await engine.close()


async def reply(engine):
    return [event async for event in engine.generate(HELLO, SETTINGS, seed=1)]


async def first_token(events):
    return await anext(event async for event in events if isinstance(event, Tokens))


async def gone(pid, within):
    deadline = time.monotonic() + within
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def wait_until(true):
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


@pytest.fixture
def quick_ticks(monkeypatch):
    """Half a second, and one and a half, where people have 2.5 and 20."""
    monkeypatch.setattr(watchdog, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(link, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(watchdog, "SILENT_TICKS", 15)


# A sound engine ---------------------------------------------------------------------------------------------


async def test_load_reports_progress_and_tells_what_was_loaded():
    async with scripted("sound", loaded=False) as engine:
        assert not engine.alive
        steps = []
        info = await engine.load(OPTIONS, steps.append)
        assert [type(step) for step in steps] == [Loading]
        assert engine.info is info
        assert info.path == "some.gguf"
        assert engine.alive
        assert engine.options == OPTIONS


async def test_what_happens_to_the_process_is_in_the_log_with_how_long_it_took(caplog):
    """So that a start that took long can be explained afterwards."""
    caplog.set_level(logging.INFO, "chatapp")
    async with scripted("sound") as engine:
        pid = engine.pid
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == f"engine {pid}: started"
    assert re.fullmatch(rf"engine {pid}: ready after \d+\.\d s \(\w+ at \d+\.\d s\)", told[1])
    assert told[2].startswith(f"engine {pid}: ended. ")


async def test_a_reply_is_prefill_then_tokens_then_its_end():
    async with scripted("sound") as engine:
        events = await reply(engine)
        assert isinstance(events[0], Prefill)
        assert "".join(e.text for e in events if isinstance(e, Tokens)).startswith("0 1 2 ")
        assert isinstance(events[-1], Finished)
        assert events[-1].stop_reason is StopReason.END


async def test_ensure_keeps_a_living_engine_and_replaces_one_with_other_options():
    async with scripted("sound") as engine:
        pid = engine.pid
        await engine.ensure(OPTIONS)
        assert engine.pid == pid
        info = await engine.ensure(OPTIONS.model_copy(update={"n_ctx": 128}))
        assert info.n_ctx == 128
        assert engine.pid != pid
        assert not psutil.pid_exists(pid)


async def test_two_ensures_at_once_load_once():
    async with scripted("sound", loaded=False) as engine:
        first, second = await asyncio.gather(engine.ensure(OPTIONS), engine.ensure(OPTIONS))
        assert first is second


async def test_cancel_ends_the_reply_with_a_finished_that_says_so():
    async with scripted("endless") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await first_token(events)
        engine.cancel()
        engine.cancel()
        rest = [event async for event in events]
        assert rest[-1].stop_reason is StopReason.CANCELLED
        assert engine.alive


async def test_a_reader_who_goes_away_stops_the_generation_and_the_next_reply_is_its_own():
    async with scripted("endless") as engine:
        for _ in range(3):
            async with contextlib.aclosing(engine.generate(HELLO, SETTINGS, seed=1)) as events:
                assert (await first_token(events)).text == "0 "


async def test_a_cancelled_reader_stops_the_generation():
    async with scripted("endless") as engine:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reply(engine), 0.1)
        assert await engine.prompts.count(HELLO) == 7
        assert engine.alive


async def test_a_second_reply_waits_for_its_turn():
    async with scripted("sound") as engine:
        first, second = await asyncio.gather(reply(engine), reply(engine))
        assert len({event.id for event in first}) == len({event.id for event in second}) == 1
        assert first[0].id != second[0].id


async def test_tokens_are_counted_while_a_reply_runs():
    async with scripted("endless") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        async with contextlib.aclosing(events):
            await first_token(events)
            assert await asyncio.wait_for(engine.prompts.count(HELLO), 2) == 7


async def test_cancel_and_retune_without_a_reply_do_nothing():
    engine = Engine()
    engine.cancel()
    engine.retune(SETTINGS)
    await engine.close()
    with pytest.raises(EngineDied, match="not running"):
        await reply(engine)


async def test_delivering_a_token_is_cheap():
    """At most 150 microseconds of the app's own time, in the best of four stretches: the machine may be busy."""
    async with scripted("endless") as engine:
        marks = []
        events = engine.generate(HELLO, SETTINGS, seed=1)
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Tokens) and event.token_ids[0] % 100 == 0:
                    marks.append(time.process_time())
                    if len(marks) == 5:
                        break
        assert min(after - before for before, after in itertools.pairwise(marks)) / 100 < 0.000150


async def test_events_of_other_generations_are_dropped():
    async with scripted("old_ids") as engine:
        assert not any(e.text in {"stale", "alien"} for e in await reply(engine) if isinstance(e, Tokens))


# Failures the engine survives -------------------------------------------------------------------------------


async def test_a_refused_model_is_an_error_with_the_engines_sentence_and_leaves_no_process():
    async with scripted("refuse", loaded=False) as engine:
        with pytest.raises(EngineError, match="The file is broken") as caught:
            await engine.load(OPTIONS)
        assert caught.value.reason == "load"
        assert not engine.alive
        assert engine.pid is None


async def test_a_refused_reply_is_an_error_and_the_engine_is_not_killed_for_it(monkeypatch):
    monkeypatch.setattr(link, "CANCEL_SECONDS", 0.1)
    async with scripted("refuse_reply") as engine:
        with pytest.raises(EngineError, match="too long") as caught:
            await reply(engine)
        assert caught.value.reason == "context"
        await asyncio.sleep(0.3)
        assert engine.alive


# Deaths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, r"it was killed \(signal 9\), perhaps because memory ran out"),
        (signal.SIGSEGV, r"it crashed \(segmentation fault\)"),
        (signal.SIGABRT, r"it crashed"),
    ],
)
async def test_a_killed_engine_is_noticed_at_once_and_ensure_starts_another(number, words):
    async with scripted("endless") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await first_token(events)
        started = time.monotonic()
        os.kill(engine.pid, number)
        with pytest.raises(EngineDied, match=words):
            async for _ in events:
                pass
        assert time.monotonic() - started < 2
        assert not engine.alive
        await engine.ensure(OPTIONS)
        assert (await first_token(engine.generate(HELLO, SETTINGS, seed=1))).text == "0 "


async def test_an_engine_that_exits_is_a_death_with_its_last_words():
    async with scripted("exit_3") as engine:
        with pytest.raises(EngineDied, match="exited with status 3") as caught:
            await reply(engine)
        assert caught.value.detail == "out of cheese"
        with pytest.raises(EngineDied, match="status 3"):
            await engine.prompts.count(HELLO)


async def test_a_crash_while_loading_is_a_death():
    async with scripted("crash_at_load", loaded=False) as engine:
        with pytest.raises(EngineDied, match="segmentation fault") as caught:
            await engine.load(OPTIONS)
        assert "about to fall" in caught.value.detail


async def test_a_command_that_is_not_there_is_a_death_with_a_sentence():
    engine = Engine(command=("/nonexistent/engine",))
    with pytest.raises(EngineDied, match="could not be started"):
        await engine.load(OPTIONS)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("garbage", "not a message"),
        ("huge_frame", "not a message"),
        ("unknown_kind", "not a message"),
        ("out_of_place", "out of place"),
        ("mute", "stopped answering"),
    ],
)
async def test_an_engine_that_breaks_the_protocol_is_killed(mode, words):
    async with scripted(mode) as engine:
        pid = engine.pid
        with pytest.raises(EngineDied, match=words):
            await asyncio.wait_for(reply(engine), 5)
        assert await gone(pid, within=2)


async def test_an_engine_that_talks_faster_than_it_is_read_is_killed(monkeypatch):
    monkeypatch.setattr(link, "MAX_BACKLOG", 5_000)
    async with scripted("flood_events") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await first_token(events)
        await asyncio.sleep(1)
        with pytest.raises(EngineDied, match="without end"):
            async for _ in events:
                pass


@pytest.mark.parametrize("mode", ["silent", "deaf"])
async def test_a_reply_ends_without_an_engine_that_does_not_stop_and_that_is_killed(monkeypatch, mode):
    monkeypatch.setattr(link, "CANCEL_SECONDS", 0.5)
    async with scripted(mode) as engine:
        pid = engine.pid
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await anext(events)
        engine.cancel()
        assert not any(isinstance(event, Finished) for event in [event async for event in events])
        assert engine.alive  # the reply did not wait for the verdict
        assert await gone(pid, within=5)
        with pytest.raises(EngineDied, match="did not stop within"):
            await engine.prompts.count(HELLO)


async def test_whoever_asks_again_after_an_unanswered_stop_gets_a_new_engine(monkeypatch):
    monkeypatch.setattr(link, "CANCEL_SECONDS", 0.5)
    async with scripted("silent") as engine:
        pid = engine.pid
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await anext(events)
        engine.cancel()
        assert [event async for event in events] == []
        await engine.ensure(OPTIONS)
        assert engine.alive
        assert engine.pid != pid


async def test_an_engine_that_is_stopped_from_outside_is_noticed_also_while_idle(quick_ticks):
    deaths = []
    async with scripted("sound") as engine:
        engine.on_death = deaths.append
        pid = engine.pid
        os.kill(pid, signal.SIGSTOP)
        assert await gone(pid, within=10)
        await wait_until(lambda: deaths)
        assert "stopped from outside" in str(deaths[0])
        await engine.ensure(OPTIONS)
        assert isinstance((await reply(engine))[-1], Finished)


async def test_a_reply_of_an_engine_that_is_stopped_from_outside_ends_with_a_sentence(quick_ticks):
    async with scripted("endless") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await first_token(events)
        os.kill(engine.pid, signal.SIGSTOP)
        with pytest.raises(EngineDied, match="stopped from outside"):
            async for _ in events:
                pass


async def test_an_engine_that_answers_no_more_is_noticed(quick_ticks):
    async with scripted("silent") as engine:
        with pytest.raises(EngineDied, match="did not answer"):
            await reply(engine)


async def test_a_loop_that_did_not_run_accuses_nobody(quick_ticks):
    """As after Ctrl+Z and fg: the app stood still for many ticks, the engine answers when it is asked."""
    async with scripted("sound") as engine:
        await wait_until(lambda: engine._link._watchdog._speaks)
        for _ in range(3):
            time.sleep(watchdog.TICK_SECONDS * watchdog.SILENT_TICKS * 1.5)  # noqa: ASYNC251  the point of it
            await asyncio.sleep(0)
        assert isinstance((await reply(engine))[-1], Finished)


async def test_a_death_that_was_asked_for_is_not_told():
    deaths = []
    async with scripted("sound") as engine:
        engine.on_death = deaths.append
        await engine.ensure(OPTIONS.model_copy(update={"n_ctx": 128}))
    assert deaths == []


async def test_a_stopped_process_is_killed_after_cancel_also_when_nobody_reads_any_more(monkeypatch):
    monkeypatch.setattr(link, "CANCEL_SECONDS", 0.3)
    async with scripted("endless") as engine:
        pid = engine.pid
        async with contextlib.aclosing(engine.generate(HELLO, SETTINGS, seed=1)) as events:
            await first_token(events)
            os.kill(pid, signal.SIGSTOP)
        assert await gone(pid, within=2)
        assert not engine.alive


async def test_a_prompt_larger_than_the_pipe_does_not_block_the_loop():
    async with scripted("silent") as engine:
        os.kill(engine.pid, signal.SIGSTOP)
        book = (Turn(role=Role.USER, content="word " * 400_000),)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.prompts.count(book), 0.2)
        assert time.monotonic() - started < 1
        await engine.close()
        assert engine.pid is None


async def test_a_cancelled_load_leaves_no_process():
    async with scripted("slow_load", loaded=False) as engine:
        seen = asyncio.Event()
        loading = asyncio.create_task(engine.load(OPTIONS, lambda _: seen.set()))
        await seen.wait()
        (child,) = psutil.Process().children()
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        assert await gone(child.pid, within=1)
        assert not engine.alive


async def test_closing_ends_a_process_that_still_loads():
    async with scripted("slow_load", loaded=False) as engine:
        seen = asyncio.Event()
        loading = asyncio.create_task(engine.load(OPTIONS, lambda _: seen.set()))
        await seen.wait()
        (child,) = psutil.Process().children()
        await engine.close()
        assert await gone(child.pid, within=1)
        with pytest.raises(EngineDied, match="was closed"):
            await loading


@pytest.mark.parametrize("way", ["refused", "crashed", "cancelled"])
async def test_a_load_that_comes_to_nothing_leaves_the_model_before_it(tmp_path, way):
    """The file's name tells the scripted engine what to do with it."""
    async with scripted("sound") as engine:
        pid, before = engine.pid, engine.info
        seen = asyncio.Event()
        other = asyncio.create_task(engine.load(OPTIONS.model_copy(update={"path": way}), lambda _: seen.set()))
        if way == "cancelled":
            await seen.wait()
            other.cancel()
        with pytest.raises((EngineError, EngineDied, asyncio.CancelledError)):
            await other
        assert (engine.pid, engine.info, engine.options) == (pid, before, OPTIONS)
        assert isinstance((await reply(engine))[-1], Finished)


async def test_closing_while_a_reply_runs_ends_it_with_a_sentence():
    async with scripted("endless") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        await first_token(events)
        await engine.close()
        with pytest.raises(EngineDied, match="was closed"):
            async for _ in events:
                pass


async def test_a_cancelled_close_still_ends_a_process_that_hangs():
    async with scripted("sound") as engine:
        pid = engine.pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.close(), 0.1)
        assert await gone(pid, within=1)


@pytest.mark.parametrize("way", ["closed", "crashed"])
async def test_what_the_engine_itself_started_dies_with_it(way):
    async with scripted("grandchild") as engine:
        events = engine.generate(HELLO, SETTINGS, seed=1)
        grandchild = int((await first_token(events)).text)
        if way == "closed":
            await engine.close()
        else:
            os.kill(engine.pid, signal.SIGSEGV)
        assert await gone(grandchild, within=2)
        await events.aclose()


# What it prints ---------------------------------------------------------------------------------------------


async def test_a_flood_on_stderr_blocks_nothing_and_goes_to_a_private_log(tmp_path):
    log = tmp_path / "state" / "engine.log"
    async with scripted("flood_stderr", log=log) as engine:
        events = await asyncio.wait_for(reply(engine), 10)
        assert isinstance(events[-1], Finished)
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineDied) as caught:
            await asyncio.wait_for(engine.prompts.count(HELLO), 5)
    assert caught.value.detail.splitlines()[-1] == "the last line"
    assert len(caught.value.detail.splitlines()) == 20
    assert log.stat().st_mode & 0o777 == 0o600
    assert 2**20 - 100 <= log.stat().st_size <= 2**20


async def test_a_long_log_is_set_aside_at_the_next_start(tmp_path):
    log = tmp_path / "engine.log"
    log.write_bytes(b"x" * (2**20 + 1))
    async with scripted("sound", log=log):
        assert log.stat().st_size == 0
        assert (tmp_path / "engine.log.1").stat().st_size == 2**20 + 1


async def test_a_log_that_cannot_be_written_does_not_stop_the_engine(tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    (tmp_path / "engine.log").symlink_to(target)
    async with scripted("exit_3", log=tmp_path / "engine.log") as engine:
        with pytest.raises(EngineDied) as caught:
            await reply(engine)
        assert "no log is written" in caught.value.detail
    assert target.read_text() == "mine"
