"""The real app in a real terminal with the real model: what a person does in the first minutes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import Terminal

CHATAPP = [sys.executable, "-m", "chatapp"]
LONG_QUESTION = "Write a very long story about a lighthouse keeper and the sea."


def _start(data_dir, size, *flags):
    return Terminal([*CHATAPP, "--data-dir", str(data_dir), *flags], size=size)


def _sessions(data_dir):
    command = [*CHATAPP, "sessions", "list", "--json", "--data-dir", str(data_dir)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _messages(data_dir, session_id):
    command = [*CHATAPP, "sessions", "show", session_id, "--json", "--data-dir", str(data_dir)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["messages"]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_a_person_chats_stops_continues_answers_again_and_comes_back(tmp_path, size):
    """Type, see tokens stream, Esc, continue, regenerate, switch sibling, quit; --continue shows it all again."""
    with _start(tmp_path, size) as terminal:
        terminal.wait_for("ready", 60)
        terminal.send(LONG_QUESTION)
        terminal.press("enter")
        terminal.wait_for(r"tok/s\s+\d+ tokens", 30)
        terminal.press("esc")
        terminal.wait_for(r"stopped\s+\d+ tokens kept", 5)

        terminal.press("enter")
        terminal.wait_for(r"‹2/2›", 20)
        terminal.wait_for(r"tok/s\s+\d+ tokens", 20)
        terminal.press("esc")
        terminal.wait_for(r"stopped\s+\d+ tokens kept", 5)

        terminal.press("ctrl+r")
        terminal.wait_for(r"‹3/3›", 20)
        terminal.wait_for(r"tok/s\s+\d+ tokens", 20)
        terminal.press("esc")
        terminal.wait_for(r"stopped", 5)

        terminal.press("shift+up")
        terminal.wait_for("sibling", 5)
        terminal.press("left")
        terminal.wait_for(r"‹2/3›", 5)
        terminal.press("esc")
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0

    sessions = _sessions(tmp_path)
    assert [session["messages"] for session in sessions] == [4]
    assert sessions[0]["title"].startswith("Write a very long")
    replies = [m for m in _messages(tmp_path, sessions[0]["id"]) if m["role"] == "assistant"]
    assert {reply["status"] for reply in replies} == {"stopped"}
    assert replies[1]["text"].startswith(replies[0]["text"])

    with _start(tmp_path, size, "--continue") as terminal:
        terminal.wait_for(r"‹2/3›", 30)
        terminal.wait_for(re.escape("Write a very long"), 5)
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0


def test_what_is_written_before_the_model_is_loaded_waits_and_is_answered(tmp_path):
    """The message is on the page at once and says that it waits; the reply follows when the model is ready."""
    with _start(tmp_path, (100, 30)) as terminal:
        terminal.wait_for("Write to", 20)
        terminal.send("Say hello.")
        terminal.press("enter")
        terminal.wait_for(r"Say hello\.", 5)
        terminal.wait_for(r"ready", 60)
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0
    session = _sessions(tmp_path)[0]
    assert session["messages"] == 2


def test_every_new_line_key_breaks_the_line_and_sends_nothing(tmp_path):
    """Shift+Enter, Ctrl+J and Alt+Enter, as terminals send them; one message is kept, with all its lines."""
    with _start(tmp_path, (100, 30)) as terminal:
        terminal.wait_for("ready", 60)
        for word, key in (("one", "shift+enter"), ("two", "ctrl+j"), ("three", "alt+enter"), ("four", "enter")):
            terminal.send(word)
            terminal.wait_for(word, 5)
            terminal.press(key)
        terminal.wait_for(r"ready\s+first", 60)
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0
    messages = _messages(tmp_path, _sessions(tmp_path)[0]["id"])
    assert [m["text"] for m in messages if m["role"] == "user"] == ["one\ntwo\nthree\nfour"]


def test_a_killed_app_leaves_the_message_the_reply_and_no_orphan(tmp_path):
    """`kill -9` in mid-reply: the message is there, the reply is interrupted, the engine is gone in 2 s."""
    with _start(tmp_path, (100, 30)) as terminal:
        terminal.wait_for("ready", 60)
        terminal.send(LONG_QUESTION)
        terminal.press("enter")
        terminal.wait_for(r"tok/s\s+\d{2,} tokens", 30)
        shown = int(re.search(r"tok/s\s+([\d,]+) tokens", terminal.text())[1].replace(",", ""))
        children = terminal.child_pids()
        assert children
        terminal.kill(signal.SIGKILL)
        terminal.wait_exit(5)
    _gone(children)
    messages = _messages(tmp_path, _sessions(tmp_path)[0]["id"])
    assert messages[0]["text"] == LONG_QUESTION
    assert messages[1]["status"] == "interrupted"
    # 300 ms are some 60 tokens at the most on the machines that tests run on.
    assert len(messages[1]["token_ids"]) >= shown - 60


def test_a_killed_engine_is_said_in_the_page_and_the_next_message_works(tmp_path):
    """The partial reply is kept; a new engine starts with the next message."""
    with _start(tmp_path, (100, 30)) as terminal:
        terminal.wait_for("ready", 60)
        terminal.send(LONG_QUESTION)
        terminal.press("enter")
        terminal.wait_for(r"tok/s\s+\d{2,} tokens", 30)
        subprocess.run(["kill", "-9", *map(str, terminal.child_pids())], check=True)
        terminal.wait_for(r"engine stopped", 10)
        terminal.wait_for(r"tokens are saved", 5)
        terminal.send("Say hello.")
        terminal.press("enter")
        terminal.wait_for(r"ready", 60)
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0
    statuses = [m["status"] for m in _messages(tmp_path, _sessions(tmp_path)[0]["id"])]
    assert statuses == ["complete", "error", "complete", "complete"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_save_the_partial_reply_and_leave_no_orphan(tmp_path, number):
    """SIGTERM restores the screen; a hang-up ends quietly; in both the reply is kept."""
    with _start(tmp_path, (100, 30)) as terminal:
        terminal.wait_for("ready", 60)
        terminal.send(LONG_QUESTION)
        terminal.press("enter")
        terminal.wait_for(r"tok/s\s+\d+ tokens", 30)
        children = terminal.child_pids()
        terminal.kill(number)
        terminal.wait_exit(5)
        if number == signal.SIGTERM:
            assert b"\x1b[?1049l" in terminal.raw
    _gone(children)
    reply = _messages(tmp_path, _sessions(tmp_path)[0]["id"])[1]
    assert reply["status"] == "stopped"
    assert reply["text"]


def test_a_closed_terminal_ends_the_app_even_when_hangups_are_ignored(tmp_path):
    """Under nohup the app neither spins nor stays: it saves and goes within 3 s."""
    argv = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *CHATAPP, "--data-dir", str(tmp_path)]
    with Terminal(argv, size=(100, 30)) as terminal:
        terminal.wait_for("ready", 60)
        terminal.send("an unfinished thought")
        time.sleep(0.3)
        children = terminal.child_pids()
        terminal.hang_up()
        terminal.wait_exit(5)
    _gone(children)
    assert _sessions(tmp_path)


def _gone(pids, seconds=3.0):
    """Every process has ended (or is a zombie that nobody waits for)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return
        time.sleep(0.05)
    raise AssertionError(f"still alive: {[pid for pid in pids if _alive(pid)]}")


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
