"""Writes a streaming reply to the store, by a task of its own, and keeps what the disk refuses.

Four times a second or every 64 tokens, whatever the pace of whoever reads the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from chatapp.conversation.message import Message
from chatapp.conversation.trace import pack
from chatapp.store import NotSaved, Store, StoreError

FLUSH_SECONDS = 0.2
"""Shorter than the 300 ms that may be lost, because the write takes time too."""
FLUSH_TOKENS = 64
RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Unsaved:
    """The disk refused; the text is kept in memory and tried again. A sentence for people."""

    sentence: str


@dataclass(frozen=True)
class Saved:
    """What was unsaved is on disk again."""


Saving = Unsaved | Saved


class Record:
    """Writes a streaming reply to the store, at its own pace, and keeps what the disk refuses."""

    def __init__(self, store: Store, reply: Message, tell: Callable[[Saving], None]) -> None:
        self._store = store
        self._reply = reply
        self._tell = tell
        self._text: list[str] = []
        self._ids: list[int] = []
        self._came_from = reply.provenance
        """The provenance that is on disk."""
        self._due = asyncio.Event()
        self._anew = False
        """Whether what is on disk is not the beginning of what the reply says now."""
        self._closing = False
        self._refused = False
        self._task = asyncio.create_task(self._run())

    def add(self, text: str, ids: tuple[int, ...]) -> None:
        """Take what was said; cheap, called for every token."""
        self._text.append(text)
        self._ids += ids
        if not self._refused and (len(self._text) == 1 or len(self._ids) >= FLUSH_TOKENS):
            self._due.set()

    def rewrite(self) -> None:
        """The reply says less than it did: all of it is written anew."""
        self._text.clear()
        self._ids.clear()
        self._anew = True
        self._due.set()

    async def close(self) -> None:
        """Write the end of the reply, with its status and provenance; where the disk refuses, go on trying."""
        self._closing = True
        self._due.set()
        await self._task
        if not await self._finish():
            insisting = asyncio.create_task(self._insist())
            _INSISTING.add(insisting)
            insisting.add_done_callback(_INSISTING.discard)

    async def _run(self) -> None:
        while not self._closing:
            await self._due.wait()
            self._due.clear()
            if not self._closing and len(self._ids) < FLUSH_TOKENS:
                await self._pause(FLUSH_SECONDS)
            if not self._closing and not await self._write():
                await self._pause(RETRY_SECONDS)
                self._due.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), seconds)

    async def _write(self) -> bool:
        text, ids = "".join(self._text), list(self._ids)
        chunks, count, came_from = len(self._text), len(ids), self._reply.provenance
        news = None if came_from is self._came_from else came_from
        if self._anew:
            return await self._write_anew()
        if not chunks or await self._try(self._store.append(self._reply.id, text, ids, provenance=news)):
            self._came_from = came_from
            if not self._anew:  # else they were taken back meanwhile
                del self._text[:chunks]
                del self._ids[:count]
            return True
        return False

    async def _write_anew(self) -> bool:
        reply, came_from = self._reply, self._reply.provenance
        self._text.clear()
        self._ids.clear()
        self._anew = False
        if await self._try(self._store.rewrite(reply.id, reply.text, reply.token_ids, came_from)):
            self._came_from = came_from
            return True
        self._anew = True
        return False

    async def _finish(self) -> bool:
        reply = self._reply
        return await self._try(
            self._store.finish(
                reply.id,
                reply.status,
                reply.provenance,
                text=reply.text,
                token_ids=reply.token_ids,
                trace=pack(reply.records) if any(reply.records) else None,
            )
        )

    async def _insist(self) -> None:
        while not await self._finish():  # noqa: ASYNC110  the disk sends no event when it has room again
            await asyncio.sleep(RETRY_SECONDS)

    async def _try(self, writing: Awaitable[None]) -> bool:
        """Whether it was written. Only a refusal of the disk may be tried again: the rest is told and given up."""
        try:
            await writing
        except NotSaved as error:
            if not self._refused:
                self._tell(Unsaved(str(error)))
            self._refused = True
            return False
        except StoreError as error:
            self._tell(Unsaved(str(error)))
            return True
        if self._refused:
            self._tell(Saved())
        self._refused = False
        return True


_INSISTING: set[asyncio.Task[None]] = set()
"""What still tries to write the end of a reply; a task that nobody holds may vanish."""
