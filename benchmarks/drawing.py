"""What drawing costs: CPU time of the app's own process while a long Markdown reply streams at 120 tokens/s."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pairs import Row
from benchmarks.stores import long_session
from benchmarks.terminal import Terminal

PACE = 120.0
BUDGET_MS = 75.0
SETTLE_SECONDS = 2.0
MEASURED_SECONDS = 8.0
TICKS = os.sysconf("SC_CLK_TCK")

REPLY = """## How it works

The model turns the whole conversation into numbers, *one per token* of its vocabulary, and a softmax makes them
probabilities. Nothing has been **chosen** yet.

- Penalties push down what was just said, so that a text does not run in circles.
- Top-k, top-p and min-p cut the tail, each by a rule of its own.
- Temperature flattens or sharpens what is left, and the draw picks one.

```python
def min_p(logits, p=0.1):
    probs = softmax(logits)  # sums to 1
    keep = probs >= p * probs.max()
    return where(keep, logits, -inf)
```

| favourite | top-p 0.95 | min-p 0.1 |
|---:|---:|---|
| 0.92 | 2 tokens | equal |
| 0.06 | 412 tokens | stricter |

"""


def rows() -> list[Row]:
    """Milliseconds of CPU for a second of streaming, with a short, a long and a very long history."""
    return [_row(messages) for messages in (10, 1_000, 10_000)]


def _row(messages: int) -> Row:
    with tempfile.TemporaryDirectory() as home:
        session = long_session(Path(home) / "chats.db", messages)
        text = Path(home) / "reply.md"
        text.write_text(REPLY * 20, "utf-8")
        cost = _cost(home, session, text)
    what = f"drawing, {messages:,} messages above"
    return Row(what, cost, BUDGET_MS, cost / BUDGET_MS, "ms/s", "<= 1", cost <= BUDGET_MS)


def _cost(home: str, session: str, text: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.with_metronome", str(text), str(PACE)]
    with Terminal([*command, "--data-dir", home, "--session", session]) as terminal:
        terminal.read_until(rb"ready", 20)
        terminal.type(b"go\r")
        terminal.read_until(rb"tok/s", 20)
        terminal.drain(SETTLE_SECONDS)
        before, began = _cpu_seconds(terminal.process.pid), time.monotonic()
        terminal.drain(MEASURED_SECONDS)
        return 1000 * (_cpu_seconds(terminal.process.pid) - before) / (time.monotonic() - began)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
