"""What the engine's process cannot do once it has seen a model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from worker_turns import user

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine
from chatapp.engine.header import read_header
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished
from chatapp.engine.worker import landlock
from chatapp.engine.worker.sandbox import Confinement, memory_limit

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")

ATTEMPTS = """
import os, resource, socket, sys
from chatapp.engine.model import ModelOptions
from chatapp.engine.worker.sandbox import Confinement
model, secret, folder, port = sys.argv[1:]
confinement = Confinement(ModelOptions(path=model), gpu=False)
confinement.enter()
print(*confinement.report.held, sep="\\n")
def attempt(name, act):
    try:
        act()
        print(name, "allowed")
    except Exception as error:
        print(name, "denied")
attempt("model", lambda: open(model, "rb").read(16))
attempt("import", lambda: __import__("wave"))
attempt("passwd", lambda: open("/etc/passwd").read())
attempt("secret", lambda: open(secret).read())
attempt("list", lambda: os.listdir(folder))
attempt("write", lambda: open(os.path.join(folder, "new"), "w"))
attempt("append", lambda: open(model, "ab"))
attempt("remove", lambda: os.remove(secret))
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", int(port)), 5))
attempt("parent", lambda: os.kill(os.getppid(), 0))
attempt("memory", lambda: bytearray(10**8))
attempt("limit", lambda: bytearray(resource.getrlimit(resource.RLIMIT_DATA)[0]))
"""


@needs_landlock
def test_nothing_but_the_model_and_the_libraries_can_be_reached(model_path, tmp_path):
    secret = tmp_path / "diary"
    secret.write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", ATTEMPTS, model_path, str(secret), str(tmp_path), str(port)],
            capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
    lines = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.endswith(("allowed", "denied")))
    allowed = {name for name, outcome in lines.items() if outcome == "allowed"}
    assert allowed == {"model", "import", "memory"} | (set() if landlock.version() >= 6 else {"parent"})
    assert "limit" in lines
    assert "GB of memory" in done.stdout  # and so the limit is a number
    assert secret.read_text() == "mine"
    assert "reads only the model and its libraries" in done.stdout


@needs_landlock
async def test_every_thread_of_the_engine_is_bound_and_it_answers_as_ever(model_path, tmp_path):
    engine = Engine(log=tmp_path / "engine.log")
    try:
        info = await engine.load(ModelOptions(path=model_path, n_ctx=256, n_threads=2))
        assert "starts no program" in info.sandbox.held
        assert "a bar to UDP" in info.sandbox.missing
        settings = SamplingSettings(temperature=0, max_tokens=4)
        events = [event async for event in engine.generate([user("Hello")], settings, seed=1)]
        assert isinstance(events[-1], Finished)
        assert set(no_new_privileges(engine.pid)) == {"1"}
    finally:
        await engine.close()


def no_new_privileges(pid):
    """What the kernel says of each thread; Landlock binds only those that gave up new privileges."""
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        rows = dict(row.split(":\t", 1) for row in status.read_text().splitlines() if ":\t" in row)
        yield rows["NoNewPrivs"]


def test_with_a_gpu_nothing_is_barred_that_its_driver_needs(model_path):
    """It runs in this very process, which can still do everything afterwards."""
    confinement = Confinement(ModelOptions(path=model_path, n_gpu_layers=-1), gpu=True)
    confinement.enter()
    assert confinement.report.missing
    assert Path("/etc/passwd").read_text()


def test_the_limit_of_memory_leaves_room_for_all_that_the_engine_keeps(model_path):
    header = read_header(Path(model_path))
    options = ModelOptions(path=model_path)
    assert memory_limit(header, options) > 2 * header.size + options.states_limit
