"""Files made to hurt: each is refused or repaired with a sentence; never a traceback, never half of one."""

# ruff: noqa: E501  files as they are
from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transfer.samples import OPENAI, SHAREGPT, SILLYTAVERN, chatgpt, lines
from transfer.test_other_formats import branched

from chatapp.exchange import import_file
from chatapp.store import Store
from chatapp.transfer import FORMATS, Unreadable, imported, read_file

WRITE = {one.name: one.write for one in FORMATS}
DEEP = "[" * 200_000 + "]" * 200_000


def chat(text: str) -> str:
    return f'{{"messages": [{{"role": "user", "content": {text}}}]}}'


REFUSED = {
    "empty": b"",
    "blank": b" \n\t ",
    "NUL": b"\0" * 4096,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "words": b"just some words",
    "a deep list": DEEP.encode(),
    "a deep object": (b'{"messages": ' + DEEP.encode() + b"}"),
    "deep in a list": b'[{"messages": ' + DEEP.encode() + b"}]",
    "a cut list": json.dumps([chatgpt()]).encode()[:-40],
    "a cut object": json.dumps(OPENAI).encode()[:-40],
    "a huge integer": b'[{"mapping": ' + b"9" * 500_000 + b"}]",
    "an integer": b"[1, 2, 3]",
    "latin-1": '{"messages": [{"role": "user", "content": "é"}]}'.encode("latin-1"),
    "UTF-16": json.dumps(OPENAI).encode("utf-16"),
    "nothing known": b'{"a": 1}\n{"b": 2}\n',
    "no message": b'{"messages": []}',
    "foreign markdown": b"---\ntitle: x\n---\n# Hello\n",
    "bad front matter": b"---\na: [\n---\n\n## You <!-- chatapp:user -->\n\nhi\n",
    "yaml bomb": b"---\na: &a [x,x]\nb: &b [*a,*a]\nc: !!python/object/apply:os.system [id]\n---\n\n## You <!-- chatapp:user -->\n\nhi\n",
    "infinite number": b'[{"mapping": 1e999}]',
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_read_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "evil\x1b[2J.json"
    path.write_bytes(REFUSED[name])
    store = await Store.temporary()
    with pytest.raises(Unreadable) as refusal:
        await import_file(store, path)
    assert "\x1b" not in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert await store.sessions() == []
    await store.close()


REPAIRED = {
    "a lone surrogate": (chat(r'"a\ud800b"'), "a\ufffdb"),
    "NUL": (chat(r'"a\u0000b"'), "a\ufffdb"),
    "duplicate keys": ('{"messages": 1, "messages": [{"role": "user", "content": "b"}]}', "b"),
    "NaN": ('{"x": NaN, "y": -Infinity, "messages": [{"role": "user", "content": "b", "timestamp": NaN}]}', "b"),
    "a big number": ('{"x": %s, "messages": [{"role": "user", "content": "b"}]}' % ("9" * 100_000), "b"),
    "a byte order mark": ("\ufeff" + chat('"b"'), "b"),
    "escapes": (chat(r'"\u001b[2J"'), "\x1b[2J"),
    "wrong kinds": ('{"title": 5, "messages": [7, null, {"role": 1}, {"role": "user", "content": "b"}]}', "b"),
}


@pytest.mark.parametrize("name", REPAIRED)
async def test_what_can_be_repaired_comes_in(name: str, tmp_path: Path) -> None:
    text, means = REPAIRED[name]
    path = tmp_path / "file"
    path.write_bytes(text.encode())
    store = await Store.temporary()
    [uid] = (await import_file(store, path)).sessions
    assert [message.text for message in (await store.session(uid)).tree.path()] == [means]
    await store.close()


async def test_names_and_titles_are_data(tmp_path: Path) -> None:
    path = tmp_path / "file"
    name = "../../\x1b[2J\n{{char}}[@click=app.quit]" + "x" * 500
    path.write_text(json.dumps(chatgpt() | {"title": name}) + "\n" + json.dumps(SILLYTAVERN[2] | {"name": name}))
    store = await Store.temporary()
    report = await import_file(store, path)
    assert len(report.titles[0]) <= 200
    assert "\n" not in report.titles[0]
    await store.close()


async def test_one_bad_conversation_of_many_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(json.dumps([chatgpt(), {"title": "Empty", "mapping": {}}, 3, chatgpt()]))
    store = await Store.temporary()
    report = await import_file(store, path)
    assert len(report.sessions) == 2
    assert [w for w in report.warnings if "left out:" in w and "was" in w] == [
        "Conversation 2 ‘Empty’ was left out: there is no message in it.",
        "Conversation 3 was left out: it is no JSON object.",
    ]
    await store.close()


async def test_a_message_of_absurd_length_and_a_flood_are_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(imported, "LONGEST_MESSAGE", 10)
    path = tmp_path / "file"
    path.write_text(chat('"' + "a" * 50 + '"'))
    store = await Store.temporary()
    report = await import_file(store, path)
    assert "the end of a message of 50 characters" in report.warnings[0]
    monkeypatch.setattr(imported, "MOST_MESSAGES", 2)
    path.write_text(lines(*[{"role": "user", "content": "x"}] * 3))
    with pytest.raises(Unreadable, match="more than"):
        await import_file(store, path)
    await store.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
        with pytest.raises(Unreadable, match="no such file"):
            next(read_file(path))


async def test_importing_twice_makes_two_and_touches_neither(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(WRITE["native"](branched()))
    store = await Store.temporary()
    [first] = (await import_file(store, path)).sessions
    before = await store.session(first)
    [second] = (await import_file(store, path)).sessions
    assert first != second
    assert await store.session(first) == before or WRITE["native"](before) == WRITE["native"](
        await store.session(first)
    )
    await store.close()


async def test_an_archive_comes_below_what_is_there_in_its_own_order(tmp_path: Path) -> None:
    store = await Store.temporary()
    await store.adopt(branched())
    path = tmp_path / "file"
    path.write_text(json.dumps([chatgpt() | {"title": title} for title in ("newest", "older", "oldest")]))
    heard: list[int] = []
    await import_file(store, path, lambda read, _report: heard.append(read))
    assert [head.title for head in await store.sessions()] == ["On Q", "newest", "older", "oldest"]
    assert len(heard) == 3
    path.write_text(json.dumps([chatgpt() | {"title": "alone"}]))
    await import_file(store, path)
    assert (await store.sessions())[0].title == "alone"
    await store.close()


async def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(json.dumps([chatgpt()]))
    report = await import_file(None, path)
    assert (report.sessions, report.titles, report.messages) == ([], ["Sums"], 5)


SEEDS = [
    json.dumps([chatgpt(), chatgpt()]).encode(),
    lines(*SILLYTAVERN).encode(),
    lines(OPENAI, SHAREGPT).encode(),
    WRITE["native"](branched()).encode(),
    WRITE["markdown"](branched()).encode(),
]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SEEDS), st.integers(0, 2**32))
def test_mutated_files_never_raise_and_never_come_in_by_halves(tmp_path_factory, data: bytes, seed: int) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated-import"
    path.write_bytes(_mutated(data, random.Random(seed)))
    store_and_report = asyncio.run(_import(path))
    if store_and_report is not None:
        sessions, messages, report = store_and_report
        assert (sessions, messages) == (len(report.sessions), report.messages)


async def _import(path: Path):
    store = await Store.temporary()
    try:
        report = await import_file(store, path)
    except Unreadable:
        assert await store.sessions() == []
        return None
    else:
        heads = await store.sessions()
        for head in heads:
            (await store.session(head.uid)).sampling()
        return len(heads), sum(head.messages for head in heads), report
    finally:
        await store.close()


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, double and swap pieces; put in what breaks parsers."""
    evil = [
        b"\0",
        b"\xff",
        b"NaN",
        b"1e999",
        b'"\\ud800"',
        b"null",
        b"-1",
        b"[[[[",
        b"{}",
        b"true",
        b'""',
        b"\n",
        b"9" * 400,
    ]
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        until = min(len(out), at + chance.randint(0, 30))
        match chance.randrange(5):
            case 0:
                out[at:until] = chance.choice(evil)
            case 1:
                del out[at:until]
            case 2:
                out[at:at] = out[at:until]
            case 3:
                out[at:until] = chance.randbytes(until - at)
            case 4:
                value = out.find(b": ", at)
                end = out.find(b",", value) if value >= 0 else -1
                if end > 0:
                    out[value + 2 : end] = chance.choice(evil)
    return bytes(out)
