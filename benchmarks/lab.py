"""The sampling laboratory: what recording costs, how soon a slider is on the screen, and what a fork saves.

Recording and forks are timed by the engine's own reports and in the app's process; the slider through a terminal,
from the key that is written to it to the new figure that is read from it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing

from benchmarks.pairs import Row
from benchmarks.terminal import Terminal
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SHIPPED, SamplingSettings
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Tokens

TOKENS, PAIRS, FORKS, PRESSES = 120, 9, 7, 60
RECORDED = 10
RECORDING_BAR, SLIDER_BAR_MS, FORK_BAR = 0.95, 50.0, 0.1
DEEP = "The keeper climbed the stairs, trimmed the lamp and wrote the weather in the log. " * 55
TASK = "Write a long story about a lighthouse keeper and the sea. Tell every detail."
KEY_F4, LESS, MORE = b"\x1bOS", b"-", b"+"
ALL_SURVIVE = ["--top-k", "0", "--top-p", "1", "--min-p", "0", "--temperature", "0.5", "--max-tokens", "4"]


def rows() -> Iterator[Row]:
    """What a person who looks into the model can notice."""
    yield from asyncio.run(_of_the_engine())
    yield _slider()


async def _of_the_engine() -> list[Row]:
    engine = Engine()
    try:
        await engine.load(ModelOptions(path=str(embedded_model())))
        return [await _recording(engine), await _fork(engine)]
    finally:
        await engine.close()


# Recording ------------------------------------------------------------------------------------------------------


async def _recording(engine: Engine) -> Row:
    """Tokens a second of the same reply with and without; every other pair begins with the other one."""
    speeds: list[tuple[float, float]] = []
    await _speed(engine, 0, RECORDED)
    for pair in range(PAIRS):
        first, then = (RECORDED, 0) if pair % 2 else (0, RECORDED)
        one, other = await _speed(engine, pair, first), await _speed(engine, pair, then)
        speeds.append((one, other) if first else (other, one))
    with_it, without = map(statistics.median, zip(*speeds, strict=True))
    ratio = statistics.median(one / other for one, other in speeds)
    what = f"streaming while the {RECORDED} likeliest of each token are recorded"
    return Row(what, with_it, without, ratio, "tok/s", f">= {RECORDING_BAR:g}", ratio >= RECORDING_BAR)


async def _speed(engine: Engine, seed: int, record: int) -> float:
    settings = SamplingSettings.model_validate({**SHIPPED.named("Balanced").values, "max_tokens": TOKENS})
    turns = [Turn(role=Role.USER, content=TASK)]
    async with aclosing(engine.generate(turns, settings, seed, record=record)) as events:
        async for event in events:
            if isinstance(event, Finished):
                return event.timings.tokens_per_s
    raise RuntimeError("the reply did not end")


# Forks ----------------------------------------------------------------------------------------------------------


async def _fork(engine: Engine) -> Row:
    """Seconds to the first token behind another one: in the KV cache, and with all of it read anew."""
    said = tuple(await engine.prompts.tokenize(" The sea was calm, and the lamp was lit before the fog came."))
    forks = [await _first_token(engine, DEEP, said[: 3 + place % 8]) for place in range(FORKS + 1)][1:]
    anew = [await _first_token(engine, f"{place} {DEEP}", said[:3]) for place in range(3)]
    ours, theirs = statistics.median(forks), statistics.median(anew)
    ratio = ours / theirs
    return Row(
        "a fork in a reply to 1,000 tokens, to its first token, beside reading all anew",
        ours,
        theirs,
        ratio,
        "s",
        f"<= {FORK_BAR:g}",
        ratio <= FORK_BAR,
    )


async def _first_token(engine: Engine, question: str, said: tuple[int, ...]) -> float:
    text = (await engine.look.text(said)).text
    turns = [
        Turn(role=Role.USER, content=question),
        Turn(role=Role.ASSISTANT, content=text, token_ids=said),
    ]
    settings = SamplingSettings(max_tokens=1)
    began = time.perf_counter()
    async with aclosing(engine.generate(turns, settings, 1, open_last=True, first_index=len(said))) as events:
        async for event in events:
            if isinstance(event, Tokens | Finished):
                return time.perf_counter() - began
    raise RuntimeError("nothing was said")


# The slider -----------------------------------------------------------------------------------------------------


def _slider() -> Row:
    """Milliseconds from the key to the new figure, with the whole vocabulary left by the chain."""
    chatapp = [sys.executable, "-m", "chatapp"]
    with tempfile.TemporaryDirectory() as home:
        place = ["--data-dir", home]
        asked = [*chatapp, "ask", "--save", "Hello", *place, "--seed", "7", *ALL_SURVIVE]
        subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        with Terminal([*chatapp, *place, "--continue"]) as terminal:
            terminal.read_until(rb"ready|continue", 20)
            terminal.drain(1)
            terminal.type(KEY_F4)
            terminal.read_until(rb"(?s)49,152.*seed", 20)
            terminal.drain(0.5)
            taken = [_press(terminal, degree) for degree in itertools.islice(_degrees(), PRESSES)]
    p95 = sorted(taken)[round(0.95 * (PRESSES - 1))]
    what = f"a key that turns the temperature in the cut view, to its figure, p95 of {PRESSES}"
    return Row(what, p95, SLIDER_BAR_MS, p95 / SLIDER_BAR_MS, "ms", "<= 1", p95 <= SLIDER_BAR_MS)


def _degrees() -> Iterator[tuple[bytes, bytes]]:
    """Keys in turn, and what the temperature is then."""
    return itertools.cycle(((MORE, b"0.55"), (MORE, b"0.60"), (LESS, b"0.55"), (LESS, b"0.50")))


def _press(terminal: Terminal, degree: tuple[bytes, bytes]) -> float:
    key, figure = degree
    began = time.perf_counter()
    terminal.type(key)
    terminal.read_until(re.escape(figure), 5)
    taken = 1000 * (time.perf_counter() - began)
    terminal.drain(0.1)
    return taken
