"""When to paint what has arrived: at most 15 times a second, and less often when frames are costly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, thread_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 1 / 15
LONGEST = 1.0
SHARE = 0.05
"""The part of one core that painting may take; the model wants the rest."""

Later = Callable[[float, Callable[[], None]], object]


class FrameClock:
    """Calls `paint` soon after it was asked to, once for all that asked meanwhile.

    Args:
        paint: Draws a frame.
        later: Calls a function after so many seconds.
        now: Seconds on a clock that never goes back.
        spent: Seconds of processor time that this thread has used.
    """

    def __init__(
        self,
        paint: Callable[[], None],
        later: Later,
        now: Callable[[], float] = monotonic,
        spent: Callable[[], float] = thread_time,
    ) -> None:
        self._paint = paint
        self._later = later
        self._now = now
        self._spent = spent
        self._waiting = False
        self._last = -LONGEST
        self._cost = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one frame to the next, by what the last one has cost."""
        return min(LONGEST, max(SHORTEST, self._cost / SHARE))

    def ask(self) -> None:
        """Have a frame painted as soon as one is due."""
        if not self._waiting:
            self._waiting = True
            self._later(max(0.0, self._last + self.interval - self._now()), self._tick)

    def measure(self) -> AbstractContextManager[None]:
        """Count what is done inside as a cost of the present frame."""
        return self._measured()

    @contextmanager
    def _measured(self) -> Iterator[None]:
        begun = self._spent()
        yield
        self._cost += self._spent() - begun

    def _tick(self) -> None:
        self._waiting = False
        self._last = self._now()
        self._cost = 0.0
        with self._measured():
            self._paint()
