"""Which silences the watchdog forgives, and which not; ticks are let pass by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from chatapp.engine.protocol import Pulse
from chatapp.engine.watchdog import SILENT_TICKS, STALLED_TICKS, STOPPED_TICKS, Watchdog, held_by_system


def verdicts(watchdog, ticks):
    return [verdict for _ in range(ticks) if (verdict := watchdog.tick())]


def answering(watchdog, ticks, beats, *, busy=True):
    """A process that answers every ping; its count grows as `beats` says."""
    found = []
    for tick in range(ticks):
        watchdog.heard()
        watchdog.felt(Pulse(beats=beats(tick), busy=busy))
        found += verdicts(watchdog, 1)
    return found


@pytest.mark.parametrize(
    ("beats", "busy", "ends"),
    [
        pytest.param(lambda tick: tick, True, False, id="a long prefill, or a long reply"),
        pytest.param(lambda tick: tick // (STALLED_TICKS - 10), True, False, id="a token in two minutes"),
        pytest.param(lambda _tick: 7, False, False, id="idle, or loading"),
        pytest.param(lambda _tick: 7, True, True, id="a reply that does not move"),
    ],
)
def test_an_engine_that_answers_is_ended_only_when_its_reply_stands_still(beats, busy, ends):
    found = answering(Watchdog(lambda: False), 3 * STALLED_TICKS, beats, busy=busy)
    assert any("no progress" in verdict for verdict in found) == ends


def test_an_engine_that_falls_silent_is_ended():
    watchdog = Watchdog(lambda: False)
    watchdog.heard()
    assert verdicts(watchdog, SILENT_TICKS - 1) == []
    assert "did not answer" in watchdog.tick()


def test_any_word_of_an_engine_is_a_sign_of_life():
    watchdog = Watchdog(lambda: False)
    for _ in range(5):
        watchdog.heard()
        assert verdicts(watchdog, SILENT_TICKS - 1) == []


def test_before_its_first_word_an_engine_may_take_its_time():
    assert verdicts(Watchdog(lambda: False), 10 * SILENT_TICKS) == []


def test_an_engine_that_the_system_holds_is_ended_soon_unless_it_is_let_go():
    held = True
    watchdog = Watchdog(lambda: held)
    assert verdicts(watchdog, STOPPED_TICKS - 1) == []
    held = False
    assert verdicts(watchdog, 1) == []
    held = True
    assert verdicts(watchdog, STOPPED_TICKS - 1) == []
    assert "stopped from outside" in watchdog.tick()


def test_a_reply_that_ended_is_not_counted_against_the_next():
    watchdog = Watchdog(lambda: False)
    for _ in range(4):
        assert answering(watchdog, STALLED_TICKS - 1, lambda _tick: 7) == []
        assert answering(watchdog, 1, lambda _tick: 7, busy=False) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_system_tells_whether_it_holds_a_process():
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert not held_by_system(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        while not held_by_system(process.pid):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGCONT)
        while held_by_system(process.pid):
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert not held_by_system(process.pid)
