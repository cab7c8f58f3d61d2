"""Every released format comes over whole, and a kill at any point of a step leaves the old format or the new one.

Fixtures are made by `tests/store/fixtures/make.py`. A step is killed at points spread over its instructions.
"""

from __future__ import annotations

import gzip
import multiprocessing
import os
from pathlib import Path

import apsw
import pytest

from chatapp.conversation.message import Status
from chatapp.store import Store, schema
from chatapp.store.backup import backups_of, contents_of

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
POINTS = 50 if FULL else 6
FIXTURES = Path(__file__).parents[1] / "store" / "fixtures"
RELEASED = range(1, schema.VERSION)
pytestmark = pytest.mark.timeout(1800 if FULL else 240)


def lay(path: Path, version: int) -> None:
    fixture = FIXTURES / f"format-{version}.db.gz"
    assert fixture.exists(), f"Make it: PYTHONPATH=. python tests/store/fixtures/make.py {version}"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress(fixture.read_bytes()))


def words(path: Path) -> list[tuple[object, ...]]:
    """What people and the model said, and where."""
    database = apsw.Connection(f"{path.as_uri()}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    rows = [
        *database.execute("SELECT uid, title, persona, overrides, used, deleted_ms FROM session ORDER BY id"),
        *database.execute("SELECT uid, session, parent, role, body, token_ids FROM message ORDER BY id"),
        *database.execute("SELECT * FROM draft"),
        *database.execute("SELECT * FROM persona"),
    ]
    database.close()
    return rows


async def must_be_whole(path: Path, before: list[tuple[object, ...]]) -> None:
    store = await Store.open(path)
    assert await store.check() == ""
    assert await store._do(lambda db: db.execute("PRAGMA foreign_key_check").fetchall()) == []
    assert await store._do(lambda db: db.pragma("user_version")) == schema.VERSION
    session = await store.session("session1")
    assert session.tree.path()[0].text == "What is a tree?"
    assert {m.status for m in session.tree.all()} == {Status.COMPLETE, Status.INTERRUPTED}
    assert session.draft == "half a thought"
    await store.close()
    assert words(path) == before


@pytest.mark.parametrize("version", RELEASED)
async def test_a_released_format_comes_over_whole_after_a_backup(tmp_path, version):
    path = tmp_path / "data" / "chats.db"
    lay(path, version)
    before = words(path)
    await must_be_whole(path, before)
    (made,) = backups_of(path)
    assert made.reason == f"format-{version}"
    assert len(contents_of(made.path).messages) == 4
    assert words(made.path) == before


def die_in_a_step(path: str, instructions: int, counted: str) -> None:
    """Migrate, and die after so many of SQLite's instructions; with none, write down how many there are."""
    database = apsw.Connection(path)
    seen = 0

    def one_more() -> bool:
        nonlocal seen
        seen += 1
        if seen == instructions:
            os.kill(os.getpid(), 9)
        return False

    database.set_progress_handler(one_more, 1)
    schema.migrate(database)
    Path(counted).write_text(str(seen))


@pytest.mark.parametrize("version", RELEASED)
async def test_a_kill_in_a_migration_leaves_the_old_format_or_the_new(tmp_path, version, figure):
    context = multiprocessing.get_context("forkserver")

    def migrated(path: Path, instructions: int) -> int | None:
        victim = context.Process(target=die_in_a_step, args=(str(path), instructions, str(tmp_path / "counted")))
        victim.start()
        victim.join()
        return victim.exitcode

    lay(tmp_path / "whole" / "chats.db", version)
    assert migrated(tmp_path / "whole" / "chats.db", 0) == 0
    instructions = int((tmp_path / "counted").read_text())
    for point in range(POINTS):
        path = tmp_path / str(point) / "chats.db"
        lay(path, version)
        before = words(path)
        assert migrated(path, 1 + point * (instructions - 2) // POINTS) == -9
        assert words(path) == before
        await must_be_whole(path, before)
    if version == RELEASED[-1]:
        count = POINTS * len(RELEASED)
        figure(
            "`kill -9` in a migration",
            f"{count:,} kills from {len(RELEASED)} formats: old or new, and whole",
            "the same",
        )
