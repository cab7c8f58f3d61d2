"""Opening: never over what is not ours, private whatever the umask, with promises that hold."""

# ruff: noqa: ASYNC240  nothing else runs while a test looks at a file
from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from chatapp.conversation.persona import Persona
from chatapp.store import CannotOpen, Damaged, Foreign, Store, StoreError, TooNew, schema
from chatapp.store.database import open_in_memory


def foreign_database(path: Path) -> bytes:
    database = apsw.Connection(str(path))
    database.execute("CREATE TABLE bookmark(url)")
    database.close()
    return path.read_bytes()


async def newer_database(path: Path) -> bytes:
    await (await Store.open(path)).close()
    body = bytearray(path.read_bytes())
    body[60:64] = (schema.VERSION + 6).to_bytes(4)
    path.write_bytes(body)
    return bytes(body)


async def refused(path: Path, kind: type[StoreError], words: str) -> None:
    """The file is refused with these words, and neither it nor the folder has changed."""
    before = path.read_bytes()
    with pytest.raises(kind, match=words) as error:
        await Store.open(path)
    assert "left as it is" in str(error.value)
    assert path.read_bytes() == before
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, "leases"}
    assert list((path.parent / "leases").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "holds nothing"),
        (b"\0" * 8192, "holds nothing"),
        (b"Dear diary,\n" * 400, "not a database"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\7" * 4096, "not a database"),
        (b"SQLite format 3\0", "not a database"),
    ],
    ids=["empty", "nul", "text", "png", "cut"],
)
async def test_what_is_no_database_is_refused_and_left_as_it_is(path: Path, body: bytes, words: str) -> None:
    path.parent.mkdir()
    path.write_bytes(body)
    await refused(path, Damaged, words)


async def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    foreign_database(path)
    await refused(path, Foreign, "another program")


async def test_a_newer_programs_database_is_refused(path: Path) -> None:
    await newer_database(path)
    await refused(path, TooNew, rf"format is {schema.VERSION + 6}, this one knows {schema.VERSION}\b")


async def test_a_newer_format_is_noticed_in_the_write_ahead_log_too(path: Path) -> None:
    store = await Store.open(path)
    await store._do(lambda db: db.pragma("user_version", 99))
    assert int.from_bytes(path.read_bytes()[60:64]) == schema.VERSION
    with pytest.raises(TooNew, match="format is 99"):
        await Store.open(path)
    await store.close()


async def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Damaged, match="not a file"):
        await Store.open(path)


async def test_a_missing_file_beside_its_log_is_not_made_anew(path: Path) -> None:
    path.parent.mkdir()
    log = path.with_name("chats.db-wal")
    log.write_bytes(b"what was said last")
    with pytest.raises(Damaged, match="still there"):
        await Store.open(path)
    assert not path.exists()
    assert log.read_bytes() == b"what was said last"


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotOpen, match="cannot be used"):
        await Store.open(tmp_path / "file" / "chats.db")


async def test_a_damaged_page_is_said_and_not_overwritten(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    made = await store.create_session(persona)
    await store.close()
    body = path.read_bytes()
    path.write_bytes(body[:4096] + b"\xff" * (len(body) - 4096))
    before = path.read_bytes()
    with pytest.raises(Damaged, match="damaged"):
        await (await Store.open(path)).session(made.uid)
    assert path.read_bytes() == before


async def test_everything_written_is_private_whatever_the_umask(path: Path, persona: Persona) -> None:
    before = os.umask(0)
    try:
        store = await Store.open(path)
        await store.create_session(persona)
        found = {entry.name: entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()}
        leases = [entry.stat().st_mode & 0o777 for entry in (path.parent / "leases").iterdir()]
        await store.close()
    finally:
        os.umask(before)
    assert found == {"chats.db": 0o600, "chats.db-wal": 0o600, "chats.db-shm": 0o600, "leases": 0o700}
    assert leases == [0o600]
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    await (await Store.open(path)).close()
    path.chmod(0o644)
    await (await Store.open(path)).close()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_nothing_is_left_beside_the_file_when_the_store_is_closed(path: Path, persona: Persona) -> None:
    store = await Store.open(path)
    await store.create_session(persona)
    await store.close()
    assert {entry.name for entry in path.parent.iterdir()} == {"chats.db", "leases"}
    assert list((path.parent / "leases").iterdir()) == []


async def test_the_connection_makes_the_promises_that_were_asked_of_it(store: Store) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "temp_store": 2,
        "secure_delete": 1,
        "journal_size_limit": 64 * 2**20,
        "application_id": schema.APPLICATION_ID,
        "user_version": schema.VERSION,
    }
    assert await store._do(lambda db: {name: db.pragma(name) for name in wanted}) == wanted
    assert await store._do(lambda db: db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1)) == 1


async def test_processes_that_start_together_make_one_database(path: Path, start) -> None:
    children = [start("open", path) for _ in range(3)]
    for child in children:
        child.stdout.readline()
    (path.parent.parent / "go").touch()
    results = [child.communicate(timeout=30) for child in children]
    assert [error for _, error in results] == ["", "", ""]
    store = await Store.open(path)
    assert {head.uid for head in await store.sessions()} == {uid.strip() for uid, _ in results}
    await store.close()
    assert {entry.name for entry in path.parent.iterdir()} == {"chats.db", "leases"}


def test_a_migration_that_fails_leaves_nothing_behind(monkeypatch) -> None:
    def halfway(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE half(way)")
        raise RuntimeError("power cut")

    database = open_in_memory()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, halfway))
    monkeypatch.setattr(schema, "VERSION", len(schema.MIGRATIONS))
    with pytest.raises(RuntimeError):
        schema.migrate(database)
    assert schema.version_of(database) == schema.VERSION - 1
    assert database.execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchall() == []
    assert not database.in_transaction


def test_each_migration_runs_once_and_in_order(monkeypatch) -> None:
    database = open_in_memory()
    monkeypatch.setattr(
        schema,
        "MIGRATIONS",
        (
            *schema.MIGRATIONS,
            lambda db: db.execute("CREATE TABLE log(step)"),
            lambda db: db.execute("INSERT INTO log VALUES (3)"),
        ),
    )
    monkeypatch.setattr(schema, "VERSION", len(schema.MIGRATIONS))
    schema.migrate(database)
    schema.migrate(database)
    assert database.execute("SELECT step FROM log").fetchall() == [(3,)]
    assert schema.version_of(database) == len(schema.MIGRATIONS)


async def test_where_a_log_is_refused_the_old_journal_keeps_the_same_promise(path: Path, persona: Persona) -> None:
    """As on a network drive: SQLite's own locking by files beside the database has no shared memory for a log."""
    without_log = apsw.VFS("without-log", "unix-dotfile", makedefault=True)
    try:
        store = await Store.open(path)
        assert await store._do(lambda db: (db.pragma("journal_mode"), db.pragma("synchronous"))) == ("delete", 3)
        session = await store.create_session(persona)
        _, reply = await store.begin_turn(session.id, None, "hello")
        await store.append(reply.id, "hi", [1])
        assert not path.with_name(f"{path.name}-wal").exists()
        await store.close()
        store = await Store.open(path)
        assert [one.text for one in (await store.session(session.uid)).tree.path()] == ["hello", "hi"]
        await store.close()
    finally:
        without_log.unregister()
