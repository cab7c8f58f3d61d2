"""Sessions: what is saved comes back, the list is in the order of use, the trash gives back."""

# ruff: noqa: ASYNC240  nothing else runs while a test looks at a file
from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.conversation.message import Provenance, Role, Status, StopReason
from chatapp.conversation.persona import Example, Persona
from chatapp.conversation.sampling import SHIPPED, UNKNOWN, Preset, SamplingSettings
from chatapp.store import NoSuchSession, NotStreaming, Store, StoreError
from chatapp.text import repair

ANY_TEXT = st.text(st.characters(exclude_categories=()))


async def test_a_session_comes_back_as_it_was_made(path: Path) -> None:
    persona = Persona(
        name="Poet", system="Rhyme.\0", examples=(Example(user="a", assistant="b"),), sampling={"stop": ["x"]}
    )
    overrides = {"temperature": 1.5, "stop": ("###",), "seed": 7}
    store = await Store.open(path)
    made = await store.create_session(
        persona, preset=SHIPPED.named("Wild"), overrides=overrides, model="/models/a.gguf"
    )
    await store.save_draft(made.id, "half a thought\r\n")
    await store.rename(made.id, "  On\nrhymes ")
    await store.close()

    store = await Store.open(path)
    session = await store.session(made.uid)
    await store.close()
    assert (session.id, session.uid, session.persona) == (made.id, made.uid, persona)
    assert (session.preset, session.overrides, session.model) == (
        SHIPPED.named("Wild"),
        overrides,
        "/models/a.gguf",
    )
    assert (session.draft, session.title, session.titled) == ("half a thought\n", "On rhymes", True)
    assert len(session.tree) == 0


