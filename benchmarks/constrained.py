"""What a JSON schema costs: CPU time of the engine's process per token of a reply, beside the same without one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import Row, compare
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished

QUESTION = [Turn(role=Role.USER, content="Describe five people as JSON, in a list.")]
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer"},
        "mood": {"enum": ["calm", "wild"]},
        "likes": {"type": "array", "items": {"type": "string", "maxLength": 16}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "age", "mood", "likes"],
}
SCHEMA = json.dumps({"type": "array", "items": PERSON, "minItems": 5, "maxItems": 5})
TOKENS = 200
END = 2
"""The token that ends a turn of the embedded model."""
TICKS = os.sysconf("SC_CLK_TCK")


def rows() -> Iterator[Row]:
    """One row; the system's ticks are fine enough for 200 tokens."""
    engine, free = Engine(), SamplingSettings(max_tokens=TOKENS, logit_bias=((END, -100.0),))
    constrained = SamplingSettings(max_tokens=TOKENS, json_schema=SCHEMA)
    with asyncio.Runner() as runner:
        runner.run(engine.load(ModelOptions(path=str(embedded_model()), n_threads=1)))
        yield compare(
            "decode by a JSON schema, CPU of the engine",
            lambda: runner.run(_milliseconds_per_token(engine, constrained)),
            lambda: runner.run(_milliseconds_per_token(engine, free)),
            unit="ms/token",
            at_most=1.1,
        )
        runner.run(engine.close())


async def _milliseconds_per_token(engine: Engine, settings: SamplingSettings) -> float:
    before = _cpu_seconds(engine)
    async for event in engine.generate(QUESTION, settings, seed=2):
        if isinstance(event, Finished):
            return 1000 * (_cpu_seconds(engine) - before) / event.generated_tokens
    raise RuntimeError("the reply did not end")


def _cpu_seconds(engine: Engine) -> float:
    """User time of the engine's process."""
    fields = Path(f"/proc/{engine.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) / TICKS
