"""Processes that use the store are killed at random moments: what was acknowledged is there, and sound.

Fifty kills here; `CHATAPP_FAULTS=full` takes a thousand, two hundred of them in the middle of a reply.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import pytest
import store_victim

from chatapp.conversation.message import Status
from chatapp.store import Store

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
KILLS, KILLS_IN_REPLY = (800, 200) if FULL else (38, 12)
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL"),
    pytest.mark.timeout(1800 if FULL else 240),
]


@pytest.fixture(scope="module")
def victims():
    """Starts a process for each victim from one that has imported everything, which is quick."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_victim"])
    return context


def killed(victims, target, path: Path, acks: Path, wanted: int) -> list[list[str]]:
    """Kill a process some time after its so many-th acknowledgement; returns all of them."""
    acks.unlink(missing_ok=True)
    victim = victims.Process(target=target, args=(str(path), str(acks)), daemon=True)
    victim.start()
    while victim.is_alive() and (not acks.exists() or acks.read_bytes().count(b"\n") < wanted):
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.02))
    victim.kill()
    victim.join()
    assert victim.exitcode == -9, "it died by itself"
    return [line.split() for line in acks.read_text().splitlines()] if acks.exists() else []


async def test_no_kill_loses_what_was_acknowledged(tmp_path, victims, figure):
    path, acks, facts = tmp_path / "data" / "chats.db", tmp_path / "acks", 0
    for _ in range(KILLS):
        said = killed(victims, store_victim.work, path, acks, random.randrange(12))
        store = await Store.open(path)
        assert store.warning == ""
        assert await store.check() == ""
        kept = await store._do(
            lambda db: {
                uid: (status, body) for uid, status, body in db.execute("SELECT uid, status, body FROM message")
            }
        )
        sessions = {head.uid for head in await store.sessions()}
        await store.close()
        facts += len(said)
        for kind, uid, *rest in said:
            match kind:
                case "session":
                    assert uid in sessions
                case "said":
                    assert kept[uid][1].startswith("question")
                case "pieces":
                    assert kept[uid][1].startswith(("piece 0 piece 1 piece 2", "answer"))
                case "done":
                    assert kept[uid] == (Status.COMPLETE, f"answer {rest[0]} " + "x" * 400)
        assert Status.STREAMING not in {status for status, _ in kept.values()}
    figure(
        "`kill -9` at a random moment", f"{KILLS:,} kills, {facts:,} facts: 0 lost, 0 damaged", "0 lost, 0 damaged"
    )


async def test_a_kill_in_mid_reply_loses_the_last_moment_of_it_and_no_more(tmp_path, victims, figure):
    path, acks, losses = tmp_path / "data" / "chats.db", tmp_path / "acks", []
    for _ in range(KILLS_IN_REPLY):
        said = killed(victims, store_victim.stream, path, acks, random.randrange(2, 150))
        uid, tokens = said[0][1], [(int(number), float(when)) for kind, number, when in said[1:]]
        store = await Store.open(path)
        assert await store.check() == ""
        (head, *_) = await store.sessions()
        asked, reply = (await store.session(head.uid)).tree.path()
        await store.close()
        assert asked.uid == uid
        assert reply.status is Status.INTERRUPTED
        assert reply.token_ids == list(range(len(reply.token_ids)))
        assert reply.text == "".join(f"{token} " for token in reply.token_ids)
        lost = tokens[len(reply.token_ids) :]
        assert len(lost) <= 2 * 64, "it writes at 64 tokens, while the write before is under way"
        losses.append(lost[-1][1] - lost[0][1] if lost else 0.0)
    figure(
        "`kill -9` in the middle of a reply",
        f"{KILLS_IN_REPLY:,} kills: every question kept, at most {1000 * max(losses):.0f} ms of a reply lost",
        "at most 300 ms",
    )
