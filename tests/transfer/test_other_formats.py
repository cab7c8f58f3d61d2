"""Other programs' files, and ours written in their formats."""

# ruff: noqa: E501  tables
from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from transfer.samples import OPENAI, SESSIONS, SHAREGPT, SILLYTAVERN, TEXT, chatgpt, lines

from chatapp.conversation.message import Message, Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree
from chatapp.transfer import FORMATS, Imported, markdown, read_file, sillytavern
from chatapp.transfer.values import moment

WRITE = {one.name: one.write for one in FORMATS}


@pytest.fixture
def read(tmp_path: Path):
    def from_text(text: str | bytes):
        path = tmp_path / "file"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [outcome for outcome, _ in read_file(path)]

    return from_text


def said(imported: Imported) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in imported.session.tree.path()]


def test_chatgpt_comes_with_its_whole_tree(read) -> None:
    [one, two] = read(json.dumps([chatgpt(), chatgpt() | {"title": None, "current_node": "a2"}]))
    assert said(one) == [
        ("user", "What is 2+2?"),
        ("assistant", "Let me compute."),
        ("user", "[result of python]\n4"),
        ("assistant", "It is 4."),
    ]
    tree = one.session.tree
    assert [child.text for child in tree.children(1)] == ["Let me compute.", "Four."]
    assert tree[2].provenance.model_name == "gpt-4o"
    assert (one.session.title, one.session.created_ms, tree[1].created_ms) == (
        "Sums",
        1700000000000,
        1700000000500,
    )
    assert one.warnings == ["left out: what the format calls ‘thoughts’"]
    assert said(two)[-1] == ("assistant", "Four.")
    assert two.session.title == "What is 2+2?"


def test_a_chatgpt_tree_that_makes_no_sense_is_read_as_far_as_it_goes(read) -> None:
    odd = chatgpt()
    odd["mapping"]["q"]["parent"] = "nobody"
    odd["mapping"]["a1"]["parent"], odd["mapping"]["t"]["parent"] = "t", "a1"  # a circle
    odd["current_node"] = ["not", "a", "string"]
    [one] = read(json.dumps([odd]))
    assert said(one) == [("user", "What is 2+2?"), ("assistant", "Four.")]
    assert "left out: a message that hangs in a circle (3 times)" in one.warnings


def test_swipes_become_siblings(read) -> None:
    [one] = read(lines(*SILLYTAVERN))
    tree = one.session.tree
    assert said(one) == [("assistant", "Hello!"), ("user", "Who are you?"), ("assistant", "A guardian (edited).")]
    assert [message.text for message in tree.siblings(2)] == ["Hi.", "Hello!"]
    assert [message.text for message in tree.siblings(tree.tip().id)] == [
        "A guardian.",
        "Nobody.",
        "A guardian (edited).",
    ]
    assert [tree[1].provenance.model_name, tree[2].provenance.model_name] == ["m1", "m2"]
    assert (one.session.persona.name, one.warnings) == (
        "Seraphina",
        ["left out: a message that was hidden from the model"],
    )


def test_messages_of_openai_come_in_with_tools_as_text(read) -> None:
    expected = [
        ("user", "Weather?"),
        ("assistant", '[calls weather]\n```json\n{"q": 1}\n```'),
        ("user", "[result of weather]\nrain"),
        ("assistant", "Rain."),
        ("user", "[system]\nBe kind."),
    ]
    bare = json.dumps(OPENAI["messages"])
    for text in (json.dumps(OPENAI, indent=2), lines(OPENAI), bare, lines(*OPENAI["messages"])):
        [one] = read(text)
        assert said(one) == expected
        assert one.session.persona.system == "Be brief."
        assert len(one.warnings) == 2
    assert len(read(lines(OPENAI, OPENAI))) == 2


def test_sharegpt_comes_in(read) -> None:
    pairs = {"conversation": [{"human": "Hi", "assistant": "Hello"}], "system": "Be brief."}
    for text in (lines(SHAREGPT), json.dumps([SHAREGPT]), json.dumps(SHAREGPT, indent=1), lines(pairs)):
        [one] = read(text)
        assert (said(one), one.session.persona.system) == ([("user", "Hi"), ("assistant", "Hello")], "Be brief.")


