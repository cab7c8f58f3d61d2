"""Branches in the trash: gone with all below, back as they were, never a hole, erased when that is asked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.message import Provenance, Role, Status
from chatapp.conversation.persona import Persona
from chatapp.conversation.query import read_query
from chatapp.store import Store, StoreError


async def turn(store, session, parent, text, answer="an answer"):
    asked, reply = await store.begin_turn(session.id, parent, text)
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text=answer)
    return asked, reply


async def talk(store, persona):
    """Three turns below each other, and another answer to the second question."""
    session = await store.create_session(persona)
    _, first = await turn(store, session, None, "one")
    asked, second = await turn(store, session, first.id, "two")
    third = await turn(store, session, second.id, "three", "zebra")
    other = await store.begin_reply(session.id, asked.id)
    await store.finish(other.id, Status.COMPLETE, Provenance(), text="another")
    return session, first, asked, second, third, other


async def shown(store, session):
    return [message.text for message in (await store.session(session.uid)).tree.all()]


async def test_a_message_goes_with_all_below_and_comes_back_with_all_that_went(store, persona):
    session, _, _, second, _, _ = await talk(store, persona)
    before = await shown(store, session)
    assert await store.prune(session.id, second.id) == 3
    assert await shown(store, session) == ["one", "an answer", "two", "another"]
    assert not await store.search(read_query("zebra"))
    [one] = await store.pruned(session.id)
    assert (one.message, one.role, one.text, one.messages) == (second.id, Role.ASSISTANT, "an answer", 3)
    back = await store.bring_back(session.id, second.id)
    assert [message.text for message in back] == ["an answer", "three", "zebra"]
    assert await shown(store, session) == before
    assert await store.search(read_query("zebra"))


async def test_what_went_before_stays_in_the_trash_when_the_rest_comes_back(store, persona):
    session, _, _, second, (asked, _), _ = await talk(store, persona)
    await store.prune(session.id, asked.id)
    assert await store.prune(session.id, second.id) == 1
    await store.bring_back(session.id, second.id)
    assert [one.message for one in await store.pruned(session.id)] == [asked.id]


async def test_a_branch_brings_along_what_it_stands_on(store, persona):
    session, first, asked, second, (third, _), _ = await talk(store, persona)
    await store.prune(session.id, third.id)
    await store.prune(session.id, asked.id)
    back = await store.bring_back(session.id, third.id)
    assert [message.id for message in back[:2]] == [asked.id, second.id]
    assert "another" not in await shown(store, session)
    assert [one.text for one in await store.pruned(session.id)] == ["another"]
    assert first.id


async def test_a_branch_on_which_a_reply_is_written_stays(store, persona):
    session, first, *_ = await talk(store, persona)
    _, reply = await store.begin_turn(session.id, first.id, "go on")
    with pytest.raises(StoreError, match="being written"):
        await store.prune(session.id, first.id)
    await store.append(reply.id, "still here", [])
    assert not await store.pruned(session.id)


async def test_writing_below_a_message_that_another_window_threw_away_brings_it_back(path, store, persona):
    session, _, asked, _, third, _ = await talk(store, persona)
    other = await Store.open(path)
    await other.prune(session.id, asked.id)
    await store.begin_turn(session.id, third[1].id, "what I typed")
    await other.close()
    texts = await shown(store, session)
    assert texts == ["one", "an answer", "two", "an answer", "three", "zebra", "what I typed", ""]


async def test_erasing_the_trash_leaves_no_byte_of_it(path, store, persona):
    session, _, _, second, _, _ = await talk(store, persona)
    await store.prune(session.id, second.id)
    (path.parent / "snapshots").mkdir()
    state = path.parent / "snapshots" / f"{session.uid}.state"
    state.write_bytes(b"zebra")
    purged = await store.purge_pruned(session.id)
    assert purged.log_is_clean
    assert not state.exists()
    assert b"zebra" not in path.read_bytes()
    assert not await store.pruned(session.id)
    assert await store.bring_back(session.id, second.id) == []
    assert await store.check() == ""


async def test_a_written_over_reply_names_the_one_it_was_in_a_copy_too(store, persona):
    session, first, *_ = await talk(store, persona)
    mine = await store.add_reply(session.id, first.parent, "mine", Provenance(edited_from=first.uid))
    assert (mine.status, mine.token_ids) == (Status.COMPLETE, [])
    copy = await store.session(await store.duplicate(session.uid))
    edited = next(message for message in copy.tree.all() if message.text == "mine")
    assert copy.tree.path_to(edited.id)[0].text == "one"
    names = {message.uid: message.text for message in copy.tree.all()}
    assert names[edited.provenance.edited_from] == "an answer"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["grow", "prune", "back"]), st.integers(0, 10**6)), max_size=25))
async def test_the_tree_never_has_a_hole_and_nothing_is_lost(steps):
    store = await Store.temporary()
    try:
        session = await store.create_session(Persona(name="Assistant"))
        ever: set[int] = set()
        for what, which in steps:
            tree = (await store.session(session.uid)).tree
            alive, gone = [message.id for message in tree.all()], await store.pruned(session.id)
            if what == "grow":
                parent = [None, *alive][which % (len(alive) + 1)]
                ever.add((await store.add_reply(session.id, parent, "x", Provenance())).id)
            elif what == "prune" and alive:
                await store.prune(session.id, alive[which % len(alive)])
            elif what == "back" and gone:
                await store.bring_back(session.id, gone[which % len(gone)].message)
        alive = {message.id for message in (await store.session(session.uid)).tree.all()}  # raises at a hole
        assert len(ever) == len(alive) + sum(one.messages for one in await store.pruned(session.id))
        for one in await store.pruned(session.id):
            await store.bring_back(session.id, one.message)
        assert {message.id for message in (await store.session(session.uid)).tree.all()} == ever
    finally:
        await store.close()
