"""Erases a session, or its branches in the trash, for good.

From the tables, the search index, the log of late writes and the folder beside; `rewriting` has the copies.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from chatapp.store.erase import Gone, erase
from chatapp.store.errors import StoreError
from chatapp.store.rewriting import holding
from chatapp.store.transaction import writing


@dataclass(frozen=True)
class Purged:
    """What became of a session, or of branches, that were to be erased for good."""

    gone: Gone
    log_is_clean: bool
    """Whether the write-ahead log was emptied; another window that reads holds old pages there until it closes."""
    backups: tuple[Path, ...] = ()
    """The copies of the chats that still hold it, or cannot be looked into."""


def purge(connection: apsw.Connection, session_id: int, database: Path | None) -> Purged:
    """Erase a session that lies in the trash.

    SQLite overwrites what it frees (`secure_delete`, and the search index's own option of that name), so nothing
    of the text is left in the file. Saved states of the model for this session are files that carry its uid.

    Args:
        connection: the database.
        session_id: the session.
        database: the file; none for one in memory.

    Raises:
        StoreError: when it does not lie in the trash, or one of its files cannot be removed.
    """
    with writing(connection):
        found: Any = connection.execute(
            "SELECT uid FROM session WHERE id = ? AND deleted_ms IS NOT NULL", (session_id,)
        ).fetchone()
        if found is None:
            raise StoreError("Only what lies in the trash can be erased for good. Move the session there first.")
        gone = Gone(found[0])
        erase(connection, gone)
    return _cleared(connection, gone, database)


def purge_pruned(connection: apsw.Connection, session_id: int, database: Path | None) -> Purged:
    """Erase the branches of a session that lie in the trash. The saved states may hold them, and go too.

    Raises:
        StoreError: when there is no such session any more, or a file cannot be removed.
    """
    with writing(connection):
        found: Any = connection.execute("SELECT uid FROM session WHERE id = ?", (session_id,)).fetchone()
        if found is None:
            raise StoreError("This session is no longer there: it was erased in another window.")
        rows = connection.execute(
            "SELECT uid FROM message WHERE session = ? AND deleted_ms IS NOT NULL", (session_id,)
        )
        gone = Gone(found[0], tuple(uid for (uid,) in rows))
        erase(connection, gone)
    return _cleared(connection, gone, database)


def _cleared(connection: apsw.Connection, gone: Gone, database: Path | None) -> Purged:
    """See to what lies beside the tables."""
    if database is not None:
        _remove_snapshots(database.parent / "snapshots", gone.session)
    return Purged(gone, _empty_log(connection), holding(database, gone) if database else ())


def _remove_snapshots(folder: Path, uid: str) -> None:
    try:
        for path in folder.glob(f"*{uid}*"):
            path.unlink()
    except OSError as error:
        raise StoreError(
            f"The session is erased, but not its saved state ({error.strerror}): remove what bears the name"
            f" {uid} in {folder}."
        ) from error


def _empty_log(connection: apsw.Connection) -> bool:
    """Put the log's pages into the file and cut it to nothing."""
    with suppress(apsw.BusyError, apsw.LockedError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return True
    return False
