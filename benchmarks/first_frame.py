"""Time from the start of the process to the first painted frame, in a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

from benchmarks.pairs import Row, compare

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("first frame", markup=False)
Empty().run()
"""


def rows() -> list[Row]:
    """Chatapp's first frame against that of an app with a single line of text."""
    return [
        compare("first frame", _chatapp, _empty, unit="s", at_most=2.0),
    ]


def _chatapp() -> float:
    with tempfile.TemporaryDirectory() as home:
        return _until([sys.executable, "-m", "chatapp", "--data-dir", home], "›".encode())


def _empty() -> float:
    return _until([sys.executable, "-c", EMPTY], b"first frame")


def _until(command: list[str], seen: bytes, limit: float = 20.0) -> float:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    output = b""
    try:
        while time.perf_counter() - began < limit:
            if select.select([ours], [], [], 0.05)[0]:
                output += os.read(ours, 65536)
                if seen in output:
                    return time.perf_counter() - began
        raise TimeoutError(f"no first frame in {limit} s: {output[-500:]!r}")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
