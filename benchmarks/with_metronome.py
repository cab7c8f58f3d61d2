"""The real app with the metronome for an engine: `python -m benchmarks.with_metronome FILE PACE [flags]`."""

from __future__ import annotations

import sys
from functools import partial

from chatapp.cli import main
from chatapp.engine.client import Engine
from chatapp.tui import desk

if __name__ == "__main__":
    text, pace, *flags = sys.argv[1:]
    command = [sys.executable, "-m", "benchmarks.metronome", text, pace]
    vars(desk)["Engine"] = partial(Engine, command=command)
    sys.exit(main(flags))
