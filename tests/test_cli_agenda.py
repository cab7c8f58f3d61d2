"""Reminders, notes and the day from the command line, as scripts and timers rely on them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass

import apsw
import pytest
from terminal import Terminal

CHATAPP = [sys.executable, "-m", "chatapp"]


@dataclass
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def chatapp(home):
    def run(*argv, stdin="", **env):
        done = subprocess.run(
            [*CHATAPP, *argv, "--data-dir", str(home)],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "TZ": "Europe/Berlin", **env},
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def add(chatapp, *words):
    done = chatapp("reminders", "add", *words, "--yes", "--json")
    assert done.status == 0, done.err
    return done.json


def test_nothing_is_created_without_a_word_of_the_user(chatapp):
    done = chatapp("reminders", "add", "every first Monday at 9 pay the rent", "--json")
    assert (done.status, done.json["error"]["kind"]) == (1, "unconfirmed")
    for words in ("pay the rent", "09:00", "Europe/Berlin (UTC+", "every first Monday of the month"):
        assert words in done.err
    assert chatapp("reminders", "list", "--json").json == []


@pytest.mark.parametrize(("answer", "created"), [("y", 1), ("", 0), ("n", 0)])
def test_on_a_terminal_it_shows_the_values_and_asks(home, chatapp, answer, created):
    command = [*CHATAPP, "reminders", "add", "tomorrow at 9 water the plants", "--data-dir", str(home)]
    with Terminal(command, size=(80, 24)) as terminal:
        terminal.wait_for(r"Create this reminder\? \[y/N\]")
        assert "water the plants" in terminal.text()
        terminal.send(f"{answer}\r")
        assert terminal.wait_exit() == (0 if created else 1)
    assert len(chatapp("reminders", "list", "--json").json) == created


def test_a_reminder_is_told_once_put_off_done_and_over(chatapp):
    one = add(chatapp, "2020-01-01 09:00 water the plants")
    assert one["due"]
    (due,) = chatapp("reminders", "due", "--json").json
    assert (due["text"], due["late"], due["occurrence"]) == ("water the plants", True, "2020-01-01T09:00")
    assert chatapp("reminders", "due", "--json").json == []
    snoozed = chatapp("reminders", "snooze", one["id"][:5], "2 hours", "--json").json
    assert (snoozed["due"], snoozed["next"]) == (False, snoozed["snoozed_until"])
    assert not chatapp("reminders", "done", one["id"], "--json").json["due"]
    assert chatapp("reminders", "list").out == ""
    assert "over" in chatapp("reminders", "list", "--all").out
    assert chatapp("reminders", "done", one["id"]).status == 1


def test_a_reminder_is_said_anew_and_changed_only_with_a_word_of_the_user(chatapp):
    one = add(chatapp, "every Monday at 9 pay the rent")
    asked = chatapp("reminders", "edit", one["id"], "every first Tuesday at 10:30", "--json")
    assert (asked.status, asked.json["error"]["kind"]) == (1, "unconfirmed")
    for words in ("pay the rent", "10:30", "every first Tuesday of the month", "was      pay the rent: Monday"):
        assert words in asked.err
    assert chatapp("reminders", "list", "--json").json[0]["repeats"] == "every week on Monday"
    timed = chatapp("reminders", "edit", one["id"][:6], "every first Tuesday at 10:30", "--yes", "--json").json
    assert (timed["id"], timed["text"], timed["repeats"]) == (
        one["id"],
        "pay the rent",
        "every first Tuesday of the month",
    )
    worded = chatapp("reminders", "edit", one["id"], "pay rent and power", "--yes", "--json").json
    assert worded == {**timed, "text": "pay rent and power"}
    both = chatapp("reminders", "edit", one["id"], "2030-01-02 08:00 call the bank", "--yes", "--json").json
    assert (both["text"], both["start"], both["rule"]) == ("call the bank", "2030-01-02T08:00", None)
    assert [one["id"] for one in chatapp("reminders", "list", "--json").json] == [one["id"]]
    assert chatapp("reminders", "edit", one["id"], "x" * 501, "--yes").status == 1


def test_deleted_and_restored(chatapp):
    one = add(chatapp, "tomorrow at 9 tea")
    chatapp("reminders", "delete", one["id"])
    assert chatapp("reminders", "list", "--json").json == []
    chatapp("reminders", "restore", one["id"])
    assert [row["text"] for row in chatapp("reminders", "list", "--json").json] == ["tea"]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["add", "tea", "--yes"], "When?"),
        (["add", "every minute tea", "--yes"], "once a day at most"),
        (["add", "tomorrow tea", "--zone", "Mars/Olympus", "--yes"], "no time zone called ‘Mars/Olympus’"),
        (["done", "nobody"], "There is no reminder"),
        (["import", "/nowhere.ics"], "cannot be read"),
        (["import", __file__], "not a calendar file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(chatapp, argv, sentence):
    done = chatapp("reminders", *argv)
    assert done.status == 1
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_out_to_a_calendar_file_and_in_again(chatapp, tmp_path):
    add(chatapp, "every first Monday at 9 pay the rent")
    file = tmp_path / "out.ics"
    assert chatapp("reminders", "export", str(file), "--json").json["reminders"] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert chatapp("reminders", "export").out.startswith("BEGIN:VCALENDAR")
    assert chatapp("reminders", "import", str(file), "--yes", "--json").json["already_there"] == 1
    refused = chatapp("reminders", "import", str(file))
    assert (refused.status, "pay the rent" in refused.err) == (1, True)


def test_a_due_one_is_notified_with_the_text_as_one_argument(chatapp, tmp_path):
    heard = tmp_path / "heard"
    program = tmp_path / "notify-send"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {heard}\n")
    program.chmod(0o755)
    add(chatapp, "2020-01-01 09:00 $(touch pwned) <b>&\x1b]0;x\x07")
    chatapp("reminders", "due", "--notify", PATH=f"{tmp_path}:{os.environ['PATH']}")
    said = heard.read_text().splitlines()
    assert said[:3] == ["--app-name=chatapp", "--", "chatapp"]
    assert "$(touch pwned) &lt;b&gt;&amp;" in said[3]
    assert "\x1b" not in said[3]


def test_the_timer_is_only_shown_when_that_is_all_that_is_asked(chatapp, tmp_path):
    done = chatapp("reminders", "install-timer", "--print", HOME=str(tmp_path))
    assert "ExecStart=" in done.out or "ProgramArguments" in done.out
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "home"])
    assert chatapp("reminders", "install-timer", HOME=str(tmp_path)).status == 1


def test_a_note_is_kept_found_shown_and_deleted(chatapp):
    (note,) = chatapp("note", "boiler: call Ms Okafor", "--json").json
    chatapp("note", "--json", stdin="piped in\nwith lines")
    assert [one["text"] for one in chatapp("note", "list", "--json").json] == [
        "piped in\nwith lines",
        "boiler: call Ms Okafor",
    ]
    assert [one["id"] for one in chatapp("note", "search", "okaf", "--json").json] == [note["id"]]
    assert chatapp("note", "show", note["id"][:6]).out == "boiler: call Ms Okafor\n"
    chatapp("note", "delete", note["id"])
    assert len(chatapp("note", "list", "--json").json) == 1
    chatapp("note", "restore", note["id"])
    assert len(chatapp("note", "list", "--json").json) == 2
    assert chatapp("note").status == 2


def test_the_day_in_words_and_for_programs(chatapp):
    assert "Nothing is due" in chatapp("agenda").out
    add(chatapp, "2020-01-01 09:00 water the plants")
    add(chatapp, "in 3 days at 9 buy milk")
    chatapp("note", "an idea")
    said = chatapp("agenda").out
    for words in ("Due:", "water the plants", "Coming:", "buy milk", "Latest notes:", "an idea"):
        assert words in said
    day = chatapp("agenda", "--json").json
    assert ([one["text"] for one in day["due"]], day["zone"]) == (["water the plants"], "Europe/Berlin")


def test_memory_is_added_shown_edited_and_forgotten(chatapp, home):
    chatapp("memory", "add", "The landlord is", "Ms Okafor.")
    chatapp("memory", "add", "Likes tea.")
    shown = chatapp("memory", "show", "--json").json
    assert [(one["number"], one["text"], one["source"]) for one in shown] == [
        (1, "The landlord is Ms Okafor.", "you"),
        (2, "Likes tea.", "you"),
    ]
    chatapp("memory", "forget", "1")
    assert chatapp("memory", "forget", "7").status == 1
    editor = home / "editor"
    editor.write_text('#!/bin/sh\necho "- Speaks Dutch." >> "$1"\n')
    editor.chmod(0o755)
    edited = chatapp("memory", "edit", "--json", EDITOR=str(editor)).json
    assert [one["text"] for one in edited] == ["Likes tea.", "Speaks Dutch."]
    assert (home / "memory.md").read_text().startswith("# Memory\n")


def test_what_is_remembered_is_in_the_prompt_and_counted_there(chatapp, model_path):
    ask = ("ask", "Hi", "--json", "--max-tokens", "1", "--temperature", "0")
    without = chatapp(*ask).json["prompt_tokens"]
    chatapp("memory", "add", "The landlord is Ms Okafor.")
    with_memory = chatapp(*ask).json
    assert with_memory["prompt_tokens"] > without
    assert chatapp(*ask, "--no-memory").json["prompt_tokens"] == without
    plan = with_memory["context"]
    assert plan["memory"] > 0
    assert plan["prompt"] == with_memory["prompt_tokens"]


def test_what_a_newer_chatapp_wrote_is_read_and_that_is_said(chatapp, home):
    assert chatapp("note", "milk").status == 0
    with apsw.Connection(str(home / "chats.db")) as database:
        database.pragma("user_version", 99)
    for command in (("note", "list"), ("reminders", "list"), ("agenda",)):
        done = chatapp(*command)
        assert (done.status, "newer" in done.err) == (0, True)
    assert "milk" in chatapp("note", "list").out
    refused = chatapp("note", "eggs")
    assert (refused.status, "newer" in refused.err) == (1, True)
