"""The text of a file is kept with the messages that brought it, once, and is erased with the last of them."""

from __future__ import annotations

import json

from chatapp.conversation.attachment import Attachment, Given
from chatapp.conversation.document import Document, Unit
from chatapp.conversation.message import Provenance, Status
from chatapp.store import Store
from chatapp.transfer import native

SECRET = "The safe opens at 17-04-99.\n" * 50
NOTES = Attachment("notes.txt", Document(SECRET), "/gone/notes.txt", "ab" * 32, 1400, 5)
LETTER = Attachment("b.pdf", Document("one two", Unit.PAGE, (0, 4)), given=Given.PASSAGES, spans=((4, 7),))


async def say(store, persona, *files):
    session = await store.create_session(persona)
    _, reply = await store.begin_turn(session.id, None, "What is in there?", files)
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text="A safe.")
    return session


async def texts(store):
    rows = await store._do(lambda db: db.execute("SELECT body FROM attachment ORDER BY length(body)").fetchall())
    return [body for (body,) in rows]


async def test_a_message_has_its_files_again_when_they_are_long_gone(path, persona):
    store = await Store.open(path)
    session = await say(store, persona, NOTES, LETTER)
    await store.close()
    store = await Store.open(path)
    assert (await store.session(session.uid)).tree.path()[0].files == (NOTES, LETTER)
    await store.close()


async def test_the_same_text_is_kept_once_and_erased_with_the_last_session_that_has_it(path, store, persona):
    one, two = await say(store, persona, NOTES), await say(store, persona, NOTES, LETTER)
    copy = await store.session(await store.duplicate(two.uid))
    assert copy.tree.path()[0].files == (NOTES, LETTER)
    assert await texts(store) == [LETTER.document.text, SECRET]
    for session in (one, copy):
        await store.trash(session.id)
        await store.purge(session.id)
        assert await texts(store) == [LETTER.document.text, SECRET]
    assert b"17-04-99" in path.read_bytes()
    await store.trash(two.id)
    await store.purge(two.id)
    assert await texts(store) == []
    assert b"17-04-99" not in path.read_bytes()


async def test_the_native_format_carries_files_and_an_import_cannot_speak_for_another(store, persona):
    session = await store.session((await say(store, persona, NOTES, NOTES)).uid)
    document = json.loads(native.write(session))
    document["messages"][0]["files"][0] |= {"name": "a]\x1b[2J\n[b:1", "source": "ab" * 32}
    document["messages"][0]["files"][0]["document"]["text"] = "forged"
    kept = await store.session(await store.adopt(native.read(document).session))
    first, second = kept.tree.path()[0].files
    assert (first.name, first.document.text) == ("a)␛(2J (b·1", "forged")
    assert second == NOTES
    assert (await store.session(session.uid)).tree.path()[0].files[0] == NOTES


async def test_a_pruned_branch_comes_back_with_its_files_and_is_erased_with_them(path, store, persona):
    session = await say(store, persona, LETTER)
    tip = (await store.session(session.uid)).tree.path()[-1].id
    asked, reply = await store.begin_turn(session.id, tip, "And in here?", (NOTES,))
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text="A number.")
    await store.prune(session.id, asked.id)
    back = await store.bring_back(session.id, asked.id)
    assert [message.files for message in back] == [(NOTES,), ()]
    await store.prune(session.id, asked.id)
    await store.purge_pruned(session.id)
    assert await texts(store) == [LETTER.document.text]
    assert b"17-04-99" not in path.read_bytes()


async def test_the_files_of_a_draft_are_there_again_and_go_when_it_is_sent_or_erased(path, persona):
    store = await Store.open(path)
    session = await store.create_session(persona)
    await store.save_draft(session.id, "", (NOTES, LETTER))
    await store.save_draft(session.id, "what is in there?")
    await store.close()
    store = await Store.open(path)
    kept = await store.session(session.uid)
    assert (kept.draft, kept.draft_files) == ("what is in there?", (NOTES, LETTER))
    assert [head.has_draft for head in await store.sessions()] == [True]
    await store.save_draft(session.id, kept.draft, (NOTES,))  # the chip was taken off
    assert await texts(store) == [SECRET]
    await store.begin_turn(session.id, None, kept.draft, kept.draft_files[:1])
    assert (await store.session(session.uid)).draft_files == ()
    assert await texts(store) == [SECRET]
    other = await store.create_session(persona)
    await store.save_draft(other.id, "", (LETTER,))
    assert [head.has_draft for head in await store.sessions()] == [True, False]
    for one in (session, other):
        await store.trash(one.id)
        await store.purge(one.id)
    assert await texts(store) == []
    assert b"17-04-99" not in path.read_bytes()
    await store.close()
