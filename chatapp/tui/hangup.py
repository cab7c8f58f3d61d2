"""Signals, and terminals that go away: the app leaves in good order, with what was said on disk.

Textual itself dies on SIGTERM with the screen unrestored. When its terminal is gone while SIGHUP is ignored, it
waits for ever for a writer that has died, and its reader spins. Both are noticed here and told once.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
import time
from collections.abc import Callable

GRACE_SECONDS = 2.5
"""How long the app may take to leave a terminal that is gone, before the process simply ends."""
Leave = Callable[[int, bool], None]


class HangUp:
    """Watches for SIGTERM, SIGHUP, SIGQUIT and a closed terminal; calls `leave(status, terminal_is_gone)`."""

    def __init__(self, leave: Leave) -> None:
        self._leave = leave
        self._left = False

    def watch(self) -> None:
        """Start watching; on the event loop."""
        if os.name != "posix":
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, self._tell, 128 + number, False)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._tell, 128 + signal.SIGHUP, True)
        threading.Thread(target=self._wait_for_the_end, args=(loop,), name="hang-up", daemon=True).start()

    def _wait_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sleep until the terminal is gone. A thread, because the loop may hang in a write to it by then."""
        poll = select.poll()
        poll.register(0, 0)
        while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
            time.sleep(1)  # an event that is none; never spin on it
        status = 128 + signal.SIGHUP
        loop.call_soon_threadsafe(self._tell, status, True)
        time.sleep(GRACE_SECONDS)
        os._exit(status)

    def _tell(self, status: int, gone: bool) -> None:
        if not self._left:
            self._left = True
            self._leave(status, gone)
