"""Copies of the chats: made while they are in use, verified, and put in place whole or not at all.

A copy is one file in `backups/`, named by a number that counts up, the day and the reason, for example
`000012-2026-11-24-daily.db`. The number orders them: a clock may jump, and then the day is only a label.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from chatapp.store.disk import free_bytes
from chatapp.store.errors import Damaged, NotSaved, in_sentences
from chatapp.store.lease import locked
from chatapp.text import counted

DAILY = "daily"
ASKED = "asked"
KEPT_DAILY = 7
ROOM = 64 * 2**20
"""Bytes that a daily copy leaves free: what is said now matters more than yesterday's copy of it."""
_NAME = re.compile(r"(\d{6})-(\d{4}-\d\d-\d\d)-([a-z0-9-]+)\.db")
_UNFINISHED = ".new-"
_PAGES = 1024
_STEPS = 100_000
"""Instructions of SQLite's machine between two looks at whether the copy is still wanted: about a millisecond."""


@dataclass(frozen=True)
class Backup:
    """A finished copy; its day and its reason (`daily`, `asked`, or `format-N`: before the step from N to N+1)."""

    path: Path
    number: int
    day: str
    reason: str


@dataclass(frozen=True)
class Contents:
    """What a database holds, the trash included."""

    sessions: frozenset[str]
    messages: frozenset[str]
    newest_ms: int
    """When its last message was written; 0 where there is none."""

    def __str__(self) -> str:
        """`41 sessions, 1,203 messages`."""
        return f"{counted(len(self.sessions), 'session')}, {counted(len(self.messages), 'message')}"


class BackupStopped(Exception):  # noqa: N818  it names what happened
    """The copy was given up, because the app ends."""


def folder_of(database: Path) -> Path:
    """Where the copies of a database lie."""
    return database.parent / "backups"


def backups_of(database: Path) -> list[Backup]:
    """The finished copies, newest first."""
    found = [
        Backup(path, int(name[1]), name[2], name[3])
        for path in folder_of(database).glob("*.db")
        if (name := _NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda backup: backup.number, reverse=True)


def daily_is_due(database: Path) -> bool:
    """Whether the newest daily copy is of another day."""
    newest = next((backup for backup in backups_of(database) if backup.reason == DAILY), None)
    return newest is None or newest.day != _today()


def back_up(database: Path, reason: str, stop: threading.Event | None = None) -> Backup:
    """Copy the database as it is at this moment, whoever writes to it meanwhile.

    Raises:
        Damaged: the copy does not pass the integrity check, so the database would not either. No copy is kept.
        NotSaved: there is no room, or the disk refuses.
        BackupStopped: `stop` was set.
    """
    folder = folder_of(database)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        must_fit(database, folder)
        with turn(folder), unfinished(folder) as copy:
            with in_sentences():
                _copy(database, copy, stop or threading.Event())
            sync(copy)
            number = max((backup.number for backup in backups_of(database)), default=0) + 1
            made = Backup(folder / f"{number:06}-{_today()}-{reason}.db", number, _today(), reason)
            copy.rename(made.path)
            sync(folder)
            _remove_old(database)
    except apsw.InterruptError as error:
        raise BackupStopped from error
    except OSError as error:
        raise NotSaved(
            f"No backup could be made ({error.strerror or error}). The chats are as they were."
        ) from error
    return made


def contents_of(path: Path) -> Contents:
    """What a copy holds. It must not be open anywhere, and have no write-ahead log.

    Raises:
        StoreError: when it cannot be read.
    """
    uri = f"{path.resolve().as_uri()}?immutable=1"
    with in_sentences():
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        with closing(connection):
            return read_contents(connection)


def read_contents(connection: apsw.Connection) -> Contents:
    """What an open database holds."""
    rows: list[Any] = connection.execute("SELECT uid, created_ms FROM message").fetchall()
    sessions: list[Any] = connection.execute("SELECT uid FROM session").fetchall()
    return Contents(
        frozenset(uid for (uid,) in sessions),
        frozenset(uid for uid, _ in rows),
        max((created for _, created in rows), default=0),
    )


def sync(path: Path) -> None:
    """Have the disk keep a file that no connection has open, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(database: Path, copy: Path, stop: threading.Event) -> None:
    source = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    with closing(source), closing(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)) as target:
        source.set_busy_timeout(5000)
        target.set_progress_handler(stop.is_set, _STEPS)
        # In one read transaction: what others write meanwhile neither enters the copy nor makes it begin again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with target.backup("main", source, "main") as copying:
            while not copying.done:
                if stop.is_set():
                    raise BackupStopped
                copying.step(_PAGES)
        target.pragma("journal_mode", "DELETE")  # one file, without a log beside it
        finding = str(target.execute("PRAGMA integrity_check(1)").fetchall()[0][0])
        if finding != "ok":
            raise Damaged(
                f"{database} is damaged ({finding}). It was left as it is, and no backup was made of it."
            )


def must_fit(database: Path, folder: Path, copies: int = 1) -> None:
    """Refuse to begin where there is no room for so many copies of a database.

    Raises:
        NotSaved: then.
    """
    free = free_bytes(folder)
    if free is not None and free < copies * database.stat().st_size + ROOM:
        raise NotSaved("The disk has no room for a backup. The chats are as they were.")


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """One copy at a time, whoever makes it."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not locked(handle):
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A new file for a copy; gone afterwards, unless it was renamed. So are those that dead processes left."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=_UNFINISHED)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            Path(f"{name}-journal").unlink()


def _remove_old(database: Path) -> None:
    daily = [backup for backup in backups_of(database) if backup.reason == DAILY]
    for backup in daily[KEPT_DAILY:]:
        backup.path.unlink(missing_ok=True)


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()
