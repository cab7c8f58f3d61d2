"""A disk that fills up is noticed before something is begun that could not be saved to its end."""

from __future__ import annotations

import pytest

from chatapp.store import NotSaved, Store, disk

MIB = 2**20


@pytest.mark.parametrize(("free", "warns"), [(200, False), (199.9, True), (20, True), (None, False)])
async def test_under_200_mb_it_is_said_and_under_20_nothing_is_begun(path, persona, monkeypatch, free, warns):
    store = await Store.open(path)
    session = await store.create_session(persona)
    monkeypatch.setattr(disk, "free_bytes", lambda _: None if free is None else int(free * MIB))
    if warns:
        with pytest.raises(NotSaved, match="MB left"):
            await store.look_after()
    else:
        await store.look_after()
    asked, _ = await store.begin_turn(session.id, None, "hello")
    monkeypatch.setattr(disk, "free_bytes", lambda _: 20 * MIB - 1)
    for beginning in (
        store.begin_turn(session.id, None, "no"),
        store.begin_reply(session.id, asked.id),
        store.begin_many(session.id, asked.id, text=None, count=2),
    ):
        with pytest.raises(NotSaved, match="nothing new is begun"):
            await beginning
    await store.save_draft(session.id, "what is being written is kept all the same")
    assert len((await store.session(session.uid)).tree) == 2
    await store.close()
