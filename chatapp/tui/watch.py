"""What goes on behind the page: the file is checked, the daily backup is made, other windows are heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from chatapp.conversation.message import Status
from chatapp.conversation.session import Session
from chatapp.store import NoSuchSession, Store, StoreError

FIRST_CARE_SECONDS = 3.0
"""After the start, when the first screen is drawn and the model is being loaded."""
CARE_SECONDS = 3600.0
POLL_SECONDS = 0.4
CALM = 5
"""Between two looks, so many times as long as the last one took."""


async def look_after(store: Store, trouble: Callable[[StoreError], None]) -> None:
    """Check the file and make the daily backup, now and every hour; `trouble` is told what is wrong."""
    await asyncio.sleep(FIRST_CARE_SECONDS)
    while True:
        try:
            await store.look_after()
        except StoreError as error:
            trouble(error)
        await asyncio.sleep(CARE_SECONDS)


async def follow(store: Store, changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` within a second of what another process writes; less often where that takes long."""
    clock = asyncio.get_running_loop().time
    seen, took = await store.data_version(), 0.0
    while True:
        await asyncio.sleep(max(POLL_SECONDS, CALM * took))
        with suppress(StoreError):  # a disk that refuses is told of by whoever wants something from it
            if (version := await store.data_version()) != seen:
                seen, began = version, clock()
                await changed()
                took = clock() - began


async def catch_up(store: Store, session: Session, own: int | None) -> bool:
    """Take over what another window has said in a session; whether there was anything.

    Args:
        store: the chats.
        session: as it is shown here.
        own: the reply that is being written here, which is newer here than in the store.
    """
    known = {message.id for message in session.tree.all()}
    try:
        fresh = await store.session(session.uid)
    except NoSuchSession:  # erased by the other window; what is shown here stays until it is left
        return False
    tree = session.tree
    news = _let_go(session, known.difference(message.id for message in fresh.tree.all()))
    for message in fresh.tree.all():
        if message.id not in tree:
            tree.take(message)
            news = True
        elif tree[message.id].status is Status.STREAMING and message.id != own:
            here = tree[message.id]
            news = news or (here.text, here.status) != (message.text, message.status)
            here.text, here.token_ids = message.text, message.token_ids
            here.status, here.provenance = message.status, message.provenance
    return news


def _let_go(session: Session, gone: set[int]) -> bool:
    """Take out what another window has put in the trash; whether there was anything."""
    for message_id in sorted(gone):  # those below a message go with it
        if message_id in session.tree:
            session.tree.prune(message_id)
    return bool(gone)
