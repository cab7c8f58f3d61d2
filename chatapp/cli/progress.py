"""A bar on standard error, where that is a terminal: how much is done, how fast it goes, and what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_BAR = 24
_ERASE = "\r\x1b[K"


class Progress:
    """Counts what is done of a total. The rate counts from its making or `begin`, without what came before."""

    def __init__(self, total: int, before: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._before, self._done = total, before, before
        self._clock = clock
        self._since = clock()
        self._shown = sys.stderr.isatty()

    def begin(self) -> None:
        """What came before, such as a load, is no part of the rate."""
        self._since = self._clock()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        self._draw()

    def note(self, sentence: str) -> None:
        """Say something above the bar; the sentence is safe to print."""
        sys.stderr.write(f"{_ERASE if self._shown else ''}{sentence}\n")
        self._draw()

    def end(self) -> None:
        """Leave the bar behind."""
        if self._shown:
            sys.stderr.write("\n")

    @property
    def line(self) -> str:
        """The bar and its figures."""
        filled = _BAR * self._done // max(1, self._total)
        line = f"{'━' * filled}{'─' * (_BAR - filled)} {self._done:,} / {self._total:,}"
        spent, new = self._clock() - self._since, self._done - self._before
        if not new or spent <= 0:
            return line
        left = (self._total - self._done) * spent / new
        return f"{line}   {_rate(new / spent)}" + (f"   {span(left)} left" if left else f"   {span(spent)}")

    def _draw(self) -> None:
        if self._shown:
            sys.stderr.write(_ERASE + self.line)
            sys.stderr.flush()


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


def span(seconds: float) -> str:
    """As a clock shows it: `0:42`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
