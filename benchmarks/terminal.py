"""A program in a terminal of its own, 120x36, read as bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from types import TracebackType
from typing import Self

COLUMNS, LINES = 120, 36


class Terminal:
    """Runs a command until the end of the `with` block, then kills it."""

    def __init__(self, command: list[str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def read_until(self, pattern: bytes, limit: float) -> None:
        """Read what is drawn until a pattern comes.

        Raises:
            TimeoutError: when it does not come within so many seconds.
        """
        seen, deadline = b"", time.monotonic() + limit
        while not re.search(pattern, seen):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{pattern!r} was not seen in {limit} s: {seen[-300:]!r}")
            if select.select([self._ours], [], [], 0.1)[0]:
                seen += os.read(self._ours, 65536)

    def drain(self, seconds: float) -> None:
        """Read for so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left)[0]:
                os.read(self._ours, 65536)
