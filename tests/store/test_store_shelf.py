"""Whole sessions: pinned, tagged, copied, and erased so that no byte of them is left."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.conversation.query import read_query
from chatapp.store import Store, StoreError
from chatapp.store.backup import back_up
from chatapp.store.schema import VERSION, version_of

FIXTURES = Path(__file__).parent / "fixtures"

CANARY = "Xylophonkanarienvogel"


async def a_session(store: Store, text: str = "Hello", persona: str = "Be brief.") -> str:
    session = await store.create_session(Persona(name="A", system=persona))
    _, reply = await store.begin_turn(session.id, None, text)
    await store.append(reply.id, f"You said {text}.", [1, 2])
    await store.finish(reply.id, Status.COMPLETE, Provenance())
    return session.uid


async def test_pins_and_tags_are_kept(store: Store) -> None:
    uid = await a_session(store)
    session = await store.session(uid)
    await store.pin_session(session.id, pinned=True)
    await store.tag(session.id, ["Work ", "#Two words", ""])
    session = await store.session(uid)
    assert (session.pinned, session.tags) == (True, ("two-words", "work"))
    [head] = await store.sessions()
    assert (head.pinned, head.tags) == (True, ("two-words", "work"))
    await store.tag(session.id, remove=["WORK"])
    await store.pin_session(session.id, pinned=False)
    [head] = await store.sessions()
    assert (head.pinned, head.tags) == (False, ("two-words",))


async def test_sessions_are_listed_by_tag_and_tags_by_how_many_carry_them(store: Store) -> None:
    first, second, third = [await store.session(await a_session(store)) for _ in range(3)]
    await store.tag(first.id, ["work", "letters"])
    await store.tag(second.id, ["work"])
    await store.tag(third.id, ["work"])
    await store.trash(third.id)
    assert await store.tags() == [("letters", 1), ("work", 2)]
    assert [head.id for head in await store.sessions(tag="#Work")] == [second.id, first.id]
    assert [head.id for head in await store.sessions(tag="letters", limit=5)] == [first.id]
    assert await store.sessions(tag="nobody") == []


async def test_a_copy_has_every_branch_and_shares_nothing(store: Store) -> None:
    uid = await a_session(store)
    session = await store.session(uid)
    await store.begin_reply(session.id, session.tree.path()[0].id)
    copy = await store.session(await store.duplicate(uid))
    original = await store.session(uid)
    assert [(one.role, one.text) for one in copy.tree.all()] == [
        (one.role, one.text) for one in original.tree.all()
    ]
    assert copy.title == f"{original.title} (copy)"
    assert copy.tree.tip().status is Status.INTERRUPTED  # a reply that streams goes on in the original alone
    assert {one.uid for one in copy.tree.all()} & {one.uid for one in original.tree.all()} == set()
    assert (await store.sessions())[0].uid == copy.uid


async def test_a_temporary_session_can_be_kept(store: Store) -> None:
    temporary = await Store.temporary()
    uid = await a_session(temporary)
    kept = await store.session(await store.adopt(await temporary.session(uid)))
    await temporary.close()
    assert [message.text for message in kept.tree.path()] == ["Hello", "You said Hello."]


async def test_what_was_purged_is_in_no_byte(path: Path) -> None:
    store = await Store.open(path)
    other = await a_session(store)
    uid = await a_session(store, f"{CANARY} " * 500, persona=f"You are {CANARY}")
    session = await store.session(uid)
    await store.save_draft(session.id, CANARY)
    await store.rename(session.id, CANARY)
    await store.tag(session.id, [CANARY])
    (path.parent / "snapshots").mkdir()
    (path.parent / "snapshots" / f"{uid}.kv").write_text(CANARY)
    (path.parent / "backups").mkdir(exist_ok=True)
    (path.parent / "backups" / "000099-2026-01-01-asked.db").write_text("one that cannot be read")
    assert CANARY.encode() in b"".join(read_all(path.parent))

    with pytest.raises(StoreError, match="trash"):
        await store.purge(session.id)
    await store.trash(session.id)
    purged = await store.purge(session.id)
    assert purged.log_is_clean
    assert [copy.name for copy in purged.backups] == ["000099-2026-01-01-asked.db"]
    left = b"".join(read_all(path.parent))
    for word in (CANARY, CANARY.lower(), uid):
        assert word.encode() not in left
    assert await store.search(read_query(CANARY)) == []
    assert [head.uid for head in await store.sessions()] == [other]
    assert await store.check() == ""
    await store.close()


def read_all(folder: Path):
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def test_the_backups_that_still_hold_it_are_named(path: Path) -> None:
    store = await Store.open(path)
    await a_session(store)
    before = back_up(path, "asked")
    uid = await a_session(store)
    holding = back_up(path, "asked")
    session = await store.session(uid)
    await store.trash(session.id)
    purged = await store.purge(session.id)
    assert holding.path in purged.backups
    assert before.path not in purged.backups
    await store.close()


async def test_a_persona_that_others_use_stays(store: Store) -> None:
    one, two = await a_session(store), await a_session(store)
    session = await store.session(one)
    await store.trash(session.id)
    await store.purge(session.id)
    assert (await store.session(two)).persona.system == "Be brief."


def _lay_format_3(path: Path, last_words: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress((FIXTURES / "format-3.db.gz").read_bytes()))
    old = apsw.Connection(str(path))
    [(newest,)] = old.execute(
        "SELECT max(message.id) FROM message JOIN session ON session.id = message.session"
        " WHERE status = 'complete' AND message.deleted_ms IS NULL AND session.deleted_ms IS NULL"
    )
    old.execute("UPDATE message SET body = ? WHERE id = ?", (last_words, newest))
    old.close()


async def test_words_without_spaces_are_found_in_an_older_database(path: Path) -> None:
    """They have an index of their own, that older formats did not have."""
    _lay_format_3(path, "猫咪")
    store = await Store.open(path)
    assert await store._do(version_of) == VERSION
    assert len(await store.search(read_query("猫"))) == 1
    await store.close()


async def test_adopting_keeps_dates_where_it_is_asked_to(store: Store) -> None:
    session = replace(await store.session(await a_session(store)), created_ms=1000, updated_ms=2000)
    old = await store.session(await store.adopt(session, first=False))
    new = await store.session(await store.adopt(session))
    assert (old.created_ms, old.updated_ms, new.created_ms) == (1000, 2000, 1000)
    assert new.updated_ms > 2000
    assert [head.uid for head in await store.sessions()][-1] == old.uid
