"""Finding: everything from one sheet, the way to the message, and words on the page; files in and out."""

from __future__ import annotations

import json

from test_main_screen import home, open_app  # noqa: F401  fixtures
from textual.widgets import Input

from chatapp.conversation.message import Message, Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree
from chatapp.store import Store
from chatapp.store.backup import back_up
from chatapp.tui.screens.sheet import Sheet, Slab
from chatapp.tui.widgets.find_bar import FindBar
from chatapp.tui.widgets.sessions import SessionList


def a_session(title="Lighthouse", long=0):
    """Two answers to the first question: the one with the otter is not in view."""
    said = [
        (None, "user", "Who trims the lamp?"),
        (1, "assistant", "The otter does, at night."),
        (1, "assistant", "The keeper trims the lamp."),
        (3, "user", "And the stairs? They have a lamp, too."),
        (4, "assistant", "**Lamp** by lamp." + " filler\n\n" * long),
    ]
    tree = Tree()
    for number, (parent, role, text) in enumerate(said, 1):
        tree.add(Message(number, "", parent, Role(role), text, created_ms=1_700_000_000_000))
    return Session(0, "", title, Persona(name="Tutor"), tree)


async def kept(paths, *sessions):
    store = await Store.open(paths.database)
    uids = [await store.adopt(session) for session in sessions]
    await store.close()
    return uids


def sheet_lines(person):
    slab = person.app.screen.query_one(Slab)
    return ["".join(s.text for s in slab.render_line(y)).strip() for y in range(slab.size.height)]


async def search(person, text):
    await person.press("ctrl+f")
    await person.until(lambda: isinstance(person.app.screen, Sheet))
    person.app.screen.query_one(Input).value = text
    await person.until(lambda: not person.app.screen._finder.pending and person.app.screen._finder.typed == text)


async def test_a_hit_brings_its_branch_into_view_and_is_marked(open_app, home):  # noqa: F811
    await kept(home, a_session(), a_session("Elsewhere"))
    async with open_app() as person:
        await search(person, "otter")
        lines = sheet_lines(person)
        assert any("2 in 2 sessions" in line for line in lines)
        assert any("The otter does" in line for line in lines)
        await person.press("enter")
        await person.until(lambda: person.chat.session.title == "Elsewhere")
        page = person.screen.page
        await person.until(lambda: page.transcript.marks and page.transcript.has_focus)
        assert [message.text for message in person.chat.session.tree.path()] == [
            "Who trims the lamp?",
            "The otter does, at night.",
        ]
        standing = person.chat.session.tree[page.transcript.cursor]
        assert standing.text == "The otter does, at night."
        assert (await person.kept()).tree.path()[-1].text == standing.text
        assert page.query_one(FindBar).display
        await person.press("escape")
        assert not page.transcript.marks
        assert not page.query_one(FindBar).display


async def test_tab_shows_all_hits_and_the_rest_is_found_too(open_app, home):  # noqa: F811
    await kept(home, a_session())
    async with open_app() as person:
        await search(person, "lamp")
        assert any("4 in 1 session" in line for line in sheet_lines(person))
        await search_again(person, "temperature")
        assert any("temperature" in line and "tune" in line for line in sheet_lines(person))
        await search_again(person, "after:never ((( \x1b[2J")
        assert any("was passed over" in line for line in sheet_lines(person))
        await person.press("escape")


async def search_again(person, text):
    person.app.screen.query_one(Input).value = text
    await person.until(lambda: not person.app.screen._finder.pending and person.app.screen._finder.typed == text)


async def test_words_are_found_on_the_page(open_app, home):  # noqa: F811
    [uid] = await kept(home, a_session(long=60))
    async with open_app(session=uid, size=(100, 30)) as person:
        page = person.screen.page
        await person.press("shift+up", "slash")
        assert page.query_one(FindBar).has_focus_within
        await person.type("lamp")
        await person.press("home", "enter")
        transcript = page.transcript
        await person.until(lambda: transcript.has_focus)
        visited = []
        for _ in range(6):
            visited.append(transcript._finds.at)
            await person.press("n")
        assert visited[0] == visited[5]  # five hits, around the end
        assert len(set(visited)) == 5
        await person.press("N")
        assert transcript._finds.at == visited[5]
        await person.press("escape", "z")
        assert person.draft == "z"  # and the page is as it was


