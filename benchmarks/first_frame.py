"""Time from the start of the process to the first painted frame, in a real terminal."""

from __future__ import annotations

import re
import sys
import tempfile
import time

from benchmarks.pairs import Row, compare
from benchmarks.terminal import Terminal

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


def _until(command: list[str], seen: bytes) -> float:
    began = time.perf_counter()
    with Terminal(command) as terminal:
        terminal.read_until(re.escape(seen), 20)
        return time.perf_counter() - began
