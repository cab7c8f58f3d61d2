"""Opens the database file: never over something that is not ours, and never with weak promises.

A new database is built under another name and then put in place, so that a crash on the first start cannot leave
an empty file behind, and an empty file always means that something was lost.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import apsw

from chatapp.store.backup import back_up, backups_of, sync
from chatapp.store.errors import CannotOpen, Damaged, Foreign, NotSaved, TooNew, Unwritable, in_sentences
from chatapp.store.schema import APPLICATION_ID, VERSION, migrate, version_of

_OLDEST_SQLITE = (3, 51, 3)
"""The first without the bug that loses pages when two processes write and checkpoint at the same instant."""
_MAGIC = b"SQLite format 3\0"
_HEADER_SIZE = 100
_BUSY_MS = 5000
_PRIVATE = 0o600


def open_database(path: Path) -> apsw.Connection:
    """The connection to a database that is there and ours, or to a new one where there is no file.

    Raises:
        Unwritable: when it can be read, but not written.
        StoreError: with a sentence, when the file cannot be used. It is left as it is.
    """
    try:
        if not path.exists():
            _create(path)
        _check_header(path, _read_header(path))
        _make_private(path)
        return _ready(_connect(path), path)
    except (OSError, apsw.CantOpenError, NotSaved) as error:
        kind = Unwritable if path.is_file() else CannotOpen
        raise kind(f"{path} cannot be opened ({_reason(error)}). Check the folder and its disk.") from error


def open_for_reading(path: Path) -> apsw.Connection:
    """A connection that changes nothing, whatever is asked of it.

    Raises:
        StoreError: with a sentence, when it cannot be read either.
    """
    try:
        header = _read_header(path)
        if not header.startswith(_MAGIC):
            _check_header(path, header)
        with in_sentences():
            connection = _connect_for_reading(path)
            if version_of(connection) < VERSION:
                connection = _brought_up_in_memory(connection)
        connection.set_busy_timeout(_BUSY_MS)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("query_only", "ON")
    except (OSError, apsw.CantOpenError, NotSaved) as error:
        raise CannotOpen(f"{path} cannot be read ({_reason(error)}). Check the folder and its disk.") from error
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """A second connection to a database that is open already; it never writes.

    Raises:
        StoreError: with a sentence, when the file cannot be read.
    """
    connection = _connect(path)
    connection.pragma("query_only", "ON")
    return connection


def open_in_memory() -> apsw.Connection:
    """A database that is gone when it is closed, and never touches the disk."""
    connection = apsw.Connection(":memory:")
    _configure(connection)
    migrate(connection)
    return connection


def check(connection: apsw.Connection) -> str:
    """What the integrity check complains of first; empty when all is well."""
    finding = str(connection.execute("PRAGMA integrity_check(1)").fetchall()[0][0])
    return "" if finding == "ok" else finding


def create_empty(path: Path) -> None:
    """Build a new database, closed and whole on the disk, under a name that is free."""
    path.touch(_PRIVATE)
    connection = _connect(path)
    migrate(connection)
    connection.close()
    sync(path)


def settle(path: Path) -> None:
    """Bring a copy of a database into one file, without a log beside it, and check that it is whole.

    Raises:
        StoreError: it is damaged, or not ours, or too new.
    """
    _check_header(path, _read_header(path))
    with in_sentences(), closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        connection.pragma("journal_mode", "DELETE")
        _check_version(path, version_of(connection))
        if finding := check(connection):
            raise Damaged(f"{path.name} is damaged ({finding}). It was left as it is.")


def quick_check(path: Path) -> str:
    """What SQLite's quick check complains of first, on a connection of its own; empty when all is well."""
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(_BUSY_MS)
            finding = str(connection.execute("PRAGMA quick_check(1)").fetchall()[0][0])
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return str(error)
    return "" if finding == "ok" else finding


def reopened(connection: apsw.Connection, path: Path) -> apsw.Connection:
    """A new connection in the place of one that may believe what the disk does not hold.

    Raises:
        StoreError: the file cannot be opened, or is not sound.
    """
    with suppress(apsw.Error):
        connection.close()
    fresh = _connect(path)
    if finding := quick_check(path):
        fresh.close()
        raise Damaged(f"{path} is damaged ({finding}). It was left as it is.")
    return fresh


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _check_header(path: Path, header: bytes) -> None:
    kept = "It was left as it is."
    if not header.strip(b"\0"):
        raise Damaged(
            f"{path} holds nothing, though chats were kept in it once. {kept} "
            "`chatapp restore` puts a copy back; chatapp itself offers more."
        )
    if not header.startswith(_MAGIC) or len(header) < _HEADER_SIZE:
        raise Damaged(f"{path} is not a database. {kept} `chatapp restore` puts a copy back.")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise Foreign(f"{path} is the database of another program. {kept} Name another folder with --data-dir.")
    _check_version(path, int.from_bytes(header[60:64]))


