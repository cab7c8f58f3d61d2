"""Our own format loses nothing: any session comes back as it was, by way of the file and by way of the store."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from transfer.samples import SESSIONS, numbered, shape

from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.store import Store
from chatapp.transfer import Unreadable, native


@settings(max_examples=150, deadline=None)
@given(SESSIONS)
def test_a_session_comes_back_from_its_file_as_it_was(session: Session) -> None:
    imported = native.read(json.loads(native.write(session)))
    assert (shape(imported.session), imported.warnings) == (shape(session), [])


@settings(max_examples=60, deadline=None)
@given(SESSIONS)
def test_a_session_comes_back_from_the_store_as_it_was(session: Session) -> None:
    async def through_the_store() -> Session:
        store = await Store.temporary()
        uid = await store.adopt(session, first=False)
        kept = await store.session(uid, with_traces=True)
        copy = await store.session(await store.duplicate(uid), with_traces=True)
        assert numbered(copy) == numbered(kept)
        assert (copy.draft, copy.draft_files) == (kept.draft, kept.draft_files)
        await store.close()
        return kept

    kept = asyncio.run(through_the_store())
    session.draft = session.draft.replace("\r\n", "\n").replace("\r", "\n")
    assert shape(kept) == shape(session)
    assert shape(native.read(json.loads(native.write(kept))).session) == shape(kept)


def test_the_file_names_every_field_there_is() -> None:
    session = Session(0, "u", "t", native.Persona(name="A"), native.Tree([Message(1, "m", None, Role.USER, "hi")]))
    document = json.loads(native.write(session))
    assert set(document["session"]) | {"id", "tree"} == {field.name for field in fields(Session)} | {"active_root"}
    assert set(document["messages"][0]) | {"records"} == {field.name for field in fields(Message)}


GOOD = {
    "format": "chatapp-session",
    "version": 1,
    "session": {"title": "T", "persona": {"name": "P"}},
    "messages": [{"id": 1, "uid": "", "parent": None, "role": "user", "text": "hi"}],
}


def good(**message):
    return GOOD | {"messages": [GOOD["messages"][0] | message]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (GOOD | {"version": 2}, "newer chatapp"),
        (good(parent=5), "before its parent"),
        (good(role="tool"), "role"),
        (GOOD | {"messages": GOOD["messages"] * 2}, "same id"),
        (GOOD | {"messages": [3]}, "not understood"),
        (good(id="x"), "not understood"),
    ],
)
def test_what_makes_no_sense_is_refused(document, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        native.read(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (good(token_ids=[-1]), "tokens of some messages"),
        (good(trace="no base64"), "tokens of some replies were chosen"),
        (good(provenance={"segments": [{"settings": {"temperature": -9}}]}), "how some replies were made"),
        (GOOD | {"session": {"persona": {"name": "P", "new": 1}}}, "persona"),
        (GOOD | {"session": {"persona": {"name": "P"}, "preset": "Nope"}}, "preset"),
        (GOOD | {"session": {"persona": {"name": "P"}, "overrides": {"top_k": -5, "evil": 1}}}, "settings"),
    ],
)
def test_what_is_only_half_understood_is_said_and_the_text_is_kept(document, said: str) -> None:
    imported = native.read(document)
    assert said in " ".join(imported.warnings)
    assert [message.text for message in imported.session.tree.path()] == ["hi"]


def test_a_preset_that_only_a_reply_knows_keeps_its_name_and_its_values() -> None:
    said = (
        native.read(good(provenance={"preset": "Evil", "preset_values": {"top_k": 6}})).session.tree[1].provenance
    )
    assert (said.preset, said.preset_values) == ("Evil", {"top_k": 6})
    assert native.read(good(provenance={"preset": "Evil", "preset_values": {"top_k": -6}})).warnings
