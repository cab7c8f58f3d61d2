"""Chats that cannot be opened, or not written: said calmly, kept, and brought back as far as they can be."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import apsw
import pytest
from person import Person

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.paths import Paths
from chatapp.store import Store, schema
from chatapp.store.recovery import quarantined
from chatapp.tui import desk, watch
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.recovery import RecoveryScreen
from chatapp.tui.start import Start

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    paths = Paths.default(tmp_path / "home")
    paths.create()
    return paths


@pytest.fixture
def open_app(home, tmp_path, monkeypatch):
    """Opens the app on whatever lies in the home."""

    @asynccontextmanager
    async def start():
        (tmp_path / "reply").write_text("a word or two")
        command = [sys.executable, "-m", "benchmarks.metronome", str(tmp_path / "reply"), "5000"]
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setattr(desk, "Engine", partial(Engine, command=command))
        app = ChatApp(home, Start())
        async with app.run_test(size=(140, 36)) as pilot:
            try:
                yield Person(app, pilot)
            finally:
                await app.action_leave()

    return start


async def fill(path, *, backup=True, text="word " * 400):
    """Forty sessions of one turn; returns their uids."""
    store = await Store.open(path)
    uids = set()
    for number in range(40):
        made = await store.create_session(Persona(name="Assistant"))
        _, reply = await store.begin_turn(made.id, None, f"question {number}")
        await store.finish(reply.id, Status.COMPLETE, Provenance(), text=f"{number} {text}", token_ids=[1])
        uids.add(made.uid)
    if backup:
        await store.back_up()
    await store.close()
    return uids


def screen_text(app):
    """What the screen shows, row by row."""
    rows = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in row) for row in rows)


async def recovering(person):
    await person.until(lambda: isinstance(person.app.screen, RecoveryScreen) and person.app.screen._page.here)


async def chatting(person):
    await person.until(lambda: person.app._main is not None and isinstance(person.app.screen, MainScreen))


@pytest.mark.parametrize(
    "harm",
    [
        lambda _: b"",
        lambda body: bytes(len(body)),
        lambda _: b"Dear diary,\n" * 400,
        lambda _: b"\x89PNG\r\n\x1a\n" * 99,
    ],
    ids=["empty", "nul", "text", "png"],
)
async def test_what_is_no_database_is_kept_and_the_newest_backup_is_offered(home, open_app, harm):
    uids = await fill(home.database)
    body = harm(home.database.read_bytes())
    home.database.write_bytes(body)
    async with open_app() as person:
        await recovering(person)
        shown = screen_text(person.app)
        assert "It is kept, whatever you choose" in shown
        assert "40 sessions, 80 messages" in shown
        assert home.database.read_bytes() == body
        await person.press("enter")
        await person.until(lambda: "The backup is back" in screen_text(person.app))
        await person.press("enter")
        await chatting(person)
        assert {head.uid for head in await person.heads()} == uids
    (kept,) = quarantined(home.database)
    assert kept.read_bytes() == body


async def test_what_can_be_read_of_a_damaged_file_is_rescued(home, open_app):
    """Without a backup: one leaf page of messages is gone, all else comes back and is counted."""
    uids = await fill(home.database, backup=False, text="word " * 40)
    database = apsw.Connection(str(home.database))
    (leaf,) = database.execute(
        "SELECT pageno FROM dbstat WHERE name = 'message' AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 2"
    ).fetchone()
    database.close()
    body = bytearray(home.database.read_bytes())
    body[(leaf - 1) * 4096 : leaf * 4096] = b"\xff" * 4096
    body[:16] = b"\xff" * 16
    home.database.write_bytes(body)
    async with open_app() as person:
        await recovering(person)
        assert person.app.screen._page.here.way == "rescue"
        await person.press("enter")
        await person.until(lambda: person.app.screen._done)
        assert "Rescued: 40 sessions" in screen_text(person.app)
        await person.press("enter")
        await chatting(person)
        heads = await person.heads()
        assert {head.uid for head in heads} == uids
        assert sum(head.messages for head in heads) >= 0.7 * 80
        assert await person.desk.store.check() == ""
    (kept,) = quarantined(home.database)
    assert kept.read_bytes() == body


async def test_damage_that_is_found_later_comes_to_the_same_screen(home, open_app, monkeypatch):
    monkeypatch.setattr(watch, "FIRST_CARE_SECONDS", 0.0)
    await fill(home.database)
    body = bytearray(home.database.read_bytes())
    body[-4096 * 3 :] = b"\xff" * 4096 * 3
    home.database.write_bytes(body)
    async with open_app() as person:
        await recovering(person)
        assert "damaged" in screen_text(person.app)
        await person.press("down", "down", "enter")
        await chatting(person)
        assert "It is open to read only" in person.desk.store.read_only


async def test_a_newer_format_is_read_and_nothing_pretends_to_be_saved(home, open_app):
    """The list and the messages are there, what is written stays in the composer, the file does not change."""
    uids = await fill(home.database)
    body = bytearray(home.database.read_bytes())
    body[60:64] = (schema.VERSION + 6).to_bytes(4)
    home.database.write_bytes(body)
    async with open_app() as person:
        await chatting(person)
        assert {head.uid for head in await person.heads()} == uids
        await person.screen.open_session(min(uids))
        assert len(person.chat.session.tree) == 2
        await person.say("keep this")
        assert person.draft == "keep this"
        await person.until(lambda: "read only" in screen_text(person.app))
        await asyncio.sleep(1)
        assert len(person.chat.session.tree) == 2
    assert home.database.read_bytes() == body


async def test_start_anew_and_quit_keep_the_file_too(home, open_app):
    home.database.write_bytes(b"Dear diary")
    async with open_app() as person:
        await recovering(person)
        await person.press("end", "down", "down", "down", "enter")
        assert (person.app.return_code, home.database.read_bytes()) == (1, b"Dear diary")
    async with open_app() as person:
        await recovering(person)
        while person.app.screen._page.here.way != "anew":
            await person.press("down")
        await person.press("enter")
        await person.until(lambda: person.app.screen._done)
        await person.press("enter")
        await chatting(person)
        assert await person.heads() == []
    assert quarantined(home.database)[0].read_bytes() == b"Dear diary"


async def test_another_window_shows_what_is_said_in_this_one(home, open_app):
    """Two windows on one session reply at once: both replies are siblings, and each window shows both."""
    uids = await fill(home.database, text="short")
    async with open_app() as person:
        await chatting(person)
        uid = min(uids)
        await person.screen.open_session(uid)
        asked = person.chat.session.tree.path()[0]
        other = await Store.open(home.database)
        theirs = await other.begin_reply(person.chat.session.id, asked.id)
        await other.append(theirs.id, "from the other window", [9])
        await person.until(lambda: len(person.chat.session.tree.children(asked.id)) == 2)
        assert person.chat.session.tree.path()[-1].id != theirs.id, "what is in view stays in view"
        await person.until(lambda: "‹1/2›" in screen_text(person.app))
        await other.finish(theirs.id, Status.COMPLETE, Provenance(), text="from the other window, whole")
        await person.until(lambda: person.chat.session.tree[theirs.id].status is Status.COMPLETE)
        assert person.chat.session.tree[theirs.id].text == "from the other window, whole"
        made = await other.create_session(Persona(name="Assistant"))
        await other.rename(made.id, "made elsewhere")
        await person.until(lambda: "made elsewhere" in screen_text(person.app))
        await other.close()
