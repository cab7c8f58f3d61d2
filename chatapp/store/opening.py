"""Opening the file with the chats, and letting go of it: a lease says who writes, and what the dead left is ended.

Everything here runs on the thread that owns the connection.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import apsw

from chatapp.store import messages
from chatapp.store.database import open_database
from chatapp.store.errors import CannotOpen, Unwritable, in_sentences
from chatapp.store.lease import Lease, gate, is_living, remove_dead
from chatapp.store.transaction import writing


def open_file(path: Path) -> tuple[apsw.Connection, Lease, str]:
    """The connection, the lease that says who writes, and a warning about what may be missing, if anything.

    Raises:
        StoreError: with a sentence, when the file cannot be used; it is left as it is.
    """
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


def close_file(connection: apsw.Connection, owner: str, lease: Lease | None) -> None:
    """End what an owner left streaming, put everything into the one file, and let go of it."""
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
