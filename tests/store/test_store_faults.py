"""Killed processes, full disks, several processes at once: what was acknowledged is there."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from chatapp.conversation.message import Provenance, Role, Status, StopReason
from chatapp.conversation.persona import Persona
from chatapp.store import Store
from chatapp.store.lease import Lease, is_living, remove_dead

ROUNDS = 10


def killed_in_mid_reply(child, acknowledged: int) -> tuple[str, int]:
    """Kill the process some time after so many pieces; returns the session and the last piece it said was kept."""
    lines = [child.stdout.readline() for _ in range(acknowledged + 2)]
    time.sleep(random.uniform(0, 0.01))
    child.send_signal(signal.SIGKILL)
    lines += child.communicate()[0].splitlines(keepends=True)
    whole = [line.strip() for line in lines if line.endswith("\n")]
    return whole[0], int(whole[-1])


async def test_a_process_killed_in_mid_reply_loses_nothing_that_it_had_kept(path: Path, start) -> None:
    """Kill, start again: the question is there, what was acknowledged is there, the reply is interrupted."""
    for _ in range(ROUNDS):
        uid, last = killed_in_mid_reply(start("stream", path), random.randrange(30))
        store = await Store.open(path)
        asked, reply = (await store.session(uid)).tree.path()
        await store.close()
        assert (asked.role, asked.text) == (Role.USER, "the question")
        assert len(reply.token_ids) > last
        assert reply.token_ids == list(range(len(reply.token_ids)))
        assert reply.text == "".join(f"{index} " for index in reply.token_ids)
        assert (reply.status, reply.provenance.stop_reason) == (Status.INTERRUPTED, StopReason.CRASHED)
        assert list((path.parent / "leases").iterdir()) == []


async def test_the_reply_of_a_living_process_is_left_to_it(path: Path, start) -> None:
    child = start("stream", path)
    uid = child.stdout.readline().strip()
    store = await Store.open(path)
    assert (await store.session(uid)).tree.path()[-1].status is Status.STREAMING
    assert [head.streaming for head in await store.sessions()] == [True]
    before = await store.data_version()
    while await store.data_version() == before:  # the child's next write, however far ahead its reports are
        child.stdout.readline()
    killed_in_mid_reply(child, 0)
    await store.close()

    store = await Store.open(path)
    assert (await store.session(uid)).tree.path()[-1].status is Status.INTERRUPTED
    await store.close()


async def test_a_reply_that_still_streams_when_the_store_is_closed_is_interrupted(
    path: Path, persona: Persona
) -> None:
    store, other = await Store.open(path), await Store.open(path)
    made = await store.create_session(persona)
    mine = await store.begin_reply(made.id, None, text="so far")
    theirs = await other.begin_reply(made.id, None)
    await store.close()
    tree = (await other.session(made.uid)).tree
    assert (tree[mine.id].text, tree[mine.id].status) == ("so far", Status.INTERRUPTED)
    assert tree[theirs.id].status is Status.STREAMING
    await other.finish(theirs.id, Status.COMPLETE, Provenance())
    await other.close()


async def test_four_processes_in_one_session_lose_nothing_and_never_collide(
    path: Path, start, persona: Persona
) -> None:
    store = await Store.open(path)
    made = await store.create_session(persona)
    children = [start("talk", path, made.uid) for _ in range(4)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert (child.returncode, errors) == (0, "")
    tree = (await store.session(made.uid)).tree
    questions = tree.children(None)
    assert sorted(m.text for m in questions) == sorted(f"question {i}" for i in range(25) for _ in range(4))
    replies = [reply for asked in questions for reply in tree.children(asked.id)]
    assert len(replies) == 100
    assert {(r.text, tuple(r.token_ids), r.status) for r in replies} == {("an answer", (1, 2), Status.COMPLETE)}
    await store.close()


async def test_a_full_disk_is_said_and_the_store_goes_on_when_there_is_room(path: Path, start) -> None:
    child = start("fill", path)
    output, errors = child.communicate(timeout=60)
    assert errors == ""
    sentence, kept = output.splitlines()
    assert "was not saved" in sentence
    pieces = int(kept)
    store = await Store.open(path)
    (head,) = await store.sessions()
    asked, reply = (await store.session(head.uid)).tree.path()
    assert asked.text == "the question"
    assert reply.text == "x" * 16_384 * pieces
    assert reply.token_ids == list(range(pieces))
    assert reply.status is Status.COMPLETE
    assert await store._do(lambda db: db.pragma("integrity_check")) == "ok"
    await store.close()


def test_a_lease_lives_as_long_as_its_holder(tmp_path: Path) -> None:
    held, given_up = Lease.take(tmp_path), Lease.take(tmp_path)
    assert is_living(tmp_path, held.name)
    given_up.release()
    assert not is_living(tmp_path, given_up.name)
    assert not is_living(tmp_path, "never heard of")
    held.release()


def test_only_dead_leases_are_cleared_away(tmp_path: Path) -> None:
    held = Lease.take(tmp_path)
    (tmp_path / "0123456789abcdef.lock").touch()
    (tmp_path / "notes.txt").touch()
    remove_dead(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {f"{held.name}.lock", "notes.txt"}
    assert is_living(tmp_path, held.name)
    held.release()


@pytest.mark.parametrize("seconds", [1.0])
def test_leases_can_be_taken_while_others_clear_up(tmp_path: Path, start, seconds: float) -> None:
    """Whoever has taken a lease holds it, however hard another process sweeps at that moment."""
    child = start("sweep", tmp_path)
    child.stdout.readline()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lease = Lease.take(tmp_path)
        assert (tmp_path / f"{lease.name}.lock").exists()
        lease.release()
    assert child.poll() is None
