"""The async face of the chats on disk.

One thread owns the connection and does one thing after another; every method is a job for it and returns when the
job is committed. Nobody else waits for the disk. A caller that is cancelled does not take its job with it.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.conversation.query import Query
from chatapp.conversation.sampling import Preset
from chatapp.conversation.session import Session, SessionHead
from chatapp.store import messages, sessions, traces
from chatapp.store.agenda import AgendaStore
from chatapp.store.backup import ASKED, Backup, back_up
from chatapp.store.care import look_after
from chatapp.store.database import check, open_database, open_for_reading, open_in_memory, reopened
from chatapp.store.disk import must_have_room
from chatapp.store.errors import CannotOpen, NotSaved, StoreError, SyncFailed, TooNew, Unwritable, in_sentences
from chatapp.store.lease import Lease, gate, is_living, remove_dead
from chatapp.store.reader import Reader
from chatapp.store.search import Hit, search
from chatapp.store.shelf import Shelf
from chatapp.store.transaction import writing

_Opened = tuple[apsw.Connection, Lease | None, str]
"""The connection, the lease of a store on disk, and a warning."""
P = ParamSpec("P")
R = TypeVar("R")


class Store(Shelf):
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
        self.warning = warning
        """A sentence about what may be missing, though the chats could be opened; empty where nothing is."""
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
        self.agenda = AgendaStore(self._do)
        self._folder = path.parent if path else None
        self._reader = Reader(path) if path else None

    # Opening and closing ------------------------------------------------------------------------------------

    @classmethod
    async def open(cls, path: Path) -> Store:
        """Open the chats in a file, made if it is missing. Replies that a dead process left become interrupted.

        Raises:
            StoreError: with a sentence, when the file cannot be used; it is left as it is.
        """
        return await cls._start(lambda: _open(path), path)

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
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        if self._reader is not None:
            await self._reader.close()
        self._aside_thread.shutdown(wait=False)
        closing = self._thread.submit(_close, self._connection, self._owner, self._lease)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    # Sessions -----------------------------------------------------------------------------------------------

    async def sessions(
        self, *, deleted: bool = False, limit: int | None = None, pinned_first: bool = False
    ) -> list[SessionHead]:
        """The sessions, or those in the trash; the one used last comes first, or the pinned ones before it."""
        return await self._do(sessions.heads, deleted=deleted, limit=limit, pinned_first=pinned_first)

    async def session(self, name: str) -> Session:
        """A whole session, by its uid or the beginning of it; one in the trash too.

        Raises:
            NoSuchSession: with a sentence, when none or more than one goes by that name.
        """
        return await self._do(sessions.load, name)

    async def create_session(
        self,
        persona: Persona,
        *,
        preset: Preset | None = None,
        overrides: Mapping[str, Any] | None = None,
        model: str | None = None,
    ) -> Session:
        """A new session without messages."""
        return await self._do(sessions.create, persona, preset, overrides or {}, model)

    async def rename(self, session_id: int, title: str, *, by_person: bool = True) -> None:
        """Give a title; an automatic one never replaces a person's."""
        await self._do(sessions.rename, session_id, title, by_person=by_person)

    async def trash(self, session_id: int) -> None:
        """Put a session in the trash."""
        await self._do(sessions.set_deleted, session_id, deleted=True)

    async def restore(self, session_id: int) -> None:
        """Bring a session back from the trash."""
        await self._do(sessions.set_deleted, session_id, deleted=False)

    async def touch(self, session_id: int) -> None:
        """Make it the session used last."""
        await self._do(sessions.touch, session_id)

    async def save_draft(self, session_id: int, text: str) -> None:
        """Keep what is being written; an empty text clears it."""
        await self._do(sessions.save_draft, session_id, text)

    async def save_sampling(self, session_id: int, preset: Preset | None, overrides: Mapping[str, Any]) -> None:
        """Keep the session's preset and its own settings.

        Raises:
            ValueError: when a setting is unknown or out of its range.
        """
        await self._do(sessions.save_sampling, session_id, preset, dict(overrides))

    async def save_persona(self, session_id: int, persona: Persona) -> None:
        """Hold the session with another persona from now on."""
        await self._do(sessions.save_persona, session_id, persona)

    async def save_model(self, session_id: int, path: str | None) -> None:
        """Remember the model last used."""
        await self._do(sessions.save_model, session_id, path)

    async def save_policy(self, session_id: int, policy: Policy | None) -> None:
        """Keep what is done in a session when the context window is full; none: as the settings say."""
        await self._do(sessions.save_policy, session_id, policy)

    # Messages -----------------------------------------------------------------------------------------------

    async def begin_turn(
        self, session_id: int, parent: int | None, text: str, files: Sequence[Attachment] = ()
    ) -> tuple[Message, Message]:
        """Keep what the person said, files with it, and an empty reply that streams; the draft is cleared.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        return await self._do(messages.begin_turn, self._owner, session_id, parent, text, files=tuple(files))

    async def begin_reply(
        self,
        session_id: int,
        parent: int | None,
        *,
        text: str = "",
        token_ids: Sequence[int] = (),
        provenance: Provenance | None = None,
    ) -> Message:
        """One more reply that streams, beside those that are there; Continue gives it the text to go on from.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        return await self._do(
            messages.begin_reply,
            self._owner,
            session_id,
            parent,
            text=text,
            token_ids=tuple(token_ids),
            provenance=provenance,
        )

    async def add_reply(self, session_id: int, parent: int | None, text: str, provenance: Provenance) -> Message:
        """A reply that a person wrote, beside those that are there.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.add_reply, session_id, parent, text, provenance)

    async def begin_many(
        self, session_id: int, parent: int | None, *, text: str | None, count: int
    ) -> tuple[Message | None, list[Message]]:
        """Several replies that stream, to what was said or to a `text` that is said now; the first is in view.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        return await self._do(messages.begin_many, self._owner, session_id, parent, text=text, count=count)

    async def begin_summary(self, session_id: int, parent: int) -> Message:
        """A summary that streams, of the path that ends with a message.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.begin_summary, self._owner, session_id, parent)

    async def add_border(self, session_id: int, parent: int, text: str = "") -> Message:
        """A border below a message: a summary with a text, or else a bare cut.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.add_border, session_id, parent, text)

    async def undo_border(self, message_id: int, *, undone: bool = True) -> None:
        """Undo a border, or put it in force again."""
        await self._do(messages.set_undone, message_id, undone=undone)

    async def pin(self, message_id: int, *, pinned: bool = True) -> None:
        """Pin a message, so that its turn stays in the context window, or let it go."""
        await self._do(messages.set_pinned, message_id, pinned=pinned)

    async def append(
        self, reply_id: int, text: str, token_ids: Iterable[int], *, provenance: Provenance | None = None
    ) -> None:
        """Add to a reply that this store began.

        Raises:
            NotStreaming: when it has ended, or is another process's.
        """
        await self._do(messages.append, self._owner, reply_id, text, tuple(token_ids), provenance=provenance)

    async def finish(
        self,
        reply_id: int,
        status: Status,
        provenance: Provenance,
        *,
        text: str | None = None,
        token_ids: Iterable[int] | None = None,
        trace: bytes | None = None,
    ) -> None:
        """End a reply that this store began; text and ids, where given, replace what was appended.

        A `trace` says how its tokens were chosen.

        Raises:
            NotStreaming: when it has ended already, or is another process's.
        """
        ids = None if token_ids is None else tuple(token_ids)
        await self._do(
            messages.finish,
            self._owner,
            reply_id,
            status=status,
            provenance=provenance,
            text=text,
            token_ids=ids,
            trace=trace,
        )

    async def trace(self, message_id: int) -> bytes | None:
        """How the tokens of a reply were chosen, as it was given to `finish`."""
        return await self._do(traces.load, message_id)

    async def keep_trace(self, message_id: int, trace: bytes, provenance: Provenance) -> None:
        """Keep how the tokens of a final message were chosen, found out afterwards, and its new provenance."""
        await self._do(traces.keep, message_id, trace, provenance)

    async def activate(self, session_id: int, changes: Iterable[messages.Change]) -> None:
        """Remember which children are in view: pairs of parent (none: the root) and child."""
        await self._do(messages.activate, session_id, tuple(changes))

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

    async def _must_have_room(self) -> None:
        """Nothing is begun that could not be saved to its end."""
        if self._path is not None:
            await self._do(must_have_room, self._path.parent)

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


