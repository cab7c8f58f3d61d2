"""A real terminal for tests: the program runs in a pseudo-terminal, and pyte draws what it writes.

Headless drivers write nothing, so whatever concerns bytes on the wire (escape sequences, signals, resizing, a
closed window) is tested here. `forbidden` reads such bytes and names every sequence that a terminal chat has no
business sending.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Self

import psutil
import pyte

KEYS = {
    "enter": "\r",
    "shift+enter": "\x1b[13;2u",
    "alt+enter": "\x1b\r",
    "esc": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    **{f"{name}+{key}": f"\x1b[1;{code}{final}"
       for name, code in (("shift", 2), ("alt", 3), ("ctrl", 5))
       for key, final in (("up", "A"), ("down", "B"), ("right", "C"), ("left", "D"), ("home", "H"), ("end", "F"))},
}  # fmt: skip

# The child takes the terminal on its fd 0 as its controlling terminal, then becomes the program: closing the
# other side then hangs up on it, as closing a window does. Done in the child's own Python, since a fork of this
# process, which has threads, would not be safe.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)

# Sequences that pyte would draw as text or stumble over: private and unusual CSI, string sequences.
_STRING = rb"\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"
_UNDRAWN = re.compile(rb"\x1b\[(?:[<=>][0-9;:]*[ -/]*|\?[0-9;]*[ -/]+|[0-9;]*:[0-9;:]*)[@-~]|" + _STRING)
_UNFINISHED = re.compile(rb"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?)?$")
_QUERY = re.compile(rb"\x1b\[(?:\?(\d+)\$p|(0?c)|(6n))")


class Terminal:
    """A program in a terminal window of its own."""

    def __init__(
        self, argv: Sequence[str], size: tuple[int, int] = (80, 24), env: Mapping[str, str] | None = None
    ) -> None:
        """Start the program.

        Args:
            argv: the command.
            size: columns and rows.
            env: what to add to this process's environment.
        """
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._log = bytearray()
        self._pending = b""
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._drained = threading.Event()
        self._master, slave = pty.openpty()
        self._set_size(*size)
        environment = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "LINES"}}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
        self.process = subprocess.Popen(
            [sys.executable, "-ISc", _TAKE_TERMINAL, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**environment, **(env or {})},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Use as a context manager: the program does not outlive the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what is left."""
        self.close()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self.process.pid

    @property
    def raw(self) -> bytes:
        """Every byte that the program wrote."""
        with self._changed:
            return bytes(self._log)

    @property
    def lines(self) -> list[str]:
        """What the screen shows, row by row."""
        with self._changed:
            return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.lines)

    def send(self, data: bytes | str) -> None:
        """Type, or paste without the marks of a paste."""
        data = data.encode() if isinstance(data, str) else data
        while data:
            data = data[os.write(self._master, data) :]

    def press(self, *keys: str) -> None:
        """Press keys by name: `enter`, `ctrl+q`, `alt+x`, `up`, or a single character."""
        for key in keys:
            self.send(_key(key))
            if key == "esc":
                time.sleep(0.15)  # until then a program takes it for the start of a sequence

    def wait_for(self, pattern: str, timeout: float = 10) -> re.Match[str]:
        """Wait until the screen shows the regular expression; ^ and $ stand for the ends of a row.

        Raises:
            AssertionError: when it does not in time; the message shows the screen.
        """
        deadline = time.monotonic() + timeout
        while True:
            if found := re.search(pattern, self.text(), re.MULTILINE):
                return found
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0 or self._drained.is_set():
                    break
                self._changed.wait(min(left, 0.2))
        if found := re.search(pattern, self.text(), re.MULTILINE):
            return found
        raise AssertionError(f"‘{pattern}’ is not on the screen after {timeout} s:\n{self._framed()}")

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        with self._changed:
            self._screen.resize(rows, columns)
        self._set_size(columns, rows)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the program a signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window under the program."""
        self._closing.set()
        self._reader.join()

    def wait_exit(self, timeout: float = 10) -> int:
        """Wait for the program's end; its exit status, negative for a signal.

        Raises:
            AssertionError: when it still runs; the message shows the screen.
        """
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"The program still runs after {timeout} s:\n{self._framed()}") from None
        self._drained.wait(1)
        return status

    def child_pids(self) -> list[int]:
        """The processes that the program started and that still run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        return []

    def close(self) -> None:
        """End the program and its children and close the window."""
        children = self.child_pids()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.hang_up()

    def _read(self) -> None:
        try:
            while not self._closing.is_set():
                if select.select([self._master], [], [], 0.05)[0]:
                    data = os.read(self._master, 65536)
                    if not data:
                        break
                    self._take(data)
        except OSError:
            pass  # the program's side is closed: the end of file of a pseudo-terminal
        finally:
            self._drained.set()
            self._closing.wait()
            os.close(self._master)

    def _take(self, data: bytes) -> None:
        with self._changed:
            self._log += data
            data = self._pending + data
            cut = found.start() if (found := _UNFINISHED.search(data)) else len(data)
            self._pending, data = data[cut:], data[:cut]
            self._stream.feed(_UNDRAWN.sub(b"", data))
            self._changed.notify_all()
        for query in _QUERY.finditer(data):
            self.send(self._answer(query))

    def _answer(self, query: re.Match[bytes]) -> bytes:
        mode, attributes, _ = query.groups()
        if mode:
            return b"\x1b[?%s;%d$y" % (mode, 2 if mode == b"2026" else 0)
        if attributes:
            return b"\x1b[?62;22c"
        return b"\x1b[%d;%dR" % (self._screen.cursor.y + 1, self._screen.cursor.x + 1)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _framed(self) -> str:
        lines = self.lines
        edge = "+" + "-" * self._screen.columns + "+"
        return "\n".join([edge, *(f"|{line:<{self._screen.columns}}|" for line in lines), edge])


