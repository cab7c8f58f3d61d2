"""How soon the engine is free after Stop, in prefill and in decode, under load.

Each try stops a reply at a random moment. The time runs from the call of `cancel` to the engine's own report that
it has stopped, in the app's process; one busy process competes for the processors meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing

from benchmarks.pairs import Row
from chatapp.conversation.message import Role, StopReason
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Prefill, Tokens

TRIES = 200
BAR_MS = 100.0
ENDLESS = SamplingSettings(temperature=1.0, max_tokens=None)
STORY = "Tell me a very long story about the sea. "


def rows() -> Iterator[Row]:
    """The slowest hundredth of the stops, in prefill and in decode."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as load:
        try:
            for phase, taken in asyncio.run(_measure()).items():
                p99 = sorted(taken)[round(0.99 * (TRIES - 1))]
                row = f"engine free after Stop in {phase}, p99 of {TRIES}, beside a busy process"
                yield Row(row, p99, BAR_MS, p99 / BAR_MS, "ms", "<= 1", p99 <= BAR_MS)
        finally:
            load.kill()


async def _measure() -> dict[str, list[float]]:
    engine = Engine()
    try:
        await engine.load(ModelOptions(path=str(embedded_model())))
        return {phase: [await _stop(engine, phase) for _ in range(TRIES)] for phase in ("prefill", "decode")}
    finally:
        await engine.close()


async def _stop(engine: Engine, phase: str) -> float:
    """Milliseconds that one stop took."""
    # A prompt of its own for each try: one that was read before would be found in the KV cache.
    words = f"{random.random()} " + STORY * (60 if phase == "prefill" else 1)
    turns = [Turn(role=Role.USER, content=words)]
    asked = 0.0
    async with aclosing(engine.generate(turns, ENDLESS, seed=random.getrandbits(31))) as events:
        async for event in events:
            if isinstance(event, Finished):
                assert event.stop_reason is StopReason.CANCELLED
                return 1000 * (time.perf_counter() - asked)
            if not asked and isinstance(event, Prefill if phase == "prefill" else Tokens):
                await asyncio.sleep(random.uniform(0, 0.1))
                asked = time.perf_counter()
                engine.cancel()
    return 150.0  # the reply ended without the engine's report