def _open(path: Path) -> tuple[apsw.Connection, Lease, str]:
    leases = path.parent / "leases"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        leases.mkdir(mode=0o700, exist_ok=True)
        with gate(leases):
            lease = Lease.take(leases)
            try:
                connection, warning = _open_with(path, leases)
            except BaseException:
                lease.release()
                raise
    except OSError as error:
        sentence = f"The folder {path.parent} cannot be used ({error.strerror or error})."
        if path.is_file():
            raise Unwritable(f"{sentence} The chats can be read, and nothing is saved.") from error
        raise CannotOpen(f"{sentence} Name another with --data-dir.") from error
    return connection, lease, warning


def _open_with(path: Path, leases: Path) -> tuple[apsw.Connection, str]:
    logged = path.with_name(path.name + "-wal").exists()
    connection = open_database(path)
    try:
        died = _end_orphans(connection, leases)
    except BaseException:
        connection.close()
        raise
    return connection, _LOG_MISSING.format(path=path) if died and not logged else ""


_LOG_MISSING = (
    "{path}-wal is missing, the log of what was written last: an earlier chatapp died and left it. "
    "What was said then may be gone; everything before it is here."
)


def _end_orphans(connection: apsw.Connection, leases: Path) -> bool:
    """End the replies that dead processes left, in one transaction: another that starts waits for its turn.

    Otherwise it could take the locks that are tried here for those of living writers.

    Returns:
        Whether a process died with the database open, and its log ought to be there.
    """
    with in_sentences(), writing(connection):
        messages.interrupt(connection, lambda owner: not is_living(leases, owner))
        return remove_dead(leases)


def _close(connection: apsw.Connection, owner: str, lease: Lease | None) -> None:
    try:
        # What fails here loses nothing: the next start ends orphans too, and reads the write-ahead log.
        with suppress(apsw.Error, OSError):
            with writing(connection):
                messages.interrupt(connection, lambda writer: writer == owner)
            if lease is not None:
                remove_dead(lease.folder)  # the log goes now, and nobody is to miss it
            connection.execute("PRAGMA optimize")
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()
        if lease is not None:
            lease.release()


def _data_version(connection: apsw.Connection) -> int:
    return int(connection.pragma("data_version"))
