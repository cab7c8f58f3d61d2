"""The disk is full, or fails, at the Nth write or sync of the store.

It is said in a sentence, nothing acknowledged is lost, and the store goes on without a restart. And the clock
jumps ten years between any two words: their order stays. Every eighth N; `CHATAPP_FAULTS=full` takes each of 200.
"""

from __future__ import annotations

import os
import random

import apsw
import pytest

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import NotSaved, Store, encoding

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
NTH = range(1, 201, 1 if FULL else 8)
pytestmark = pytest.mark.timeout(1800 if FULL else 240)


class Disk(apsw.VFS):
    """SQLite's default disk from now on, until `unregister`; fails the Nth write or sync and all that follow."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        super().__init__("faulty", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return File(self, name, flags)

    def step(self, what: str, error: type[apsw.Error], code: int) -> None:
        if what in self.left:
            self.left[what] -= 1
            if self.left[what] < 0:
                refusal = error("as asked")
                refusal.extendedresult = code
                raise refusal


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name, flags) -> None:
        self._disk = disk
        super().__init__("unix", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self._disk.step("write", apsw.FullError, apsw.SQLITE_FULL)
        super().xWrite(data, offset)

    def xSync(self, flags):  # noqa: N802
        self._disk.step("sync", apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)


@pytest.fixture
def disk():
    made = Disk()
    yield made
    made.unregister()


async def say(store: Store, session: int, number: int, acknowledged: dict[str, str]) -> None:
    asked, reply = await store.begin_turn(session, None, f"question {number}")
    acknowledged[asked.uid] = asked.text
    await store.append(reply.id, f"piece {number}", [number])
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text=f"answer {number}")
    acknowledged[reply.uid] = f"answer {number}"


async def say_until_refused(store: Store, session: int, acknowledged: dict[str, str]) -> None:
    for number in range(80):
        await say(store, session, number, acknowledged)


@pytest.mark.parametrize("what", ["write", "sync"])
async def test_a_disk_that_fails_is_said_and_used_again_when_it_works(tmp_path, disk, what, figure):
    refused = 0
    for nth in NTH:
        disk.left.clear()
        acknowledged: dict[str, str] = {}
        store = await Store.open(tmp_path / str(nth) / "chats.db")
        assert await store._do(lambda db: (db.pragma("journal_mode"), db.pragma("synchronous"))) == ("wal", 2)
        session = await store.create_session(Persona(name="Assistant"))
        disk.left[what] = nth
        with pytest.raises(NotSaved, match="was not saved"):
            await say_until_refused(store, session.id, acknowledged)
        refused += 1
        distrusted = store._connection if what == "sync" else None
        disk.left.clear()
        await say(store, session.id, 99, acknowledged)
        assert store._connection is not distrusted, "after a failed sync only what is read anew is true"
        assert await store.check() == ""
        kept = await store._do(lambda db: dict(db.execute("SELECT uid, body FROM message")))
        assert acknowledged.items() <= kept.items()
        await store.close()
    name = {"write": "disk full at the Nth write", "sync": "failure of the Nth sync"}[what]
    figure(f"{name}, N = 1 to 200", f"{refused} refusals said: 0 lost, works again without a restart", "the same")


async def test_a_clock_that_jumps_changes_no_order(tmp_path, monkeypatch):
    chance = random.Random(1)
    decade = 10 * 365 * 86_400_000
    monkeypatch.setattr(encoding.time, "time_ns", lambda: chance.randrange(1, 2 * decade) * 10**6)
    store = await Store.open(tmp_path / "chats.db")
    made = [await store.create_session(Persona(name="Assistant")) for _ in range(5)]
    parent = None
    for number in range(20):
        _, reply = await store.begin_turn(made[0].id, parent, f"{number}")
        await store.finish(reply.id, Status.COMPLETE, Provenance(), text=f"answer {number}")
        parent = reply.id
    assert [m.text for m in (await store.session(made[0].uid)).tree.path()[::2]] == [str(n) for n in range(20)]
    assert [head.id for head in await store.sessions()] == [made[n].id for n in (0, 4, 3, 2, 1)]
    await store.close()