def _key(name: str) -> str:
    if name in KEYS:
        return KEYS[name]
    if len(name) == 1:
        return name
    modifier, _, key = name.partition("+")
    if modifier == "ctrl" and len(key) == 1:
        return chr(ord(key.upper()) & 0x1F)
    if modifier == "alt" and len(key) == 1:
        return f"\x1b{key}"
    raise ValueError(f"No key is called ‘{name}’.")


_MODES = "7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048"
_ALLOWED = re.compile(
    r"\x1b\[(?:"
    r"[0-9;:]*m"  # colours and styles
    r"|[0-9;]*[A-HfdJK]"  # moving the cursor, erasing
    rf"|\?(?:{_MODES})[hl]"  # alternate screen, mouse, focus, paste, cursor, synchronised output, resize
    r"|\?(?:2026|2048)\$p"  # whether the terminal knows the last two
    r"|>[0-9]+u|<u"  # the kitty keyboard protocol on and off
    r")"
    r"|\x1b\]22;[a-z-]*\x07"  # the pointer's shape
)
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]P_^X][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\udc80-\udc9f]"
)


def forbidden(raw: bytes) -> list[bytes]:
    """The escape sequences and control characters in a program's output that it may not send.

    Allowed is what Textual needs to draw. Not allowed: OSC (titles, clipboard, links), DCS, APC, PM, SOS, queries
    whose answers would be typed into the program, resets, C1 controls in either encoding, and the bell.
    """
    text = raw.decode("utf-8", "surrogateescape")
    found = (match.group() for match in _SEQUENCE.finditer(text))
    return [seq.encode("utf-8", "surrogateescape") for seq in found if seq != "\b" and not _ALLOWED.fullmatch(seq)]


def assert_only_allowed(raw: bytes) -> None:
    """Fail, and name them, when the output holds sequences that a terminal chat has no business sending."""
    bad = forbidden(raw)
    assert not bad, f"{len(bad)} forbidden sequences reached the terminal: {sorted(set(bad))[:10]}"
