"""Backups: whole, verified, private, seven days of them; and the drill of putting one back."""

# ruff: noqa: ASYNC240  nothing else runs while a test looks at a file
from __future__ import annotations

import os
import threading
from pathlib import Path

import apsw
import pytest

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import CannotOpen, Damaged, NotSaved, Store, StoreError, backup, schema
from chatapp.store.backup import BackupStopped, back_up, backups_of, contents_of
from chatapp.store.recovery import present_contents, quarantined, restore


async def say(store: Store, text: str, persona: Persona) -> str:
    """One turn in a session of its own; returns the session's uid."""
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, text)
    await store.append(reply.id, f"{text} indeed", [1, 2])
    await store.finish(reply.id, Status.COMPLETE, Provenance())
    return made.uid


def dump(path: Path) -> list[tuple[object, ...]]:
    """Every row of every table, in order."""
    database = apsw.Connection(
        f"{path.as_uri()}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY 1")]
    rows = [(table, *row) for table in tables for row in database.execute(f"SELECT * FROM {table}")]  # noqa: S608
    database.close()
    return rows


async def test_the_drill_what_is_restored_is_what_was_backed_up(path: Path, persona: Persona) -> None:
    """Backed up in the middle of a reply, more said, restored: equal row by row, and the later file is kept."""
    store = await Store.open(path)
    first = await say(store, "before", persona)
    held = await store.create_session(persona)
    _, reply = await store.begin_turn(held.id, None, "and now")
    await store.append(reply.id, "in the mid", [7])
    made = await store.back_up()
    kept = dump(made.path)
    second = await say(store, "after", persona)
    await store.close()
    before = present_contents(path)

    back = restore(path, made.path)
    assert dump(path) == kept == dump(made.path)
    assert (len(back.contents.sessions), len(back.contents.messages)) == (2, 4)
    assert before.sessions - back.contents.sessions == {second}
    assert path.stat().st_mode & 0o777 == 0o600
    store = await Store.open(path)
    assert {head.uid for head in await store.sessions()} == {first, held.uid}
    tip = (await store.session(held.uid)).tree.path()[-1]
    assert (tip.text, tip.status) == ("in the mid", Status.INTERRUPTED)
    await store.close()

    restore(path, back.quarantine)
    store = await Store.open(path)
    assert {head.uid for head in await store.sessions()} == {first, held.uid, second}
    await store.close()
    assert len(quarantined(path)) == 2


async def test_a_backup_is_one_private_file_and_nothing_is_left_beside_it(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "hello", persona)
    made = await store.back_up()
    await store.close()
    assert made.path.parent.stat().st_mode & 0o777 == 0o700
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert {entry.name for entry in made.path.parent.iterdir()} == {made.path.name, ".lock"}
    assert len(contents_of(made.path).messages) == 2


async def test_seven_days_are_kept_and_all_that_were_asked_for(path: Path, monkeypatch, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "hello", persona)
    await store.back_up()
    days = [f"2026-11-{day:02}" for day in range(1, 11)] + ["2016-01-01", "2036-01-01"]
    for day in days:
        monkeypatch.setattr(backup, "_today", lambda day=day: day)
        await store.look_after()
        await store.look_after()
    await store.close()
    assert [one.day for one in backups_of(path) if one.reason == "daily"] == days[:-8:-1]
    assert [one.number for one in backups_of(path) if one.reason == "asked"] == [1]


