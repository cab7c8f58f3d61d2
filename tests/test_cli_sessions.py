"""`chatapp sessions`: search, export, import, pin, tag, duplicate, purge, as scripts rely on them."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from chatapp.cli import main
from chatapp.cli.parser import EXPORT_FORMATS
from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import Store
from chatapp.transfer import FORMATS


@pytest.fixture
def call(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    def run(*argv):
        status = main([*argv, "--data-dir", str(tmp_path / "home")])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def session(tmp_path):
    async def make():
        store = await Store.open(tmp_path / "home" / "chats.db")
        session = await store.create_session(Persona(name="Tutor", system="Teach."))
        _, reply = await store.begin_turn(session.id, None, "Who trims the lamp?")
        await store.append(reply.id, "The keeper\x1b[2J does.", [1])
        await store.finish(reply.id, Status.COMPLETE, Provenance())
        await store.close()
        return session.uid

    return asyncio.run(make())


def test_search_answers_with_the_message(call, session):
    status, out, err = call("sessions", "search", "keep* OR zebra", "--json")
    [hit] = json.loads(out)
    assert (status, err, hit["session"], hit["role"]) == (0, "", session, "assistant")
    assert "keeper" in hit["snippet"]
    assert set(hit) >= {"session", "message", "role", "snippet"}
    assert json.loads(call("sessions", "search", "zebra", "--json")[1]) == []
    assert len(json.loads(call("sessions", "search", "the lamp", "who", "--json")[1])) == 1
    status, out, err = call("sessions", "search", "keeper", "after:soon")
    assert (status, "\x1b" in out, "was passed over" in err) == (0, False, True)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_every_format_is_written_and_most_come_back(name, call, session, tmp_path):
    status, out, err = call("sessions", "export", session, "--format", name)
    assert (status, err) == (0, "")
    file = tmp_path / "file"
    file.write_text(out)
    if name in {"text", "preferences"}:
        return
    status, out, err = call("sessions", "import", str(file), "--preview", "--json")
    assert json.loads(out)["sessions"] == []
    status, out, err = call("sessions", "import", str(file), "--json")
    report = json.loads(out)
    assert (status, report["messages"], report["warnings"]) == (0, 2, [])
    [uid] = report["sessions"]
    shown = json.loads(call("sessions", "show", uid, "--json")[1])
    assert [one["text"] for one in shown["messages"]] == ["Who trims the lamp?", "The keeper\x1b[2J does."]
    assert len(json.loads(call("sessions", "list", "--json")[1])) == 2


def test_the_help_names_the_formats_there_are():
    assert tuple(one.name for one in FORMATS) == EXPORT_FORMATS


def test_what_cannot_be_imported_is_refused(call, session, tmp_path):
    (tmp_path / "file").write_text("{}")
    status, out, err = call("sessions", "import", str(tmp_path / "file"), "--json")
    assert (status, json.loads(out)["error"]["kind"]) == (1, "import")
    assert "‘file’ was not imported." in err
    assert call("sessions", "export", session, "--format", "word")[0] == 2


def test_labels_copies_and_the_end(call, session):
    assert call("sessions", "pin", session, "--json")[0] == 0
    assert json.loads(call("sessions", "tag", session, "Work", "b", "--remove", "b", "--json")[1])["tags"] == [
        "work"
    ]
    copy = json.loads(call("sessions", "duplicate", session, "--json")[1])["id"]
    rows = {one["id"]: one for one in json.loads(call("sessions", "list", "--json")[1])}
    assert rows[session]["pinned"]
    assert not rows[copy]["pinned"]
    assert rows[copy]["tags"] == ["work"]
    call("sessions", "tag", copy, "other")
    listed = json.loads(call("sessions", "list", "--tag", "Other", "--json")[1])
    assert [one["id"] for one in listed] == [copy]
    assert "#other #work" in call("sessions", "list", "--tag", "other")[1]
    status, _, err = call("sessions", "purge", session)
    assert (status, "trash" in err) == (1, True)
    call("sessions", "delete", session)
    assert json.loads(call("sessions", "purge", session, "--json")[1])["log_is_clean"]
    assert call("sessions", "show", session)[0] == 1
    assert len(json.loads(call("sessions", "search", "tag:work", "--json")[1])) == 2


def test_what_is_erased_can_go_from_the_backups_at_once_or_later(call, session, tmp_path):
    call("backup")
    [backup] = (tmp_path / "home" / "backups").glob("*.db")
    copy = json.loads(call("sessions", "duplicate", session, "--json")[1])["id"]
    call("backup")
    for uid in (session, copy):
        call("sessions", "delete", uid)
    status, out, err = call("sessions", "purge", session)
    assert (status, out, err.count("still holds it")) == (0, "", 2)
    assert f"sessions purge {session} --backups" in err
    assert session.encode() in backup.read_bytes()
    status, out, _ = call("sessions", "purge", session, "--backups", "--json")
    assert (status, json.loads(out)["backups"]) == (0, [])
    assert session.encode() not in backup.read_bytes()
    status, out, _ = call("sessions", "purge", copy, "--backups", "--json")
    assert (status, json.loads(out)["backups"]) == (0, [])
    for one in (tmp_path / "home" / "backups").glob("*.db"):
        assert b"trims the lamp" not in one.read_bytes()
    assert call("sessions", "purge", session, "--backups")[0] == 1  # nobody knows it any more


def test_a_message_without_a_date_has_none(call, tmp_path):
    (tmp_path / "chat.jsonl").write_text(
        json.dumps({"messages": [{"role": "user", "content": "An undated otter."}]})
    )
    [uid] = json.loads(call("sessions", "import", str(tmp_path / "chat.jsonl"), "--json")[1])["sessions"]
    assert json.loads(call("sessions", "show", uid, "--json")[1])["messages"][0]["created"] is None
    assert json.loads(call("sessions", "search", "otter", "--json")[1])[0]["created"] is None
    assert "1970" not in call("sessions", "search", "otter")[1]
