"""The thread that owns the connection: one job after another, committed when it returns.

Nobody else waits for the disk. A caller that is cancelled does not take its job with it.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import apsw

from chatapp.store.database import reopened
from chatapp.store.errors import NotSaved, StoreError, SyncFailed, in_sentences
from chatapp.store.lease import Lease
from chatapp.store.opening import close_file

P = ParamSpec("P")
R = TypeVar("R")


class Do(Protocol):
    """Has the storage thread do one piece of work on its connection."""

    def __call__(
        self, work: Callable[Concatenate[apsw.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]:
        """Do it; what it returns."""


class Jobs:
    """Does pieces of work on the connection, each after the one before."""

    def __init__(
        self,
        connection: apsw.Connection,
        lease: Lease | None,
        thread: ThreadPoolExecutor,
        path: Path | None,
    ) -> None:
        self.read_only = ""
        """Why nothing can be written, in a sentence; empty where it can."""
        self._connection = connection
        self._lease = lease
        self._logs = lease is not None and connection.pragma("journal_mode") == "wal"
        """Whether what is written stands in a log beside the file at first."""
        self._owner = lease.name if lease else secrets.token_hex(8)
        self._thread = thread
        self._path = path
        self._aside_thread = ThreadPoolExecutor(1, thread_name_prefix="backup")
        self._stop = threading.Event()
        self._suspect = False
        """Whether a sync failed: never simply tried again, since the system may forget what it could not write."""
        self._closed = False

    async def close(self) -> None:
        """End what still streams, put everything into the one file and let go of it."""
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        self._aside_thread.shutdown(wait=False)
        closing = self._thread.submit(close_file, self._connection, self._owner, self._lease)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    async def _aside(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a piece of work that has a connection of its own; `close` waits for it."""
        if self._closed:
            raise StoreError("The chats are closed.")
        future = self._aside_thread.submit(work, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(future))

    async def _do(
        self, work: Callable[Concatenate[apsw.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Have the storage thread do one piece of work."""
        if self._closed:
            raise StoreError("The chats are closed.")

        def job() -> R:
            try:
                with in_sentences():
                    if self._suspect and self._path is not None:
                        self._connection = reopened(self._connection, self._path)
                        self._suspect = False
                    done = work(self._connection, *args, **kwargs)
                    if self._lease is not None and self._logs and self._connection.total_changes():
                        self._lease.mark_used()
                    return done
            except NotSaved as error:
                self._suspect = self._suspect or isinstance(error, SyncFailed)
                raise NotSaved(self.read_only or str(error)) from error

        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(job)))
