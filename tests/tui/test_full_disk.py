"""A disk that is full while one writes: said for as long as it is, nothing lost, and no new start needed."""

from __future__ import annotations

import asyncio

from test_main_screen import home, open_app  # noqa: F401  fixtures

from chatapp.conversation.message import Status
from chatapp.store import disk
from chatapp.tui.widgets.status import StatusLine


def status(person):
    line = person.screen.query_one(StatusLine)
    return " ".join(line.render_line(y).text for y in range(line.size.height))


async def test_a_full_disk_is_said_until_there_is_room_and_the_message_waits(open_app, monkeypatch):  # noqa: F811
    async with open_app() as person:
        await person.ask("first")
        monkeypatch.setattr(disk, "free_bytes", lambda _: 1)
        await person.say("second")
        await person.until(lambda: "disk" in status(person))
        await person.type("third, half written")
        await person.press("right")  # whatever is done meanwhile, it goes on being said
        assert "disk" in status(person)
        assert person.draft == "third, half written"
        assert [one.text for one in person.desk.unsent.queue] == ["second"]
        for _ in range(200):
            if "second" in (await person.kept()).draft:
                break
            await asyncio.sleep(0.02)
        assert (await person.kept()).draft == "second\n\nthird, half written"
        monkeypatch.undo()
        await person.until(lambda: len(person.chat.session.tree) == 4 and person.idle)
        assert await person.said() == ["first", Status.COMPLETE, "second", Status.COMPLETE]
        assert "disk" not in status(person)
        assert person.draft == "third, half written"


async def test_a_new_session_that_is_kept_by_a_draft_and_a_message_at_once_is_one(open_app, monkeypatch):  # noqa: F811
    """The store takes its time over the new session, while its draft and its first message both want it."""
    async with open_app() as person:
        await person.ask("first")
        store, gate, asked = person.desk.store, asyncio.Event(), []
        create = store.create_session

        async def slowly(*given, **named):
            asked.append(given)
            await gate.wait()
            return await create(*given, **named)

        monkeypatch.setattr(store, "create_session", slowly)
        await person.press("ctrl+n")
        await person.until(lambda: not person.chat.session.id)
        await person.type("Hi")
        saving = asyncio.create_task(person.screen.page.save_draft(person.chat))
        await person.until(lambda: asked)
        await person.press("enter")
        await person.until(lambda: person.desk.unsent.queue)
        gate.set()
        await saving
        await person.until(lambda: len(person.chat.session.tree) == 2 and person.idle)
        assert len(asked) == 1
        assert [head.title for head in await person.heads()] == ["Hi", "first"]
        assert (await person.kept()).draft == ""
