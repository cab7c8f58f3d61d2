"""Files that bit rot, a cut or a foreign hand has harmed: found or harmless, kept as they are, never a traceback.

A few dozen here; `CHATAPP_FAULTS=full` takes five hundred pages and a hundred lengths.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import Store, StoreError
from chatapp.store.recovery import quarantined, rescue

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
FLIPS, LENGTHS, RESCUES = (500, 100, 50) if FULL else (30, 10, 4)
PAGE = 4096
pytestmark = pytest.mark.timeout(1800 if FULL else 240)


@pytest.fixture
async def sound(tmp_path) -> bytes:
    path = tmp_path / "sound" / "chats.db"
    store = await Store.open(path)
    for number in range(60):
        made = await store.create_session(Persona(name=f"Persona {number}"))
        _, reply = await store.begin_turn(made.id, None, f"question {number} " + "why " * 40)
        await store.finish(reply.id, Status.COMPLETE, Provenance(), text="because " * 100, token_ids=range(100))
    await store.close()
    return path.read_bytes()


async def looked_at(path: Path) -> bool:
    """Open, read everything and check, as the app does; whether something was found. Errors must be sentences."""
    try:
        store = await Store.open(path)
    except StoreError:
        return True
    try:
        for head in await store.sessions():
            await store.session(head.uid)
        await store.look_after()
        return bool(await store.check())
    except StoreError:
        return True
    finally:
        await store.close()


async def test_bit_rot_and_cuts_are_found_or_harmless_and_the_file_is_kept(tmp_path, sound, figure):
    chance, found = random.Random(3), 0
    folder = tmp_path / "harmed"
    harms = [(chance.randrange(len(sound)), None) for _ in range(FLIPS)]
    harms += [(None, chance.randrange(len(sound))) for _ in range(LENGTHS)]
    for number, (flip, length) in enumerate(harms):
        path = folder / str(number) / "chats.db"
        path.parent.mkdir(parents=True)
        body = bytearray(sound[:length] if length is not None else sound)
        if flip is not None:
            body[flip] ^= 1 << chance.randrange(8)
        path.write_bytes(body)
        if await looked_at(path):
            found += 1
            assert path.read_bytes()[100:] == body[100:], "the header alone may change"
        elif length is not None:
            assert not any(sound[length:]), "only a cut of nothing but zeros can be harmless"
    measured = f"{FLIPS:,} flipped bits, {LENGTHS:,} cuts: {found:,} found, the rest harmless, 0 tracebacks"
    figure("bit rot and cut files", measured, "found or harmless, the file kept")


async def test_all_but_what_stood_on_a_lost_page_is_rescued(tmp_path, sound, figure):
    chance, shares = random.Random(5), []
    for number in range(RESCUES):
        path = tmp_path / "rescue" / str(number) / "chats.db"
        path.parent.mkdir(parents=True)
        body, page = bytearray(sound), chance.randrange(len(sound) // PAGE)
        body[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        path.write_bytes(body)
        back = rescue(path)
        shares.append(len(back.contents.messages) / 120)
        assert quarantined(path)[0].read_bytes() == body
        store = await Store.open(path)
        assert await store.check() == ""
        assert await store._do(lambda db: db.execute("PRAGMA foreign_key_check").fetchall()) == []
        assert await store._do(lambda db: db.execute("SELECT count(*) FROM trace").fetchone()) == (0,)
        for head in await store.sessions():
            await store.session(head.uid)
        await store.close()
    assert min(shares) >= 0.9
    measured = f"{RESCUES} files with a lost page: at least {100 * min(shares):.0f} % of the messages back"
    figure("rescue page by page", measured, "at least 90 %")
