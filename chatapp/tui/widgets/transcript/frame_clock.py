"""When to paint what has arrived: at most 15 times a second, and less often when frames are costly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, thread_time

SOONEST = 0.01
SHORTEST = 1 / 15
LONGEST = 1.0
SHARE = 0.02
"""The part of one core that painting may take; the model wants the rest. What Textual does with a painted frame is
not counted, and costs as much again."""

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
        self._due: float | None = None
        self._last = -LONGEST
        self._cost = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one frame to the next, by what the last one has cost."""
        return min(LONGEST, max(SHORTEST, self._cost / SHARE))

    def ask(self) -> None:
        """Have a frame painted as soon as one is due."""
        now = self._now()
        # A call to a widget that is not running is lost, so that it must not be waited for for ever.
        if self._due is None or now > self._due + LONGEST:
            delay = max(SOONEST, self._last + self.interval - now)
            self._due = now + delay
            self._later(delay, self._tick)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Count what is done inside as a cost of the present frame."""
        begun = self._spent()
        yield
        self._cost += self._spent() - begun

    def _tick(self) -> None:
        self._due = None
        self._last = self._now()
        self._cost = 0.0
        with self.measure():
            self._paint()
