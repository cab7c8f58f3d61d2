"""Ctrl+Z and fg: the app under a shell with job control, suspended in mid-reply and taken up again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time

import psutil
import pytest
from terminal import Terminal

from chatapp.engine.watchdog import STOPPED_TICKS, TICK_SECONDS

QUESTION = "Write a very long story about a lighthouse keeper and the sea."
WRITING = r"tok/s\s+([\d,]+) tokens"


@pytest.mark.skipif(shutil.which("bash") is None, reason="the job control of bash is needed")
def test_a_suspended_app_comes_back_with_its_screen_its_engine_and_its_reply(tmp_path):
    """It is away for longer than an engine may be silent; nobody is accused of the app's own silence."""
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, size=(100, 30), env={"PS1": "shell> ", "HISTFILE": ""}) as terminal:
        terminal.wait_for("shell>", 10)
        terminal.send(f"{sys.executable} -m chatapp --data-dir {tmp_path}/home\n")
        terminal.wait_for("ready", 60)
        terminal.send(QUESTION)
        terminal.press("enter")
        terminal.wait_for(WRITING, 30)
        [app] = psutil.Process(terminal.pid).children()
        engines = [child.pid for child in app.children()]
        said = shown(terminal)

        app.send_signal(signal.SIGTSTP)
        terminal.wait_for("Stopped", 10)
        assert app.status() == psutil.STATUS_STOPPED
        time.sleep(2 * STOPPED_TICKS * TICK_SECONDS)
        terminal.send("echo still a $((1+1))-line shell\n")
        terminal.wait_for("still a 2-line shell", 10)

        terminal.send("fg\n")
        terminal.wait_for(r"lighthouse keeper", 10)
        while shown(terminal) <= said:
            terminal.wait_for(rf"{WRITING}|first", 10)
        assert [child.pid for child in app.children()] == engines
        os.kill(engines[0], 0)
        terminal.press("ctrl+q")
        terminal.wait_for("shell>", 10)
        terminal.send("exit\n")
        terminal.wait_exit(10)


def shown(terminal):
    """How many tokens the status line shows; all of them when the reply has ended."""
    found = re.search(WRITING, terminal.text())
    return int(found[1].replace(",", "")) if found else sys.maxsize if "first" in terminal.text() else 0
