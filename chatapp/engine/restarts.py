"""How often an engine that died is started again without asking."""

from __future__ import annotations

import time
from collections import deque

LIMIT = 3
WINDOW_SECONDS = 300.0


class Restarts:
    """Allows three restarts in five minutes: more would hide that something is wrong, and heat the room."""

    def __init__(self) -> None:
        self._made: deque[float] = deque()

    def allow(self) -> bool:
        """Whether one more may be made now; it counts as made."""
        now = time.monotonic()
        while self._made and self._made[0] <= now - WINDOW_SECONDS:
            self._made.popleft()
        if len(self._made) >= LIMIT:
            return False
        self._made.append(now)
        return True

    def forgive(self) -> None:
        """Somebody asked for another: count anew."""
        self._made.clear()