async def test_a_session_is_exported_and_imported_from_the_palette(open_app, home):  # noqa: F811
    [uid] = await kept(home, a_session())
    async with open_app(session=uid) as person:
        await choose(person, "Export this session", "native")
        await person.until(lambda: home.exports.is_dir() and list(home.exports.glob("*.json")))
        [file] = home.exports.glob("lighthouse-*.json")
        assert len(json.loads(file.read_text())["messages"]) == 5
        await choose(person, "Import sessions", str(file), "Import")
        await person.until(lambda: person.chat.session.uid not in {uid, ""})
        assert len(person.chat.session.tree) == 5
        assert [head.title for head in await person.heads()] == ["Lighthouse", "Lighthouse"]


async def choose(person, *entries):
    await person.press("ctrl+p")
    for entry in entries:
        await person.until(
            lambda: isinstance(person.app.screen, Sheet) and not person.app.screen.query_one(Input).value
        )
        person.app.screen.query_one(Input).value = entry
        await person.pilot.pause()
        sheet = person.app.screen
        await person.press("enter")
        await person.until(lambda sheet=sheet: person.app.screen is not sheet)


async def test_a_file_that_is_none_is_said_and_nothing_happens(open_app, home, tmp_path):  # noqa: F811
    (tmp_path / "bad.json").write_text("[{]")
    async with open_app() as person:
        await choose(person, "Import sessions", str(tmp_path / "bad.json"))
        await person.until(lambda: any("bad.json" in one.message for one in person.app._notifications))
        assert await person.heads() == []


async def test_what_is_erased_is_asked_twice(open_app, home):  # noqa: F811
    [uid] = await kept(home, a_session())
    async with open_app() as person:
        session = await person.desk.store.session(uid)
        await person.desk.store.trash(session.id)
        await choose(person, "Trash", "Lighthouse", "Erase", "Keep")
        assert len(await person.desk.store.sessions(deleted=True)) == 1
        await choose(person, "Trash", "Lighthouse", "Erase", "Erase")
        for _ in range(100):
            if not await person.desk.store.sessions(deleted=True):
                return
            await person.pilot.pause(0.02)
        raise AssertionError("it is still there")


async def test_what_is_erased_is_erased_from_the_backups_when_that_is_chosen(open_app, home):  # noqa: F811
    [uid] = await kept(home, a_session())
    backup = back_up(home.database, "asked")
    async with open_app() as person:
        await person.desk.store.trash((await person.desk.store.session(uid)).id)
        await choose(person, "Trash", "Lighthouse", "Erase", "Erase")
        await person.until(
            lambda: (
                isinstance(person.app.screen, Sheet)
                and any("Leave the backups" in line for line in sheet_lines(person))
            )
        )
        await person.press("down", "enter")
        await person.until(
            lambda: any("erased from the backups" in one.message for one in person.app._notifications)
        )
    assert uid.encode() not in backup.path.read_bytes()


async def test_sessions_are_pinned_and_copied_in_the_list(open_app, home):  # noqa: F811
    await kept(home, a_session("Old"), a_session("New"))
    async with open_app() as person:
        sessions = person.screen.query_one(SessionList)
        await person.until(lambda: len(sessions.roll.heads) == 2)
        await person.press("ctrl+l", "end", "p")
        await person.until(lambda: sessions.roll.heads[0].pinned)
        assert [head.title for head in sessions.roll.heads] == ["Old", "New"]
        assert sessions.roll.head.title == "Old"
        await person.press("d")
        await person.until(lambda: len(sessions.roll.heads) == 3)
        assert sorted(head.title for head in sessions.roll.heads) == ["New", "Old", "Old (copy)"]


async def test_a_temporary_session_is_kept_when_that_is_wanted(open_app, home):  # noqa: F811
    async with open_app(temporary=True) as person:
        await person.ask("Remember this.")
        await choose(person, "Keep this temporary")
        await person.until(lambda: any("Kept" in one.message for one in person.app._notifications))
    store = await Store.open(home.database)
    [head] = await store.sessions()
    assert (head.title, head.messages) == ("Remember this.", 2)
    await store.close()


async def test_a_list_of_thousands_comes_in_pieces(open_app, home):  # noqa: F811
    await kept(
        home,
        *(
            Session(0, "", f"Talk {n}", Persona(name="A"), Tree([Message(1, "", None, Role.USER, "hi")]))
            for n in range(700)
        ),
    )
    async with open_app() as person:
        sessions = person.screen.query_one(SessionList)
        await person.until(lambda: len(sessions.roll.heads) == 500)
        await person.press("ctrl+l", "end")
        await person.until(lambda: len(sessions.roll.heads) == 700)
