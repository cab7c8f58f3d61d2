"""Decode speed of `ask`, as a whole process, against a bare loop in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

from benchmarks.pairs import Row, compare
from chatapp.engine.embedded import embedded_model

LONG, SHORT = 160, 32
PROMPT = 102
"""Tokens of the question with its persona: the bare loop decodes at the same positions, greedily too."""
QUESTION = "Write a long story about a lighthouse keeper and the sea. Tell every detail."


def rows() -> list[Row]:
    """Tokens per second between the 32nd and the 160th token of a reply."""
    model = str(embedded_model())
    return [
        compare(
            f"decode through ask (wall, {LONG} minus {SHORT} tokens)",
            _ask_rate,
            lambda: _bare_rate(model),
            unit="tok/s",
            at_least=0.95,
        )
    ]


def _ask_rate() -> float:
    with tempfile.TemporaryDirectory() as home:
        long, short = (_ask(home, count) for count in (LONG, SHORT))
    return (LONG - SHORT) / (long - short)


def _ask(home: str, count: int) -> float:
    command = [sys.executable, "-m", "chatapp", "ask", QUESTION, "--data-dir", home, "--json"]
    command += ["--temperature", "0", "--max-tokens", str(count)]
    began = time.perf_counter()
    out = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    wall = time.perf_counter() - began
    generated = json.loads(out)["generated_tokens"]
    if generated != count:
        raise RuntimeError(f"the reply ended after {generated} tokens; choose another question")
    return wall


def _bare_rate(model: str) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_loop", model, str(PROMPT + SHORT), str(LONG - SHORT)]
    return float(subprocess.run(command, capture_output=True, check=True, env=os.environ).stdout)
