"""The worker as a child process: its descriptors, its requests in any order, its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from worker_turns import user

from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.frames import Unpacker, pack
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import EVENT, Cancel, Count, Generate, Load, Retune

ENDLESS = SamplingSettings(temperature=1.0, max_tokens=None)
PATIENCE = 60


class Worker:
    """A child, spoken to in frames."""

    def __init__(self, log):
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "chatapp.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._unpacker = Unpacker()
        self._events = []

    def send(self, *requests):
        self.process.stdin.write(b"".join(map(pack, requests)))
        self.process.stdin.flush()

    def next(self):
        """The next event, or None at the end; anything but frames on the pipe is an error."""
        while not self._events:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            assert ready, "the worker says nothing"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self._events += [EVENT.validate_json(body) for body in self._unpacker.feed(data)]
        return self._events.pop(0)

    def until(self, *kinds):
        """All events up to the first of these kinds."""
        events = []
        while not events or events[-1].kind not in kinds:
            events.append(self.next())
            assert events[-1] is not None, "the worker has ended"
        return events

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def worker(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        worker = Worker(log)
        yield worker
        worker.end()


@pytest.fixture
def loaded_worker(worker, model_path):
    worker.send(Load(options=ModelOptions(path=model_path, n_ctx=1024, n_threads=1)))
    worker.until("loaded")
    return worker


def ask(number, text="Tell me a long story.", settings=ENDLESS):
    return Generate(id=number, turns=(user(text),), settings=settings, seed=1)


def test_a_load_tells_its_steps_in_order_and_only_frames_leave(worker, model_path, tmp_path):
    worker.send(Load(options=ModelOptions(path=model_path, n_ctx=1024, n_threads=1)))
    *steps, loaded = worker.until("loaded")
    assert [step.step for step in steps] == sorted(
        (step.step for step in steps), key=["mapping", "weights", "warming_up"].index
    )
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    assert loaded.info.name == "SmolLM2 135M Instruct"
    assert 0 < loaded.load_s < PATIENCE


def test_requests_are_answered_whatever_fails_between_them(worker, model_path, tmp_path):
    worker.send(ask(1), Count(id=2, turns=(user("hi"),)))
    assert [(event.kind, event.id, event.reason) for event in (worker.next(), worker.next())] == [
        ("failed", 1, "load"),
        ("failed", 2, "load"),
    ]
    worker.send(Load(options=ModelOptions(path=str(tmp_path / "gone.gguf"))))
    assert "gone.gguf cannot be read" in worker.until("failed")[-1].message
    worker.send(Load(options=ModelOptions(path=model_path, n_ctx=256, n_threads=1)))
    worker.until("loaded")
    worker.send(ask(3, "word " * 400), ask(4, settings=SamplingSettings(max_tokens=2)))
    failed = worker.until("failed")[-1]
    assert (failed.id, failed.reason) == (3, "context")
    finished = worker.until("finished")[-1]
    assert (finished.id, finished.generated_tokens) == (4, 2)


def test_a_running_reply_is_counted_beside_retuned_and_cancelled(loaded_worker):
    loaded_worker.send(ask(1), ask(2, settings=SamplingSettings(max_tokens=3)))
    loaded_worker.until("tokens")
    loaded_worker.send(Count(id=7, turns=(user("hi"),)), Retune(id=1, settings=SamplingSettings(temperature=0.5)))
    assert loaded_worker.until("counted")[-1].tokens > 20
    loaded_worker.until("tokens")
    loaded_worker.until("tokens")
    loaded_worker.send(Cancel(id=1))
    first = loaded_worker.until("finished")[-1]
    assert (first.id, first.stop_reason) == (1, StopReason.CANCELLED)
    assert [segment.settings.temperature for segment in first.segments] == [1.0, 0.5]
    second = loaded_worker.until("finished")[-1]
    assert (second.id, second.generated_tokens) == (2, 3)


@pytest.mark.parametrize("moment", ["idle", "prefill", "tokens"])
def test_the_end_of_the_input_ends_the_worker_at_once(loaded_worker, moment):
    if moment == "prefill":
        loaded_worker.send(ask(1, "word " * 900))
    elif moment == "tokens":
        loaded_worker.send(ask(1))
    if moment != "idle":
        loaded_worker.until(moment)
    started = time.monotonic()
    loaded_worker.process.stdin.close()
    assert loaded_worker.process.wait(PATIENCE) == 0
    assert time.monotonic() - started < 2


def test_what_native_code_prints_lands_in_the_log(worker, tmp_path):
    code = (
        "import os; from chatapp.engine.worker.process import isolate; frames = isolate();"
        "os.write(1, b'printed'); os.write(frames, b'framed')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr) == (b"framed", b"printed")


def test_ctrl_c_is_the_apps_to_answer(loaded_worker):
    loaded_worker.process.send_signal(signal.SIGINT)
    loaded_worker.send(Count(id=1, turns=(user("hi"),)))
    assert loaded_worker.until("counted")[-1].tokens > 20


def test_what_is_no_request_ends_the_worker_without_printing_it(worker, tmp_path):
    worker.process.stdin.write(b"\0\0\0\7secret!")
    worker.process.stdin.flush()
    assert worker.next() is None
    assert worker.process.wait(PATIENCE) == 1
    assert "secret" not in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="death notices are Linux's")
def test_the_worker_dies_with_its_parent_though_its_input_stays_open():
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'chatapp.engine.worker'], stdin=0, stdout=2);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    reading, writing = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    child = int(parent.stdout.readline())
    time.sleep(1.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    alive = _alive(child)
    os.close(writing)
    os.close(reading)
    assert not alive


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
