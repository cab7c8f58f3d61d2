"""The async face of the chats on disk.

One thread owns the connection and does one thing after another (`jobs`); every method is a job for it and returns
when the job is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw

from chatapp.conversation.query import Query
from chatapp.store.agenda import AgendaStore
from chatapp.store.backup import ASKED, Backup, back_up
from chatapp.store.care import look_after
from chatapp.store.database import check, open_for_reading, open_in_memory
from chatapp.store.errors import NotSaved, TooNew, Unwritable
from chatapp.store.lease import Lease
from chatapp.store.opening import open_file
from chatapp.store.parts import PartStore
from chatapp.store.reader import Reader
from chatapp.store.search import Hit, search
from chatapp.store.shelf import Shelf
from chatapp.store.turns import Turns

_Opened = tuple[apsw.Connection, Lease | None, str]
"""The connection, the lease of a store on disk, and a warning."""


class Store(Shelf, Turns):
    """Sessions and their messages, kept on disk (or in memory, for a chat that is to leave no trace).

    Whatever is changed is on disk when the call returns. Every method may raise `NotSaved`, when the disk refuses:
    the change is then undone, and the store goes on working when the disk does.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        lease: Lease | None,
        thread: ThreadPoolExecutor,
        *,
        path: Path | None = None,
        warning: str = "",
    ) -> None:
        super().__init__(connection, lease, thread, path)
        self.warning = warning
        """A sentence about what may be missing, though the chats could be opened; empty where nothing is."""
        self.agenda = AgendaStore(self._do)
        self.parts = PartStore(self._do)
        self._reader = Reader(path) if path else None

    @classmethod
    async def open(cls, path: Path) -> Store:
        """Open the chats in a file, made if it is missing. Replies that a dead process left become interrupted.

        Raises:
            StoreError: with a sentence, when the file cannot be used; it is left as it is.
        """
        return await cls._start(lambda: open_file(path), path)

    @classmethod
    async def open_as_possible(cls, path: Path) -> Store:
        """Open the chats in a file; where they cannot be written, only for reading: `read_only` then says why.

        Raises:
            StoreError: with a sentence, when the file cannot be used; it is left as it is.
        """
        try:
            return await cls.open(path)
        except (TooNew, Unwritable) as error:
            return await cls.open_for_reading(path, str(error))

    @classmethod
    async def open_for_reading(cls, path: Path, why: str) -> Store:
        """Open the chats without the right to change anything; whatever would, raises `NotSaved` with that reason.

        Raises:
            StoreError: with a sentence, when not even that is possible.
        """
        store = await cls._start(lambda: (open_for_reading(path), None, ""))
        store.read_only = why
        return store

    @classmethod
    async def temporary(cls) -> Store:
        """A store in memory: nothing is written to disk."""
        return await cls._start(lambda: (open_in_memory(), None, ""))

    @classmethod
    async def _start(cls, opening: Callable[[], _Opened], path: Path | None = None) -> Store:
        thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            connection, lease, warning = await asyncio.wrap_future(thread.submit(opening))
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(connection, lease, thread, path=path, warning=warning)

    async def close(self) -> None:
        """End what still streams, put everything into the one file and let go of it."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        await super().close()

    async def search(self, query: Query, limit: int = 200) -> list[Hit]:
        """The messages that a query finds, the newest first. It waits for no write, and no write waits for it."""
        if self._reader is not None and not self._closed:
            return await self._reader.search(query, limit)
        return await self._do(search, query, limit)

    async def look_after(self) -> None:
        """Check the file, and make the daily backup if it is due: beside all other work, on a thread of its own.

        Raises:
            Damaged: the file is not sound; no backup was made of it.
            NotSaved: the backup could not be made.
        """
        if self._path is not None:
            await self._aside(look_after, self._path, self._stop)

    async def back_up(self) -> Backup:
        """Make a backup now, beside all other work.

        Raises:
            Damaged: the file is not sound; no backup was made of it.
            NotSaved: the backup could not be made.
        """
        if self._path is None:
            raise NotSaved(self.read_only or "A temporary chat has no file to make a backup of.")
        return await self._aside(back_up, self._path, ASKED, self._stop)

    async def check(self) -> str:
        """What SQLite's integrity check complains of first; empty when the chats are sound."""
        return await self._do(check)

    async def data_version(self) -> int:
        """A number that changes when another process has written; cheap enough to ask twice a second."""
        return await self._do(_data_version)


def _data_version(connection: apsw.Connection) -> int:
    return int(connection.pragma("data_version"))
