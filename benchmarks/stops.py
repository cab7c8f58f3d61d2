"""`python -m benchmarks.stops`: how soon the engine is free after Stop, in prefill and in decode, under load.

Each try stops a reply at a random moment. The time runs from the call of `cancel` to the engine's own report that
it has stopped, in the app's process; one busy process competes for the processors meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import time
from contextlib import aclosing

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


def main() -> int:
    """Measure, print; exit status 1 when the bar was missed."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as load:
        try:
            passed = asyncio.run(_measure())
        finally:
            load.kill()
    return 0 if passed else 1


async def _measure() -> bool:
    engine = Engine()
    passed = True
    try:
        await engine.load(ModelOptions(path=str(embedded_model())))
        for phase in ("prefill", "decode"):
            taken = sorted([await _stop(engine, phase) for _ in range(TRIES)])
            p99 = taken[round(0.99 * (TRIES - 1))]
            print(f"{phase:8} median {statistics.median(taken):6.1f} ms   p99 {p99:6.1f} ms   bar {BAR_MS:g} ms")
            passed = passed and p99 <= BAR_MS
    finally:
        await engine.close()
    return passed


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


if __name__ == "__main__":
    sys.exit(main())
