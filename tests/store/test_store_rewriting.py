"""What was erased from the chats is erased from their backups too, and nothing else is."""

from __future__ import annotations

import gzip
from pathlib import Path

import apsw
import pytest

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.document import Document, Unit
from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import Gone, Store
from chatapp.store.backup import back_up, backups_of, contents_of
from chatapp.store.recovery import restore
from chatapp.store.schema import VERSION

FIXTURES = Path(__file__).parent / "fixtures"
CANARY = "Xylophonkanarienvogel"


async def a_session(store: Store, text: str, persona: str = "Be brief."):
    session = await store.create_session(Persona(name="A", system=persona))
    file = Attachment(f"{text}.txt", Document(f"a file of {text}", Unit.LINE, (0,)))
    asked, reply = await store.begin_turn(session.id, None, text, [file])
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text=f"You said {text}.", token_ids=[1])
    return session, asked


async def test_a_purged_session_is_in_no_byte_of_any_backup(path: Path) -> None:
    store = await Store.open(path)
    other, _ = await a_session(store, "what stays", persona="You stay.")
    session, _ = await a_session(store, CANARY, persona=f"You are {CANARY}")
    await store.save_draft(session.id, CANARY)
    first = back_up(path, "daily")
    await store.trash(session.id)
    second = back_up(path, "asked")
    purged = await store.purge(session.id)
    assert purged.backups == (first.path, second.path)
    before = contents_of(first.path)
    assert CANARY.encode() in first.path.read_bytes()

    assert await store.erase_from_backups(purged.gone) == []
    await store.close()
    for backup in backups_of(path):
        for word in (CANARY, CANARY.lower(), session.uid):
            assert word.encode() not in backup.path.read_bytes()
        after = contents_of(backup.path)
        assert (after.sessions, len(after.messages)) == (frozenset({other.uid}), len(before.messages) - 2)
        assert backup.path.stat().st_mode & 0o077 == 0
    assert {one.name for one in (path.parent / "backups").iterdir()} == {
        ".lock",
        first.path.name,
        second.path.name,
    }
    restore(path, first.path)  # a backup it is still
    store = await Store.open(path)
    kept = (await store.session(other.uid)).tree.path()
    assert [(one.text, [file.document.text for file in one.files]) for one in kept] == [
        ("what stays", ["a file of what stays"]),
        ("You said what stays.", []),
    ]
    await store.close()


async def test_purged_branches_go_from_the_backups_and_the_rest_of_the_session_stays(path: Path) -> None:
    store = await Store.open(path)
    session, asked = await a_session(store, "first")
    _, reply = await store.begin_turn(session.id, None, CANARY)
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text="an answer that goes along")
    backup = back_up(path, "asked")
    await store.prune(session.id, reply.id)
    (await store.purge_pruned(session.id))  # its question goes later, and in the backup it has an answer still
    await store.prune(
        session.id, next(m.id for m in (await store.session(session.uid)).tree.all() if m.text == CANARY)
    )
    purged = await store.purge_pruned(session.id)
    assert purged.backups == (backup.path,)
    assert await store.erase_from_backups(purged.gone) == []
    assert CANARY.encode() not in backup.path.read_bytes()
    assert b"goes along" not in backup.path.read_bytes()
    assert asked.uid in contents_of(backup.path).messages
    assert session.uid in contents_of(backup.path).sessions
    await store.close()


@pytest.mark.parametrize("number", range(1, VERSION))
async def test_a_backup_of_every_older_format_is_rewritten_as_what_it_is(path: Path, number: int) -> None:
    store = await Store.open(path)
    (path.parent / "backups").mkdir(exist_ok=True)
    backup = path.parent / "backups" / f"000001-2026-01-01-format-{number}.db"
    backup.write_bytes(gzip.decompress((FIXTURES / f"format-{number}.db.gz").read_bytes()))
    before = contents_of(backup)
    for uid in before.sessions:
        assert await store.erase_from_backups(Gone(uid)) == []
        assert uid.encode() not in backup.read_bytes()
    assert contents_of(backup).messages == frozenset()
    with apsw.Connection(str(backup)) as copy:
        assert copy.pragma("user_version") == number
        assert copy.execute("SELECT count(*) FROM persona").fetchall() == [(0,)]
    await store.close()


async def test_a_backup_that_cannot_be_read_is_named_and_left(path: Path) -> None:
    store = await Store.open(path)
    session, _ = await a_session(store, CANARY)
    broken = path.parent / "backups" / "000099-2026-01-01-asked.db"
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(b"one that cannot be read")
    await store.trash(session.id)
    purged = await store.purge(session.id)
    [left] = await store.erase_from_backups(purged.gone)
    assert (left.path, broken.read_bytes()) == (broken, b"one that cannot be read")
    assert left.why
    await store.close()


async def test_a_rewrite_that_breaks_off_leaves_the_old_backup(path: Path, monkeypatch) -> None:
    store = await Store.open(path)
    session, _ = await a_session(store, CANARY)
    backup = back_up(path, "asked")
    before = backup.path.read_bytes()
    await store.trash(session.id)
    purged = await store.purge(session.id)
    monkeypatch.setattr("chatapp.store.rewriting.sync", lambda _: (_ for _ in ()).throw(OSError(5, "no sync")))
    [left] = await store.erase_from_backups(purged.gone)
    assert "no sync" in left.why
    assert backup.path.read_bytes() == before
    assert {one.name for one in backup.path.parent.iterdir()} == {".lock", backup.path.name}
    await store.close()