def _check_version(path: Path, version: int) -> None:
    if version > VERSION:
        raise TooNew(
            f"{path} was written by a newer chatapp (its format is {version}, this one knows {VERSION}). "
            "It was left as it is. Start the newer chatapp, or name another folder with --data-dir."
        )


def _read_header(path: Path) -> bytes:
    """The first 100 bytes, read through SQLite: closing a file of our own would drop the locks it holds on it."""
    if not path.is_file():
        raise Damaged(f"{path} is not a file. It was left as it is. Move it away.")
    file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        return bytes(file.xRead(_HEADER_SIZE, 0))
    finally:
        file.xClose()


def _make_private(path: Path) -> None:
    """Open the file to us and close it to others. What SQLite puts beside it gets the same permissions."""
    if os.name == "posix" and path.stat().st_mode & 0o777 != _PRIVATE:
        with suppress(PermissionError):  # another's file: it may be read at least
            path.chmod(_PRIVATE)


def _create(path: Path) -> None:
    """Put a new, empty database in place; when another process does so at the same time, one of them wins."""
    if path.with_name(path.name + "-wal").exists():
        raise Damaged(
            f"{path} is gone, but what was written last ({path.name}-wal) is still there. "
            "Put the file back beside it; `chatapp restore` puts a copy back."
        )
    if backups_of(path) or any(path.parent.glob(f"quarantine/*/{path.name}")):
        raise Damaged(f"{path} is gone, though chats were kept in it once. `chatapp restore` puts a copy back.")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        built = Path(folder) / path.name
        create_empty(built)
        _put_in_place(built, path)


def _put_in_place(built: Path, path: Path) -> None:
    try:
        path.hardlink_to(built)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        built.rename(path)
    if os.name == "posix":
        sync(path.parent)


def _connect(path: Path) -> apsw.Connection:
    if tuple(map(int, apsw.sqlite_lib_version().split("."))) < _OLDEST_SQLITE:
        raise CannotOpen(f"SQLite {apsw.sqlite_lib_version()} can lose data. Install a newer apsw.")
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with in_sentences():
            _configure(connection)
            _must_be_writable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _must_be_writable(connection: apsw.Connection) -> None:
    if connection.readonly("main"):  # SQLite is content with less than it was asked for
        raise NotSaved("it may only be read")


def _connect_for_reading(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(path.resolve().as_uri(), flags=flags)
    try:
        version_of(connection)
    except apsw.CantOpenError:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise  # without it, what was said last would silently be missing
        # A folder in which SQLite may not even put its lock file: nobody writes there.
        connection = apsw.Connection(f"{path.resolve().as_uri()}?immutable=1", flags=flags)
        version_of(connection)
    return connection


def _brought_up_in_memory(old: apsw.Connection) -> apsw.Connection:
    """A copy in this version's format, for a file that may not be changed."""
    connection = apsw.Connection(":memory:")
    with closing(old), connection.backup("main", old, "main") as copying:
        copying.step(-1)
    migrate(connection)
    return connection


def _ready(connection: apsw.Connection, path: Path) -> apsw.Connection:
    try:
        with in_sentences():
            # The header lags behind what the write-ahead log holds.
            version = version_of(connection)
            _check_version(path, version)
            if version < VERSION:
                back_up(path, f"format-{version}")
            migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(_BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    for name, value in {
        "trusted_schema": "OFF",
        "foreign_keys": "ON",
        "cell_size_check": "ON",
        "temp_store": "MEMORY",  # no text of a chat in the temporary folder
        "secure_delete": "ON",
        "journal_size_limit": 64 * 2**20,
        "fullfsync": "ON",  # macOS: a plain fsync there does not reach the disk
        "checkpoint_fullfsync": "ON",
        "synchronous": "FULL",
    }.items():
        connection.pragma(name, value)
    if connection.filename and connection.pragma("journal_mode", "WAL") != "wal":
        # A network drive: the old journal needs one more sync for the same promise.
        connection.pragma("journal_mode", "DELETE")
        connection.pragma("synchronous", "EXTRA")
