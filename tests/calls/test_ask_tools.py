"""What `ask --tools` prints: the answer as it comes, and nothing of a call."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chatapp.cli.ask_tools import Shown
from chatapp.conversation.message import Message, Provenance, Role
from chatapp.conversation.tool_use import ToolUse

CALL = '<tool_call>{"name": "agenda", "arguments": {}}</tool_call>'


def reply(text, *calls):
    return Message(1, "", None, Role.ASSISTANT, text, provenance=Provenance(calls=calls))


def test_an_answer_is_printed_as_it_comes():
    shown = Shown(may_call=True)
    assert [shown.feed("It is "), shown.feed("40.8.")] == ["It is ", "40.8."]
    assert shown.end(reply("It is 40.8.")) == ""


def test_a_call_is_never_printed_and_the_next_reply_begins_on_a_line_of_its_own():
    shown = Shown(may_call=True)
    assert "".join(map(shown.feed, f"Let me see. {CALL}")) == "Let me see. "
    assert shown.restart() == "\n"
    assert shown.feed("Nothing is on.") == "Nothing is on."


def test_what_looked_like_a_call_and_was_none_is_printed_at_the_end():
    shown = Shown(may_call=True)
    assert shown.feed('{"age": 3}') == ""
    assert shown.end(reply('{"age": 3}')) == '{"age": 3}'
    shown = Shown(may_call=True)
    assert shown.feed(CALL) == ""
    assert shown.end(reply(CALL, ToolUse(name="agenda"))) == ""


def test_without_tools_json_is_printed_as_it_comes():
    shown = Shown(may_call=False)
    assert [shown.feed('{"a'), shown.feed('": 1}')] == ['{"a', '": 1}']


@pytest.mark.parametrize("flag", [["--tools"], []])
def test_json_lists_the_calls_where_tools_are_offered(tmp_path, flag):
    asked = [
        sys.executable,
        "-m",
        "chatapp",
        "--data-dir",
        str(tmp_path),
        "ask",
        *flag,
        "--json",
        "--max-tokens",
        "8",
    ]
    done = subprocess.run([*asked, "Hi"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    said = json.loads(done.stdout)
    assert ("calls" in said) == bool(flag)
    assert (said["context"]["tools"] > 0) == bool(flag)