def branched() -> Session:
    tree = Tree()
    for number, (parent, role, text) in enumerate(
        [(None, "user", "Q"), (1, "assistant", "worse"), (1, "assistant", "better"), (3, "user", "more"), (4, "assistant", "end")],
        1,
    ):  # fmt: skip
        tree.add(Message(number, f"u{number}", parent, Role(role), text, created_ms=1_700_000_000_000 + number))
    return Session(1, "abcdef", "On Q", Persona(name="Tutor", system="Teach.", greeting="Hello"), tree)


def test_preference_pairs_come_from_siblings() -> None:
    [pair] = map(json.loads, WRITE["preferences"](branched()).splitlines())
    assert pair == {
        "prompt": [
            {"role": "system", "content": "Teach."},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Q"},
        ],
        "chosen": [{"role": "assistant", "content": "better"}],
        "rejected": [{"role": "assistant", "content": "worse"}],
    }


@pytest.mark.parametrize("name", ["native", "markdown", "json", "openai", "sharegpt", "sillytavern"])
def test_what_is_exported_can_be_imported(name: str, read) -> None:
    session = branched()
    session.persona = Persona(name="Tutor", system="Teach.")
    [one] = read(WRITE[name](session))
    assert said(one) == [("user", "Q"), ("assistant", "better"), ("user", "more"), ("assistant", "end")]
    assert one.warnings == []
    if name != "sillytavern":
        assert one.session.persona.system == "Teach."
    if name in {"native", "sillytavern"}:
        assert [message.text for message in one.session.tree.siblings(3)] == ["worse", "better"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, TEXT)
def test_markdown_brings_back_any_text(one: str, two: str) -> None:
    tricky = "## You <!-- chatapp:user 5 -->\n\\## x <!-- chatapp:user -->"
    tree = Tree()
    texts = [f"a{one}", f"b{two}\n{tricky}\n{one}", f"\n\n{one}c\n\n"]
    for number, text in enumerate(texts, 1):
        tree.add(Message(number, "", number - 1 or None, Role.USER if number % 2 else Role.ASSISTANT, text))
    session = Session(0, "", "---\nT: <!-- -->", Persona(name="A <!-- chatapp:user -->"), tree)
    text = markdown.write(session)
    assert markdown.fits(text)
    read = [message.text for message in markdown.read(text).session.tree.path()]
    assert read == [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]


@settings(max_examples=60, deadline=None)
@given(SESSIONS)
def test_any_session_can_be_exported_to_any_format(session: Session) -> None:
    for one in FORMATS:
        text = one.write(session)
        text.encode()
        if one.suffix == ".json":
            json.loads(text)
        elif one.suffix == ".jsonl":
            for line in text.split("\n")[:-1]:
                json.loads(line)


def test_plain_text_moves_no_cursor() -> None:
    session = branched()
    session.tree[3].text = "\x1b[2Jgone"
    assert "\x1b" not in WRITE["text"](session)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000.5, 1_700_000_000_500),
        (1_700_000_000_123, 1_700_000_000_123),
        ("1700000000", 1_700_000_000_000),
        ("2024-09-28T13:05:00.000Z", 1_727_528_700_000),
        (None, 0), (True, 0), (-5, 0), (1e400, 0), (10**40, 0), ("soon", 0), ("9" * 99, 0), ([], 0), ("0000-00-00", 0),
    ],
)  # fmt: skip
def test_dates_in_every_writing(written, means: int) -> None:
    assert moment(written) == means


def test_sillytavern_dates_are_local(monkeypatch) -> None:
    assert moment("2024-9-28 @13h 02m 03s 4ms") == moment("September 28, 2024 1:02pm") + 3000 > 0


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_what_came_without_a_date_goes_without_one(read, form) -> None:
    [imported] = read(lines(OPENAI))
    imported.session.created_ms = imported.session.updated_ms = 0
    assert not any(message.created_ms for message in imported.session.tree.all())
    assert "1970" not in form.write(imported.session)


def test_a_sillytavern_file_keeps_the_system_prompt(read) -> None:
    [imported] = read(lines(OPENAI))
    written = sillytavern.write(imported.session)
    assert json.loads(written.splitlines()[0])["chat_metadata"] == {
        "system_prompt": imported.session.persona.system
    }
    assert read(written)[0].session.persona.system == imported.session.persona.system != ""