async def test_settings_and_model_of_a_session_can_change(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    await store.save_sampling(made.id, SHIPPED.named("Code"), {"top_k": 3})
    await store.save_model(made.id, "/models/\udcff.gguf")
    session = await store.session(made.uid)
    assert (session.preset, session.overrides, session.model) == (
        SHIPPED.named("Code"),
        {"top_k": 3},
        "/models/\ufffd.gguf",
    )
    with pytest.raises(ValueError, match="top_k"):
        await store.save_sampling(made.id, SHIPPED.named("Code"), {"top_k": -3})
    assert (await store.session(made.uid)).overrides == {"top_k": 3}


async def test_the_same_persona_is_kept_once(store: Store, persona: Persona) -> None:
    for _ in range(3):
        await store.create_session(persona)
    await store.create_session(persona.model_copy(update={"system": "Be long."}))
    assert await store._do(lambda db: db.execute("SELECT count(*) FROM persona").fetchone()) == (2,)


async def test_a_session_is_found_by_the_beginning_of_its_id(store: Store, persona: Persona) -> None:
    made = [await store.create_session(persona) for _ in range(40)]
    one = made[0]
    assert (await store.session(f" {one.uid.upper()} ")).id == one.id
    with pytest.raises(NoSuchSession, match="no session ‘zzzz’"):
        await store.session("zzzz")
    with pytest.raises(NoSuchSession, match="Name a session"):
        await store.session("")
    shared = next(a.uid[0] for a in made for b in made if a is not b and a.uid[0] == b.uid[0])
    with pytest.raises(NoSuchSession, match="More than one"):
        await store.session(shared)


async def test_the_list_is_in_the_order_of_use_whatever_the_clock_says(store: Store, persona: Persona) -> None:
    first, second, third = [await store.create_session(persona) for _ in range(3)]
    await store._do(lambda db: db.execute("UPDATE session SET updated_ms = 0 WHERE id = ?", (third.id,)))
    assert [head.id for head in await store.sessions()] == [third.id, second.id, first.id]
    await store.touch(second.id)
    await store.begin_turn(first.id, None, "hello")
    assert [head.id for head in await store.sessions()] == [first.id, second.id, third.id]
    assert [head.id for head in await store.sessions(limit=1)] == [first.id]


async def test_a_head_tells_what_the_list_shows(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    asked, reply = await store.begin_turn(made.id, None, "**Why** is the sky blue?\nTell me.")
    await store.append(reply.id, "Light scatters.\n\nBlue the\tmost.\n", [1])
    await store.begin_reply(made.id, asked.id)
    await store.save_draft(made.id, "and")
    (head,) = await store.sessions()
    assert (head.title, head.messages, head.leaves) == ("Why is the sky blue?", 3, 2)
    assert (head.has_draft, head.streaming, head.ending) == (True, True, "Blue the most.")


async def test_a_long_ending_is_cut_at_a_word(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    await store.begin_turn(made.id, None, "word " * 100 + "end")
    (head,) = await store.sessions()
    assert head.ending.startswith("…word word")
    assert head.ending.endswith("word end")
    assert len(head.ending) <= 101


async def test_the_trash_gives_back(store: Store, persona: Persona) -> None:
    kept, thrown = await store.create_session(persona), await store.create_session(persona)
    await store.begin_turn(thrown.id, None, "hello")
    await store.trash(thrown.id)
    assert [head.id for head in await store.sessions()] == [kept.id]
    (head,) = await store.sessions(deleted=True)
    assert (head.id, head.deleted_ms is not None) == (thrown.id, True)
    await store.restore(thrown.id)
    assert {head.id for head in await store.sessions()} == {kept.id, thrown.id}
    assert len((await store.session(thrown.uid)).tree) == 2


async def test_no_automatic_title_replaces_a_persons(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    await store.rename(made.id, "guessed", by_person=False)
    await store.rename(made.id, "mine")
    await store.rename(made.id, "guessed again", by_person=False)
    await store.begin_turn(made.id, None, "hello")
    session = await store.session(made.uid)
    assert (session.title, session.titled) == ("mine", True)


async def test_a_turn_is_saved_whole(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    await store.save_draft(made.id, "hel")
    asked, reply = await store.begin_turn(made.id, None, "hello")
    session = await store.session(made.uid)
    assert session.tree.path() == [asked, reply]
    assert (asked.role, asked.status, reply.role, reply.status) == (
        Role.USER, Status.COMPLETE, Role.ASSISTANT, Status.STREAMING,
    )  # fmt: skip
    assert (session.title, session.draft, session.titled) == ("hello", "", False)


async def test_a_reply_grows_and_ends(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, "hello")
    await store.append(reply.id, "Hel\r", [1, 2**32 - 1])
    await store.append(reply.id, "\nlo", [0, 255])
    growing = (await store.session(made.uid)).tree[reply.id]
    assert (growing.text, growing.token_ids) == ("Hel\r\nlo", [1, 2**32 - 1, 0, 255])
    provenance = Provenance(model_name="m", prompt_tokens=5, stop_reason=StopReason.END)
    await store.finish(reply.id, Status.COMPLETE, provenance)
    ended = (await store.session(made.uid)).tree[reply.id]
    assert (ended.text, ended.status, ended.provenance) == ("Hel\r\nlo", Status.COMPLETE, provenance)


async def test_the_end_may_set_the_exact_text_and_ids(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, "hello")
    await store.append(reply.id, "too much", [1, 2, 3])
    await store.finish(reply.id, Status.STOPPED, Provenance(), text="too", token_ids=[1])
    ended = (await store.session(made.uid)).tree[reply.id]
    assert (ended.text, ended.token_ids, ended.status) == ("too", [1], Status.STOPPED)


async def test_what_is_final_does_not_change(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    asked, reply = await store.begin_turn(made.id, None, "hello")
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text="done", token_ids=[])
    with pytest.raises(NotStreaming):
        await store.append(reply.id, "more", [])
    with pytest.raises(NotStreaming):
        await store.finish(reply.id, Status.ERROR, Provenance(), text="gone")
    with pytest.raises(NotStreaming):
        await store.append(asked.id, "words put in a mouth", [])
    tree = (await store.session(made.uid)).tree
    assert (tree[asked.id].text, tree[reply.id].text, tree[reply.id].status) == ("hello", "done", Status.COMPLETE)


async def test_one_store_does_not_write_the_reply_of_another(path: Path, store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, "hello")
    other = await Store.open(path)
    with pytest.raises(NotStreaming):
        await other.append(reply.id, "x", [])
    await other.close()
    await store.append(reply.id, "mine", [])


async def test_branches_are_kept_in_order_with_the_one_in_view(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    asked, first = await store.begin_turn(made.id, None, "hello")
    second = await store.begin_reply(made.id, asked.id, text="go on", token_ids=[4, 5])
    edited, third = await store.begin_turn(made.id, None, "hi")
    session = await store.session(made.uid)
    assert [m.id for m in session.tree.path()] == [edited.id, third.id]
    assert [m.id for m in session.tree.children(None)] == [asked.id, edited.id]
    assert [m.id for m in session.tree.children(asked.id)] == [first.id, second.id]
    assert (session.tree[second.id].text, session.tree[second.id].token_ids) == ("go on", [4, 5])
    await store.activate(made.id, session.tree.activate(first.id))
    assert [m.id for m in (await store.session(made.uid)).tree.path()] == [asked.id, first.id]


async def test_a_wish_for_a_child_that_is_none_is_passed_over(store: Store, persona: Persona) -> None:
    made, other = await store.create_session(persona), await store.create_session(persona)
    asked, reply = await store.begin_turn(made.id, None, "hello")
    foreign, _ = await store.begin_turn(other.id, None, "hello")
    await store.activate(made.id, [(None, foreign.id), (None, reply.id), (asked.id, asked.id)])
    session = await store.session(made.uid)
    assert (session.tree.active_root, session.tree[asked.id].active_child) == (asked.id, reply.id)


async def test_a_message_cannot_hang_on_another_session(store: Store, persona: Persona) -> None:
    made, other = await store.create_session(persona), await store.create_session(persona)
    foreign, _ = await store.begin_turn(other.id, None, "hello")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await store.begin_turn(made.id, foreign.id, "hello")
    assert len((await store.session(made.uid)).tree) == 0
    with pytest.raises(NoSuchSession):
        await store.begin_turn(12345, None, "hello")


async def indexed(store: Store, words: str) -> set[int]:
    rows = await store._do(lambda db: db.execute("SELECT rowid FROM message_fts(?)", (words,)).fetchall())
    return {row[0] for row in rows}


async def rebuild_index(store: Store) -> None:
    for command in ("integrity-check", "rebuild", "integrity-check"):
        await store._do(lambda db, c=command: db.execute("INSERT INTO message_fts(message_fts) VALUES (?)", (c,)))


async def test_final_messages_are_indexed_for_search_and_streaming_ones_are_not(
    store: Store, persona: Persona
) -> None:
    made = await store.create_session(persona)
    asked, reply = await store.begin_turn(made.id, None, "the sky in Málaga")
    await store.append(reply.id, "blue sky", [])
    await rebuild_index(store)
    assert await indexed(store, "sky") == {asked.id}
    await store.finish(reply.id, Status.COMPLETE, Provenance())
    assert await indexed(store, "sky") == {asked.id, reply.id}
    assert await indexed(store, "malaga") == {asked.id}
    await rebuild_index(store)
    assert await indexed(store, "sky") == {asked.id, reply.id}


async def test_a_temporary_store_writes_nothing(tmp_path: Path, monkeypatch, persona: Persona) -> None:
    monkeypatch.chdir(tmp_path)
    store = await Store.temporary()
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, "hush")
    await store.append(reply.id, "yes", [1])
    assert (await store.session(made.uid)).tree[reply.id].text == "yes"
    await store.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_caller_does_not_take_the_change_along(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    task = asyncio.create_task(store.rename(made.id, "kept"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert (await store.session(made.uid)).title == "kept"


async def test_a_closed_store_says_so_and_may_be_closed_again(path: Path) -> None:
    store = await Store.open(path)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.sessions()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=ANY_TEXT, title=ANY_TEXT, draft=ANY_TEXT, reply_text=ANY_TEXT, ids=st.lists(st.integers(0, 2**32 - 1)))
def test_no_text_breaks_a_save(said: str, title: str, draft: str, reply_text: str, ids: list[int]) -> None:
    """Lone surrogates and NUL are replaced; all else comes back, whatever it is."""

    async def check() -> None:
        store = await Store.temporary()
        made = await store.create_session(Persona(name="A"), model=said)
        asked, reply = await store.begin_turn(made.id, None, said)
        await store.append(reply.id, reply_text, ids)
        broken = Provenance(settings=SamplingSettings()).model_copy(update={"detail": said, "model_path": title})
        await store.finish(reply.id, Status.ERROR, broken)
        await store.rename(made.id, title)
        await store.save_draft(made.id, draft)
        session = await store.session(made.uid)
        assert session.tree[asked.id].text == asked.text == repair(said)
        assert session.tree[reply.id].token_ids == ids
        assert session.draft == repair(draft)
        lost = {"\0", *map(chr, range(0xD800, 0xE000))}
        assert session.tree[reply.id].text == "".join("\ufffd" if c in lost else c for c in reply_text)
        assert session.tree[reply.id].status is Status.ERROR
        assert len(await store.sessions()) == 1
        await store.close()

    asyncio.run(check())


async def test_a_rate_without_end_does_not_break_a_save(store: Store, persona: Persona) -> None:
    made = await store.create_session(persona)
    _, reply = await store.begin_turn(made.id, None, "hello")
    timings = Provenance().timings.model_copy(update={"tokens_per_s": float("inf"), "decode_s": 2.0})
    await store.finish(reply.id, Status.COMPLETE, Provenance(model_name="m", timings=timings))
    kept = (await store.session(made.uid)).tree[reply.id].provenance
    assert (kept.model_name, kept.timings.decode_s, kept.timings.tokens_per_s) == ("m", 2.0, 0.0)


async def test_a_session_keeps_its_presets_values_and_an_old_one_has_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    noir = Preset("Noir", "short", {"top_k": 6, "stop": ("x",)})
    store = await Store.open(path)
    made = await store.create_session(Persona(name="P", preset=noir), preset=noir)
    copied = await store.duplicate(made.uid)
    assert [(await store.session(uid)).preset for uid in (made.uid, copied)] == [noir, noir]
    assert (await store.session(made.uid)).persona.preset == noir
    await store.close()
    database = apsw.Connection(str(path))
    database.execute("UPDATE session SET preset_body = NULL")
    database.execute("UPDATE session SET preset = 'Wild' WHERE uid = ?", (made.uid,))
    database.close()
    store = await Store.open(path)
    assert (await store.session(made.uid)).preset == SHIPPED.named("Wild")
    gone = (await store.session(copied)).sampling()
    await store.close()
    assert (gone.preset.name, gone.preset.purpose, gone.settings) == ("Noir", UNKNOWN, SamplingSettings())
