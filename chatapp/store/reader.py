"""Reads on a connection of its own: a search never waits for what is being written, nor holds it up."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import apsw

from chatapp.conversation.query import Query
from chatapp.store.database import open_reader
from chatapp.store.errors import in_sentences
from chatapp.store.search import Hit, search

_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at whether the answer is still wanted: some 0.1 ms."""


class Reader:
    """One thread with a connection that only reads, opened when it is first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._connection: apsw.Connection | None = None

    async def search(self, query: Query, limit: int) -> list[Hit]:
        """The messages that a query finds, the newest first; a caller that is cancelled ends the search.

        Raises:
            StoreError: with a sentence, when the file cannot be read.
        """
        unwanted = Event()
        job = self._thread.submit(self._search, query, limit, unwanted)
        try:
            return await asyncio.shield(asyncio.wrap_future(job))
        except asyncio.CancelledError:
            unwanted.set()
            raise

    def _search(self, query: Query, limit: int, unwanted: Event) -> list[Hit]:
        with in_sentences():
            if self._connection is None:
                self._connection = open_reader(self._path)
            # Asked in between: an interrupt from outside is lost when it comes before the query runs.
            self._connection.set_progress_handler(unwanted.is_set, _STEPS)
            try:
                return search(self._connection, query, limit)
            except apsw.InterruptError:
                return []

    async def close(self) -> None:
        """Let go of the file."""
        closing = self._thread.submit(self._close)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
