"""`python -m benchmarks`: one table, and the machine that it was measured on; kept in docs/performance.md.

`python -m benchmarks PART…` measures some of the modules beside this one, and keeps nothing.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.pairs import HEAD, Row, line

REPORT = Path(__file__).parent.parent / "docs" / "performance.md"
PARTS = ("first_frame", "speed", "ways", "lab", "constrained", "stops", "reopen", "drawing", "history")


def main(parts: Sequence[str]) -> int:
    """Measure, print each row as it comes, keep the whole table; exit status 1 when a bar was missed."""
    lines = HEAD.splitlines()
    print(HEAD, flush=True)
    passed = True
    for row in _rows(parts or PARTS):
        lines.append(line(row))
        print(lines[-1], flush=True)
        passed = passed and row.passed
    if not parts:
        table = "\n".join(lines)
        REPORT.write_text(f"# Performance\n\n{_machine()}\n\n{table}\n\n{NOTE}", "utf-8")
    return 0 if passed else 1


def _rows(parts: Sequence[str]) -> Iterator[Row]:
    for part in parts:
        yield from import_module(f"benchmarks.{part}").rows()


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    if sys.platform.startswith("linux"):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next((row.partition(": ")[2] for row in lines if row.startswith("model name")), cpu)
    packages = ", ".join(f"{name} {version(name)}" for name in ("textual", "llama-cpp-python"))
    return (
        f"Measured {date.today():%d %B %Y} by `make bench` on {os.cpu_count()} cores of {cpu}, "  # noqa: DTZ011
        f"{platform.system()}, Python {platform.python_version()}, {packages}."
    )


NOTE = """Each ratio is the median over pairs measured in turn, after one warm-up of both. The model is the
embedded SmolLM2 135M Q4_1. The bare loop calls llama_decode and a greedy sampler, nothing else, at the same
positions of the context; chatapp samples with its default preset. Several replies at once are set against a bare
loop over a batch of as many sequences that share a prompt, and against a single reply's speed. Drawing is the CPU
time that the app's process takes for a second of streaming at 120 tokens/s, against the 75 ms it may take. A
slider's time runs from the key that is written to the terminal to the figure that is read from it, with all
candidates left by the chain. The long history is a store of 10,000 sessions and 200,000 messages, against the
times that its start, its list and its searches may take.
"""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
