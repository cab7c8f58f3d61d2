"""The frame clock paints at most 15 times a second, and less often when painting is costly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatapp.tui.widgets.transcript.frame_clock import LONGEST, SHORTEST, FrameClock


class Bench:
    """A clock whose time passes when we say so, and whose frames cost what we say."""

    def __init__(self, cost: float = 0.0) -> None:
        self.now = self.spent = 0.0
        self.cost = cost
        self.frames: list[float] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.clock = FrameClock(self._paint, self._later, lambda: self.now, lambda: self.spent)

    def _paint(self) -> None:
        self.spent += self.cost
        self.frames.append(self.now)

    def _later(self, delay: float, call: Callable[[], None]) -> None:
        self.waiting.append((self.now + delay, call))

    def run(self, seconds: float, step: float = 1 / 120) -> None:
        """A token arrives at each step."""
        end = self.now + seconds
        while self.now < end:
            self.clock.ask()
            due = [item for item in self.waiting if item[0] <= self.now]
            self.waiting = [item for item in self.waiting if item not in due]
            for _, call in due:
                call()
            self.now += step


def test_cheap_frames_come_at_most_15_times_a_second() -> None:
    bench = Bench()
    bench.run(2)
    assert 25 <= len(bench.frames) <= 30
    assert all(later - earlier >= SHORTEST for earlier, later in zip(bench.frames, bench.frames[1:], strict=False))


@pytest.mark.parametrize("cost", [0.01, 0.03])
def test_costly_frames_take_a_fixed_share_of_the_time(cost: float) -> None:
    bench = Bench(cost)
    bench.run(10)
    assert bench.spent / 10 <= 0.06
    assert len(bench.frames) >= 10


def test_even_the_costliest_come_once_a_second() -> None:
    bench = Bench(cost=9.0)
    bench.run(5)
    assert len(bench.frames) >= 4


def test_a_timer_that_never_fires_is_not_waited_for() -> None:
    bench = Bench()
    bench.clock.ask()
    bench.waiting.clear()
    bench.now += 2 * LONGEST
    bench.run(1)
    assert bench.frames
