"""Persona files: what they may say, and with which line a mistake is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.persona import Example, Persona
from chatapp.personas import BrokenPersona
from chatapp.personas.file import LIMIT, parse

PATH = Path("night-clerk.md")

COMPLETE = """\
---
name: Night clerk
description: awake when nobody is
greeting: "Checking in, {{user}}?"
preset: precise
sampling:
  temperature: 0.4
  top-k: 20
  min_p: 0.1
  repeat: 1.1
  max tokens: 64
stop: ["***"]
template: false
prefill: "Well, "
examples:
  - user: Any rooms?
    assistant: One.
---

You are a night clerk.

"""


def test_every_key_of_the_front_matter_reaches_the_persona():
    assert parse(COMPLETE.encode(), PATH) == Persona(
        name="Night clerk",
        description="awake when nobody is",
        system="You are a night clerk.",
        greeting="Checking in, {{user}}?",
        examples=(Example(user="Any rooms?", assistant="One."),),
        preset="Precise",
        sampling={
            "temperature": 0.4,
            "top_k": 20,
            "min_p": 0.1,
            "repeat_penalty": 1.1,
            "max_tokens": 64,
            "stop": ("***",),
        },
        template=False,
        prefill="Well, ",
    )


def test_windows_line_ends_and_a_byte_order_mark_change_nothing():
    windows = b"\xef\xbb\xbf" + COMPLETE.replace("\n", "\r\n").encode()
    assert parse(windows, PATH) == parse(COMPLETE.encode(), PATH)


def test_a_file_without_front_matter_is_named_by_its_file_and_is_all_prompt():
    persona = parse(b"Be kind.\n\n---\nAlways.", PATH)
    assert (persona.name, persona.system) == ("night-clerk", "Be kind.\n\n---\nAlways.")


@pytest.mark.parametrize(
    ("front", "line", "message"),
    [
        ("name: A\nsampling:\n  temperature: warm", 4, "‘temperature’ is not a number"),
        ("name: A\nsampling:\n  top_p: 1.5", 4, "‘top_p’ must be 0 to 1"),
        ("name: A\nsampling: {top-k: 40.5}", 3, "‘top-k’ must be a whole number"),
        ("name: A\nsampling: {temperature: true}", 3, "‘temperature’ is not a number"),
        ("name: A\nsampling:\n  min-p: 0.1\n  warmth: 3", 5, "there is no setting called ‘warmth’"),
        ("name: A\n\n# a comment\ndescripton: b", 5, "there is no key called ‘descripton’; nearest: description"),
        ("name: A\ntemperature: 1", 3, "‘temperature’ belongs under ‘sampling:’"),
        ("name: 42", 2, "‘name’ is not text; put it in quotes"),
        ("description: a\nname: ''", 3, "‘name’ is empty"),
        ("name: A\nname: B", 3, "‘name’ is there twice"),
        ("name: A\ntemplate: perhaps", 3, "‘template’ is not true or false"),
        ("name: A\npreset: Warm", 3, "there is no preset called ‘Warm’"),
        ("name: A\nstop: [a, '']", 3, "‘stop’ must be a list of strings"),
        ("name: A\nstop: END", 3, "‘stop’ is not a list"),
        ("examples:\n  - user: a\n    assistant: b\n  - user: c", 5, "the example has no ‘assistant’"),
        ("examples:\n  - user: a\n    bot: b", 4, "an example has ‘user’ and ‘assistant’, not ‘bot’"),
        ("name: A\ndescription: a: b", 3, "this is not YAML"),
        ("name: A\ngreeting: 'never closed\npreset: Code", 3, "this is not YAML"),
        ("name: A\n\tpreset: Code", 3, "this is not YAML"),
        ("name: A\ngreeting: a \x07 bell", 3, "there is a control character"),
        ("name: A\ngreeting: 'a\u2028b'\nsampling: 3", 4, "‘sampling’ is not made of ‘key: value’ lines"),
        ("- a\n- b", 2, "the front matter is not made of ‘key: value’ lines"),
    ],
)
def test_a_mistake_is_reported_with_the_line_it_is_on(front: str, line: int, message: str):
    with pytest.raises(BrokenPersona) as caught:
        parse(f"---\n{front}\n---\nprompt".encode(), PATH)
    assert (caught.value.line, caught.value.path) == (line, PATH)
    assert str(caught.value).startswith(f"line {line}: {message}")


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"---\nname: A\nno end", 1, "the front matter has no end"),
        (b"one\ntwo \xff", 2, "this is not UTF-8 text"),
        (b"x" * (LIMIT + 1), None, "the file is larger than 256 KB"),
    ],
)
def test_a_file_that_is_no_text_or_has_no_end_is_refused(data: bytes, line: int | None, message: str):
    with pytest.raises(BrokenPersona) as caught:
        parse(data, PATH)
    assert caught.value.line == line
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "hostile", ["[" * 60_000, "a: &a [*a]", "top-k: " + "9" * 9_000, "x: !!python/name:os.system"]
)
def test_hostile_yaml_is_refused(hostile: str):
    with pytest.raises(BrokenPersona):
        parse(f"---\nsampling:\n  {hostile}\n---\n".encode(), PATH)


_KEYS = (
    "name",
    "description",
    "greeting",
    "examples",
    "preset",
    "sampling",
    "stop",
    "template",
    "prefill",
    "schema",
    "top-k",
)
_VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["{min-p: .nan}", "{seed: 1_0}", "[1, a]", "!!int x", "!!bool 3", "2026-99-99", "~", "*a", "<<"]
    ),
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: f"---\n{text}\n---\n".encode(errors="surrogatepass")),
        st.lists(st.tuples(st.sampled_from(_KEYS), _VALUES), max_size=4).map(
            lambda pairs: ("---\n" + "".join(f"{key}: {value}\n" for key, value in pairs) + "---\nprompt").encode(
                errors="surrogatepass"
            )
        ),
    )
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_a_persona_or_say_what_is_broken(data: bytes):
    try:
        persona = parse(data, PATH)
    except BrokenPersona as error:
        assert error.message  # noqa: PT017  either outcome is right, nothing else is
        assert error.line is None or 1 <= error.line <= data.count(b"\n") + data.count(b"\r") + 2  # noqa: PT017  as above
    else:
        assert Persona.model_validate(persona.model_dump()) == persona


SCHEMA = {
    "type": "object",
    "properties": {"b": {"enum": ["x", "2026-01-02"]}, "a": {"type": "null"}},
    "required": ["b"],
}
IN_YAML = """\
schema:
  type: object
  properties:
    b: {enum: [x, 2026-01-02]}
    a: {type: 'null'}
  required: [b]"""


@pytest.mark.parametrize(
    "written",
    [
        IN_YAML,
        "schema: " + json.dumps(SCHEMA),
        "schema: |\n  " + json.dumps(SCHEMA),
        "schema: beside.json",
    ],
)
def test_a_schema_is_written_in_place_or_lies_beside_the_file(tmp_path: Path, written: str):
    (tmp_path / "beside.json").write_text(json.dumps(SCHEMA))
    persona = parse(f"---\n{written}\ntask: true\nstop: [END]\n---\nx".encode(), tmp_path / "a.md")
    assert json.loads(persona.json_schema) == SCHEMA
    assert list(json.loads(persona.json_schema)["properties"]) == ["b", "a"]  # the order that it is written in
    assert (persona.task, persona.sampling["stop"]) == (True, ("END",))


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("schema: gone.json", "‘schema’: gone.json cannot be read"),
        ("schema: ../other.json", "‘schema’ names a file beside this one, without a folder"),
        ("schema: {type: strange}", "‘schema’: #: ‘type’ must be one of"),
        ("schema: {type: string, pattern: a}", "‘schema’: #: ‘pattern’"),
        ("schema: '{'", "‘schema’: line 1"),
        ("schema: &a {anyOf: [*a, *a]}", "‘schema’ is too large, or nested too deep"),
    ],
)
def test_a_schema_that_no_grammar_can_promise_is_refused_with_its_line(front: str, message: str):
    with pytest.raises(BrokenPersona) as caught:
        parse(f"---\nname: A\n{front}\n---\n".encode(), PATH)
    assert str(caught.value).startswith(f"line 3: {message}")
