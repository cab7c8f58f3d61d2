"""Mutated model files: read or refused in words, in little time and little memory, and nothing else.

A few hundred of them here; `CHATAPP_FAULTS=full` takes ten thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatapp.engine.embedded import embedded_model

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
FILES = 10_000 if FULL else 1_000
VICTIM = Path(__file__).with_name("header_victim.py")
SECONDS = 2.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory limit is Linux's")
@pytest.mark.timeout(1800 if FULL else 120)
def test_mutated_headers_do_no_harm(tmp_path, record_property):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(VICTIM), str(tmp_path), "0", str(FILES), str(embedded_model())],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    record_property("headers", told)
    assert told["harm"] == []
    assert told["read"] + told["refused"] == FILES
    assert told["read"] > FILES / 100, "mutations that all are refused at once would show nothing"
    # Of the process's own time: the reader gives up by its own clock, whatever else the machine does.
    assert told["slowest"] < SECONDS + 1
