"""Erases a session, or its branches in the trash, for good.

From the tables, the search index, the log of late writes and the folder beside.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from chatapp.store import attachments
from chatapp.store.errors import StoreError
from chatapp.store.transaction import writing


@dataclass(frozen=True)
class Purged:
    """What became of a session that was to be erased for good."""

    log_is_clean: bool
    """Whether the write-ahead log was emptied; another window that reads holds old pages there until it closes."""
    backups: tuple[Path, ...] = ()
    """The copies of the chats that still hold it, or cannot be looked into."""


def purge(connection: apsw.Connection, session_id: int, folder: Path | None) -> Purged:
    """Erase a session that lies in the trash.

    SQLite overwrites what it frees (`secure_delete`, and the search index's own option of that name), so nothing
    of the text is left in the file. Saved states of the model for this session are files that carry its uid.

    Args:
        connection: the database.
        session_id: the session.
        folder: where the database lies; none for one in memory.

    Raises:
        StoreError: when it does not lie in the trash, or one of its files cannot be removed.
    """
    with writing(connection):
        found: Any = connection.execute(
            "SELECT uid, persona FROM session WHERE id = ? AND deleted_ms IS NOT NULL", (session_id,)
        ).fetchone()
        if found is None:
            raise StoreError("Only what lies in the trash can be erased for good. Move the session there first.")
        uid, persona = found
        personas = {persona, *_personas_of_replies(connection, session_id)}
        documents = attachments.documents_of(connection, session_id)
        connection.execute("DELETE FROM session WHERE id = ?", (session_id,))
        attachments.forget_unused(connection, documents)
        _forget_unused(connection, personas)
    if folder is not None:
        _remove_snapshots(folder / "snapshots", uid)
    return Purged(_empty_log(connection), _holding(folder / "backups", uid) if folder else ())


def purge_pruned(connection: apsw.Connection, session_id: int, folder: Path | None) -> Purged:
    """Erase the branches of a session that lie in the trash. The saved states may hold them, and go too.

    Raises:
        StoreError: when a file cannot be removed.
    """
    with writing(connection):
        found: Any = connection.execute("SELECT uid FROM session WHERE id = ?", (session_id,)).fetchone()
        personas = _personas_of_replies(connection, session_id, "AND deleted_ms IS NOT NULL")
        documents = attachments.documents_of(connection, session_id)
        connection.execute("DELETE FROM message WHERE session = ? AND deleted_ms IS NOT NULL", (session_id,))
        attachments.forget_unused(connection, documents)
        _forget_unused(connection, personas)
    if found is None or folder is None:
        return Purged(_empty_log(connection))
    _remove_snapshots(folder / "snapshots", found[0])
    return Purged(_empty_log(connection), _holding(folder / "backups", found[0]))


def _personas_of_replies(connection: apsw.Connection, session_id: int, which: str = "") -> set[str]:
    rows = connection.execute(
        f"SELECT DISTINCT json_extract(provenance, '$.persona') FROM message WHERE session = ? {which}",  # noqa: S608
        (session_id,),
    )
    return {str(digest) for (digest,) in rows if digest}


def _forget_unused(connection: apsw.Connection, personas: set[str]) -> None:
    """Delete the personas that no other session was ever held with."""
    connection.executemany(
        "DELETE FROM persona WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM session WHERE persona = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE instr(provenance, ?1))",
        [(digest,) for digest in personas],
    )


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


def _holding(folder: Path, uid: str) -> tuple[Path, ...]:
    """The finished copies that hold a session; one that cannot be read may."""
    return tuple(path for path in sorted(folder.glob("*.db")) if _may_hold(path, uid))


def _may_hold(path: Path, uid: str) -> bool:
    try:
        uri = f"{path.resolve().as_uri()}?immutable=1"  # a finished copy is never written again
        with closing(apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)) as copy:
            return copy.execute("SELECT 1 FROM session WHERE uid = ?", (uid,)).fetchone() is not None
    except apsw.Error:
        return True