async def test_a_damaged_file_is_found_and_never_backed_up(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "word " * 3000, persona)
    await store.close()
    body = bytearray(path.read_bytes())
    body[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    path.write_bytes(body)
    store = await Store.open(path)
    with pytest.raises(Damaged, match="damaged"):
        await store.look_after()
    with pytest.raises(Damaged, match="damaged"):
        await store.back_up()
    await store.close()
    assert backups_of(path) == []
    assert path.read_bytes() == body


async def test_what_a_killed_backup_left_is_cleared_away_and_does_not_count(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "hello", persona)
    stop = threading.Event()
    stop.set()
    with pytest.raises(BackupStopped):
        back_up(path, "daily", stop)
    (path.parent / "backups" / ".new-dead").write_bytes(b"half a copy")
    assert backups_of(path) == []
    made = await store.back_up()
    assert {entry.name for entry in made.path.parent.iterdir()} == {made.path.name, ".lock"}
    await store.close()


async def test_no_backup_is_made_where_it_would_fill_the_disk(path: Path, monkeypatch, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "hello", persona)
    monkeypatch.setattr(backup, "ROOM", 2**60)
    with pytest.raises(NotSaved, match="no room for a backup"):
        await store.back_up()
    await store.close()


async def test_nothing_is_restored_under_another_chatapp(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "hello", persona)
    made = await store.back_up()
    with pytest.raises(CannotOpen, match="Another chatapp"):
        restore(path, made.path)
    await say(store, "still here", persona)
    await store.close()
    assert quarantined(path) == []


async def test_a_backup_that_is_damaged_or_foreign_is_not_put_in_place(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await say(store, "word " * 3000, persona)
    made = await store.back_up()
    await store.close()
    before = path.read_bytes()
    for body in (b"", b"\0" * 9000, b"Dear diary", made.path.read_bytes()[:-9000]):
        made.path.write_bytes(body)
        with pytest.raises(StoreError):
            restore(path, made.path)
        assert path.read_bytes() == before
    assert quarantined(path) == []
    assert {entry.name for entry in path.parent.iterdir()} == {"chats.db", "leases", "backups"}


async def test_a_copy_is_made_before_a_migration_and_without_it_there_is_none(
    path: Path, monkeypatch, persona: Persona
) -> None:
    store = await Store.open(path)
    uid = await say(store, "hello", persona)
    await store.close()
    step = lambda db: db.execute("CREATE TABLE added(x)")  # noqa: E731
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    monkeypatch.setattr("chatapp.store.database.VERSION", schema.VERSION + 1)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    monkeypatch.setattr(backup, "ROOM", 2**60)
    before = path.read_bytes()
    with pytest.raises(CannotOpen, match="no room for a backup"):
        await Store.open(path)
    assert path.read_bytes() == before
    monkeypatch.setattr(backup, "ROOM", 0)
    store = await Store.open(path)
    assert [head.uid for head in await store.sessions()] == [uid]
    await store.close()
    (made,) = backups_of(path)
    assert made.reason == f"format-{schema.VERSION - 1}"
    assert contents_of(made.path).sessions == {uid}


async def test_a_store_that_is_gone_though_there_are_backups_is_not_made_anew(
    path: Path, persona: Persona
) -> None:
    store = await Store.open(path)
    uid = await say(store, "hello", persona)
    made = await store.back_up()
    await store.close()
    path.unlink()
    with pytest.raises(Damaged, match="is gone, though"):
        await Store.open(path)
    restore(path, made.path)
    store = await Store.open(path)
    assert [head.uid for head in await store.sessions()] == [uid]
    await store.close()


async def test_a_log_that_was_taken_away_is_noticed(path: Path, start) -> None:
    """A process dies, somebody removes its -wal: the next start says that what was said last may be gone."""
    child = start("stream", path)
    for _ in range(4):
        child.stdout.readline()
    child.kill()
    child.communicate()
    store = await Store.open(path)
    assert store.warning == ""
    await store.close()
    child = start("stream", path)
    for _ in range(4):
        child.stdout.readline()
    child.kill()
    child.communicate()
    path.with_name("chats.db-wal").unlink()
    store = await Store.open(path)
    assert "chats.db-wal is missing" in store.warning
    assert await store.check() == ""
    await store.close()


async def test_a_process_that_wrote_nothing_is_not_missed(path: Path) -> None:
    """It left its lease and no log, but nothing that was said can be gone."""
    await (await Store.open(path)).close()
    store = await Store.open(path)
    os.close(store._lease._handle)  # the process dies, and its log goes with the last that lets go of the file
    store._connection.close()
    path.with_name("chats.db-wal").unlink(missing_ok=True)
    store = await Store.open(path)
    assert store.warning == ""
    await store.close()
