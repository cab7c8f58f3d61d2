"""Several replies at once: against a bare loop over the same batch, and against one reply after the other.

Whole processes of `ask`. A logit bias keeps the replies from ending early, so that the batch keeps its width.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.pairs import Row, compare
from chatapp.engine.embedded import embedded_model

COUNT = 160
END = 2
"""The token that ends a turn of the embedded model."""
QUESTION = "Write a long story about a lighthouse keeper and the sea. Tell every detail."


def rows() -> Iterator[Row]:
    """For four and for eight replies."""
    for ways in (4, 8):
        yield compare(
            f"{ways} replies at once through ask, together",
            partial(_together, ways),
            partial(_bare, ways),
            unit="tok/s",
            pairs=5,
            at_least=0.95,
        )
        yield compare(
            f"{ways} replies at once, beside one after the other",
            partial(_together, ways),
            _alone,
            unit="tok/s",
            pairs=3,
            at_least=1.0,
        )


def _together(ways: int) -> float:
    """Tokens per second of all, from the first token of the first to the last of the last."""
    replies = _ask("-n", str(ways))
    prompt = replies[0]["prompt_tokens"]
    paid = sum(reply["evaluated_tokens"] for reply in replies)
    if paid > prompt:
        raise RuntimeError(f"a prompt of {prompt} tokens was paid with {paid}")
    longest = max(reply["timings"]["decode_s"] for reply in replies)
    return float(sum(reply["generated_tokens"] - 1 for reply in replies) / longest)


def _alone() -> float:
    return float(_ask()[0]["timings"]["tokens_per_s"])


def _ask(*flags: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "chatapp", "ask", QUESTION, "--json", "--seed", "7", *flags]
    command += ["--max-tokens", str(COUNT), "--logit-bias", f"{END}=-100"]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [*command, "--data-dir", home], stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _bare(ways: int) -> float:
    command = [
        sys.executable,
        "-m",
        "benchmarks.batched_loop",
        str(embedded_model()),
        "102",
        str(COUNT),
        str(ways),
    ]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)
