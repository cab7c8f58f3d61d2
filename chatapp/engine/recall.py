"""Brings back what the engine once computed for a session, and keeps it on disk for the next time.

The engine knows no sessions: a state that it is given waits with the others until a prompt comes that begins with
its tokens. Whatever fails here costs a prefill and a line in the log, never a reply.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from chatapp.conversation.prompt import Turn
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelInfo
from chatapp.engine.prefix import common_prefix
from chatapp.engine.protocol import StateTaken
from chatapp.engine.snapshots import PIECE_BYTES, Header, Origin, Snapshot, Snapshots, UnsoundError

WORTH_SECONDS = 2.0
"""Of prefill that a snapshot must save to be written."""
_log = logging.getLogger(__name__)


class Recall:
    """What one engine holds of the sessions, and the folder that it comes from."""

    def __init__(self, engine: Engine, snapshots: Snapshots, worth_seconds: float = WORTH_SECONDS) -> None:
        self._engine = engine
        self._snapshots = snapshots
        self._worth = worth_seconds
        self._info: ModelInfo | None = None
        self._given: dict[str, asyncio.Task[None]] = {}
        """The sessions that the present process was given, or is being given."""
        self._keeping = asyncio.Lock()

    async def bring_back(self, session: str) -> None:
        """Give the engine what is kept of a session, once in the life of its process; returns when it has it."""
        if (info := self._engine.info) is None or not session or not self._engine.alive:
            return
        if self._info is not info:
            self._info = info
            self._given.clear()
        if session not in self._given:
            self._given[session] = asyncio.create_task(self._give(session, info))
        await asyncio.shield(self._given[session])

    async def _give(self, session: str, info: ModelInfo) -> None:
        snapshot = await asyncio.to_thread(self._snapshots.open, session, Origin.of(info))
        if snapshot is None:
            return
        header, options = snapshot.header, self._engine.options
        try:
            if options is not None and header.size <= options.states_limit:
                await self._engine.states.give(snapshot.token_ids, header.batched, header.size, _pieces(snapshot))
        except UnsoundError as error:
            self._snapshots.pass_over(session, str(error), remove=True)
        except (OSError, EngineDied) as error:
            self._snapshots.pass_over(session, str(error))
        finally:
            snapshot.close()

    async def keep(self, session: str, turns: Sequence[Turn], *, template: bool = True) -> bool:
        """Write what the engine holds of a session to disk, if that saves enough prefill; whether it was written.

        Args:
            session: Its uid.
            turns: Those of the path in view.
            template: Whether they go through the model's chat template.
        """
        async with self._keeping:
            info = self._engine.info
            if info is None or not self._engine.alive:
                return False
            try:
                taken = await self._engine.states.take(turns, template=template)
                origin = Origin.of(info)
                return await self._is_worth(session, taken, origin) and await self._write(session, taken, origin)
            except (EngineError, EngineDied, OSError) as error:
                _log.warning("no snapshot of %s is written: %s", session, error)
                return False

    async def forget(self, session: str) -> None:
        """Remove what is kept of a session."""
        await asyncio.to_thread(self._snapshots.remove, session)

    async def _is_worth(self, session: str, taken: StateTaken, origin: Origin) -> bool:
        if not taken.size or taken.seconds < self._worth:
            return False
        if (kept := await asyncio.to_thread(self._snapshots.open, session, origin)) is None:
            return True
        kept.close()
        saved = common_prefix(kept.token_ids, taken.token_ids) / len(taken.token_ids)
        return taken.seconds * (1 - saved) >= self._worth

    async def _write(self, session: str, taken: StateTaken, origin: Origin) -> bool:
        header = Header(origin=origin, tokens=len(taken.token_ids), batched=taken.batched, size=taken.size)
        writing = await asyncio.to_thread(self._snapshots.write, session, header, taken.token_ids)
        if writing is None:
            return False
        try:
            for start in range(0, taken.size, PIECE_BYTES):
                await asyncio.to_thread(writing.write, await self._engine.states.read(start, PIECE_BYTES))
            return await asyncio.to_thread(writing.commit)
        finally:
            writing.abandon()


async def _pieces(snapshot: Snapshot) -> AsyncIterator[bytes]:
    """The pieces of a snapshot, read and hashed beside the event loop."""
    pieces = snapshot.pieces()
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
