"""Signals, and terminals that go away: the app leaves in good order, with what was said on disk.

Textual itself dies on SIGTERM with the screen unrestored, and spins when its terminal is gone while SIGHUP is
ignored. Both are noticed here, on the event loop, and told once.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable

POLL_SECONDS = 1.0
Leave = Callable[[int, bool], None]


class HangUp:
    """Watches for SIGTERM, SIGHUP, SIGQUIT and a closed terminal; calls `leave(status, terminal_is_gone)`."""

    def __init__(self, leave: Leave) -> None:
        self._leave = leave
        self._left = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Start watching; on the event loop."""
        loop = asyncio.get_running_loop()
        if os.name != "posix":
            return
        for number in (signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, self._tell, 128 + number, False)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._tell, 128 + signal.SIGHUP, True)
        self._look()

    def _look(self) -> None:
        if _terminal_gone():
            self._tell(128 + signal.SIGHUP, True)
        else:
            self._timer = asyncio.get_running_loop().call_later(POLL_SECONDS, self._look)

    def _tell(self, status: int, gone: bool) -> None:
        if not self._left:
            self._left = True
            self._leave(status, gone)


def _terminal_gone() -> bool:
    poll = select.poll()
    poll.register(0, 0)
    return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))
