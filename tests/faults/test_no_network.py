"""A whole `ask`, from the first import to the last token, where there is no network: nothing in it needs one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = ("ask", "Say hello.", "--max-tokens", "2", "--context", "256", "--system", "", "--json")


def _runs(*command):
    """Whether a tool is there, and is allowed to do its work here."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _ask(home, *before):
    command = [*before, sys.executable, "-m", "chatapp", *ASK, "--data-dir", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


def test_an_answer_comes_without_a_network(tmp_path):
    """In a network namespace of its own that has no device, not even a loopback that is up."""
    alone = ("unshare", "--map-root-user", "--net")
    if not _runs(*alone, "true"):
        pytest.skip("unshare cannot make a network namespace here")
    done = _ask(tmp_path, *alone)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["generated_tokens"] > 0


def test_no_process_of_an_answer_opens_an_internet_socket(tmp_path):
    """The kernel's word on the app and the engine; asyncio wakes itself through a pair of local sockets."""
    log = tmp_path / "calls"
    trace = ("strace", "-f", "--seccomp-bpf", "-e", "trace=socket,connect,bind", "-o", str(log))
    if not _runs(*trace, "true"):
        pytest.skip("strace is not there, or may not trace here")
    done = _ask(tmp_path, *trace)
    assert done.returncode == 0, done.stderr
    calls = log.read_text()
    assert "AF_INET" not in calls
    assert "connect(" not in calls
