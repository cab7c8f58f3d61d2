"""Calls in a reply: both styles that are seen in the wild, read strictly; everything else is text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.tools.catalogue import BY_NAME, Calculate
from chatapp.tools.reading import Call, Unreadable, calls_in, held

SUM = '{"name": "calculator", "arguments": {"expression": "1 + 1"}}'
ONE = Call("calculator", Calculate(expression="1 + 1"))


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (f"<tool_call>{SUM}</tool_call>", 0),
        (f"<tool_call>\n{SUM}\n</tool_call>\n\n", 0),
        (f"Let me see.\n<tool_call>\n {SUM} </tool_call>", 12),
        (f"The mark <tool_call> begins one. <tool_call>{SUM}</tool_call>", 33),
        (SUM, 0),
        (f"\n {SUM.replace('arguments', 'parameters')} ", 2),
        (f"<|python_tag|>{SUM.replace('arguments', 'parameters')}", 0),
        ('{"type": "function", "name": "calculator", "parameters": {"expression": "1 + 1"}}', 0),
    ],
)
def test_a_call_is_read_in_every_style(text, begins):
    found = calls_in(text)
    assert found is not None
    assert (found.begins, found.calls) == (begins, (ONE,))


def test_several_calls_follow_one_another():
    found = calls_in(f"<tool_call>{SUM}</tool_call>\n" * 5)
    assert found is not None
    assert found.calls == (ONE,) * 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is 2.",
        '{"name": "Ada", "age": 36}',
        f"```\n<tool_call>{SUM}</tool_call>\n```",
        f"<tool_call>{SUM}</tool_call> That was a call.",
        f"<tool_call>{SUM}",
        f"{SUM} {SUM}",
        f"Here is one: {SUM}",
        "<tool_call>",
        '{"name": "calculator", "name": "remember", "arguments": {}}',
        '{"name": "calculator", "arguments": {"expression": NaN}}',
        '{"name": "calculator", "arguments": "1 + 1"}',
        '{"a":' * 3000,
    ],
)
def test_everything_else_is_text(text):
    assert calls_in(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<tool_call>{"name": "shell", "arguments": {}}</tool_call>', "no tool called ‘shell’"),
        ('<tool_call>{"name": "calculator", "arguments": {}}</tool_call>', "‘expression’"),
        (f'<tool_call>{SUM[:-2]}, "file": "/etc/passwd"}}}}</tool_call>', "‘file’"),
        ('<tool_call>{"name": "calculator", "arguments": {"expression": " "}}</tool_call>', "nothing in it"),
        ('<tool_call>{"name": "remember", "arguments": {"fact": "' + "x" * 201 + '"}}</tool_call>', "200"),
        ("<tool_call>calculator(1 + 1)</tool_call>", "no JSON object"),
        ('<tool_call>{"tool": "calculator"}</tool_call>', "a name and arguments"),
        ("<|python_tag|>print(1 + 1)", "none"),
    ],
)
def test_what_is_meant_for_a_call_and_is_none_says_why(text, reason):
    found = calls_in(text)
    assert found is not None
    (call,) = found.calls
    assert isinstance(call, Unreadable)
    assert reason in call.sentence


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text):
    calls_in(text)
    assert 0 <= held(text) <= len(text)


PIECES = st.sampled_from([
    "<tool_call>", "</tool_call>", "<|python_tag|>", SUM, "{", "}", '"name":', " ", "\n", "text", "<tool",
])  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_read_is_a_known_tool_or_a_sentence_and_begins_within_the_text(text):
    found = calls_in(text)
    if found is not None:
        assert 0 <= found.begins < len(text)
        assert all(call.sentence if isinstance(call, Unreadable) else call.name in BY_NAME for call in found.calls)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.data())
def test_what_is_shown_while_a_reply_grows_never_reaches_into_its_calls(text, data):
    found = calls_in(text)
    begun = text[: data.draw(st.integers(0, len(text)))]
    assert held(begun) <= len(begun)
    assert found is None or held(begun) <= found.begins


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.none(), max_size=3))
def test_any_arguments_are_valid_or_refused(arguments):
    for name in BY_NAME:
        found = calls_in(f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>")
        assert found is not None
        assert len(found.calls) == 1
