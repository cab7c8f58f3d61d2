"""Tells an engine that hangs from one that is busy.

Time is counted in ticks of the app's own loop, not by a clock: while the app itself does not run (Ctrl+Z, a
machine that sleeps, a frozen container) there are no ticks, and a late one counts as one. So nobody is accused of
the app's own silence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from chatapp.engine.protocol import Pulse

TICK_SECONDS = 0.5
STOPPED_TICKS = 5
"""For a process that the system holds stopped: it cannot answer, and nobody who chats means to wake it."""
SILENT_TICKS = 40
"""For one that runs and says nothing. It may be that memory is swapped in for it, so it gets time."""
STALLED_TICKS = 240
"""For one that answers, but whose reply does not move by a single step."""


class Watchdog:
    """Counts the ticks without a sign of life; `stopped` asks the system whether it holds the process."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._held = self._silent = self._still = 0
        self._speaks = False
        self._last: Pulse | None = None

    def heard(self) -> None:
        """Something came from the process, whatever it was."""
        self._speaks = True
        self._held = self._silent = 0

    def felt(self, pulse: Pulse) -> None:
        """It said how far its work is."""
        if not pulse.busy or self._last is None or pulse.beats != self._last.beats:
            self._still = 0
        self._last = pulse

    def tick(self) -> str:
        """Let a tick pass; the sentence with which the process is to be ended, or nothing."""
        self._held = self._held + 1 if self._stopped() else 0
        self._silent += self._speaks  # until its first word it imports llama.cpp, which takes what it takes
        self._still += self._last is not None and self._last.busy
        if self._held >= STOPPED_TICKS:
            return "The engine was stopped from outside and was ended."
        if self._silent >= SILENT_TICKS:
            return f"The engine did not answer for {SILENT_TICKS * TICK_SECONDS:g} seconds and was ended."
        if self._still >= STALLED_TICKS:
            return f"The engine made no progress for {STALLED_TICKS * TICK_SECONDS:g} seconds and was ended."
        return ""


def held_by_system(pid: int) -> bool:
    """Whether a process is stopped by a signal; only Linux tells, and a debugger's hold is none of ours."""
    if sys.platform != "linux":
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):  # it is gone
        return False
