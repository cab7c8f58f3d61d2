"""The test terminal itself: it shows, types, resizes and hangs up, and its scanner tells good bytes from bad."""

from __future__ import annotations

import signal
import sys

import pytest
from terminal import Terminal, assert_only_allowed, forbidden

APP = """
from textual.app import App
from textual.widgets import Input, Static

class Tiny(App):
    def compose(self):
        yield Input(id="field")
        yield Static("ready", id="echo", markup=False)
    def on_input_submitted(self, event):
        self.query_one("#echo").update("heard " + event.value)
    def on_resize(self, event):
        self.query_one("#echo").update(f"{event.size.width} by {event.size.height}")

Tiny().run()
"""


@pytest.fixture
def tiny():
    with Terminal([sys.executable, "-c", APP], size=(60, 12)) as terminal:
        terminal.wait_for("60 by 12")
        yield terminal


def test_what_is_typed_reaches_the_program_and_its_answer_the_screen(tiny):
    tiny.send("good morning")
    tiny.press("enter")
    assert tiny.wait_for(r"heard (.*)").group(1) == "good morning"


def test_a_resize_reaches_the_program(tiny):
    tiny.resize(50, 10)
    tiny.wait_for("50 by 10")
    assert len(tiny.lines) == 10


def test_the_program_ends_by_key_and_sends_only_what_is_allowed(tiny):
    tiny.press("ctrl+q")
    assert tiny.wait_exit() == 0
    assert b"\x1b[?1049l" in tiny.raw
    assert_only_allowed(tiny.raw)


def test_a_missing_text_fails_and_shows_the_screen(tiny):
    with pytest.raises(AssertionError, match="60 by 12"):
        tiny.wait_for("never written", timeout=0.2)


def test_a_signal_ends_the_program(tiny):
    tiny.kill(signal.SIGKILL)
    assert tiny.wait_exit() == -signal.SIGKILL


def test_a_closed_window_hangs_up_on_the_program():
    with Terminal([sys.executable, "-c", "import time; print('up'); time.sleep(60)"]) as terminal:
        terminal.wait_for("up")
        terminal.hang_up()
        assert terminal.wait_exit() == -signal.SIGHUP


def test_children_are_seen():
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); print('up', flush=True); time.sleep(60)"
    with Terminal([sys.executable, "-c", code]) as terminal:
        terminal.wait_for("up")
        assert len(terminal.child_pids()) == 1


def test_sequences_that_pyte_does_not_know_leave_no_trace_even_when_split():
    code = (
        "import sys, time\n"
        "for part in (b'a\\x1b[>1', b'ub\\x1b[?2026$', b'pc\\x1b[<ud\\x1b[4:3me\\x1b]22;point', b'er\\x07f'):\n"
        "    sys.stdout.buffer.write(part); sys.stdout.flush(); time.sleep(0.05)\n"
        "sys.stdin.buffer.raw.read(1)\n"
    )
    with Terminal([sys.executable, "-c", code]) as terminal:
        terminal.wait_for("^abcdef$")


@pytest.mark.parametrize(
    "attack",
    [
        b"\x1b]0;title\x07",
        b"\x1b]52;c;aGk=\x07",
        b"\x1b]8;;http://example.org\x1b\\",
        b"\x1bP1$r\x1b\\",
        b"\x1b_Gi=1\x1b\\",
        b"\x1b^pm\x1b\\",
        b"\x1bXsos\x1b\\",
        b"\x1b[6n",
        b"\x1b[5n",
        b"\x1b[c",
        b"\x1b[21t",
        b"\x1b[?9999h",
        b"\x1bc",
        b"\x1b",
        b"\x07",
        b"\x0e",
        "\x9b31m".encode(),
        b"\x9b31m",
        "\x9d0;title\x9c".encode(),
    ],
)
def test_the_scanner_finds(attack):
    assert forbidden(b"\x1b[1;38;2;1;2;3mbefore" + attack + b"after\x1b[0m")


@pytest.mark.parametrize(
    "harmless",
    [
        "\x1b[?1049h\x1b[?1000h\x1b[?25l\x1b[>1u\x1b[?2026$p\x1b[?2026h\x1b[2;3H\x1b[38;2;1;2;3mtext\x1b[0m\x1b[K",
        "\x1b]22;pointer\x07",
        "ünïcode “quotes” 漢字 👩‍👩‍👧 \N{SYMBOL FOR ESCAPE}]52;c;x\r\n",
    ],
)
def test_the_scanner_lets_pass(harmless):
    assert forbidden(harmless.encode()) == []
