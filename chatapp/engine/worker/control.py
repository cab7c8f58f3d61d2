"""What the reader thread tells a reply that waits or runs: stop, or go on with other settings."""

from __future__ import annotations

import threading

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.abort import Abort


class Control:
    """Knows the replies that were asked for and have not ended; notices for others are too late, and dropped."""

    def __init__(self, abort: Abort) -> None:
        self._abort = abort
        self._lock = threading.Lock()
        self._settings: dict[int, SamplingSettings | None] = {}
        self._cancelled: set[int] = set()
        self._cancelled_ways: set[tuple[int, int]] = set()
        self._running: int | None = None

    @property
    def busy(self) -> bool:
        """Whether a reply runs."""
        return self._running is not None

    def expect(self, number: int) -> None:
        """A reply was asked for."""
        with self._lock:
            self._settings[number] = None

    def cancel(self, number: int) -> None:
        """Stop a reply, whether it runs or still waits."""
        with self._lock:
            if number in self._settings:
                self._cancelled.add(number)
                if number == self._running:
                    self._abort.request()

    def cancel_way(self, number: int, way: int) -> None:
        """Stop one of several replies that run together."""
        with self._lock:
            if number in self._settings:
                self._cancelled_ways.add((number, way))

    def is_cancelled(self, number: int, way: int) -> bool:
        """Whether one of several replies was asked to stop."""
        return (number, way) in self._cancelled_ways

    def retune(self, number: int, settings: SamplingSettings) -> None:
        """Give a reply other settings."""
        with self._lock:
            if number in self._settings:
                self._settings[number] = settings

    def begin(self, number: int) -> None:
        """A reply runs now."""
        with self._lock:
            self._running = number
            if number in self._cancelled:
                self._abort.request()

    def end(self, number: int) -> None:
        """A reply has ended."""
        with self._lock:
            self._running = None
            self._settings.pop(number, None)
            self._cancelled.discard(number)
            self._cancelled_ways = {one for one in self._cancelled_ways if one[0] != number}
            self._abort.reset()

    def take_settings(self, number: int) -> SamplingSettings | None:
        """The settings that the reply was given since the last call, if any."""
        if self._settings.get(number) is None:
            return None  # asked after each token: no lock for what hardly ever happens
        with self._lock:
            settings = self._settings.get(number)
            self._settings[number] = None
            return settings
