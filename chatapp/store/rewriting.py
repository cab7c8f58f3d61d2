"""Writes the copies of the chats anew without what was erased from the chats.

Each is built beside the old one, checked, and put in its place: whenever this breaks off, there is the old copy or
the new one, whole. The old file is removed like any file; what a disk keeps of removed files is its own affair.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from chatapp.store.backup import Contents, contents_of, folder_of, must_fit, sync, turn, unfinished
from chatapp.store.erase import Gone, erase, holds
from chatapp.store.errors import Damaged, StoreError, TooNew, in_sentences
from chatapp.store.recovery import quarantined
from chatapp.store.schema import VERSION, version_of


@dataclass(frozen=True)
class StillHeld:
    """A copy that could not be written anew, and why, in a sentence."""

    path: Path
    why: str


def holding(database: Path, gone: Gone) -> tuple[Path, ...]:
    """The copies that hold something of what is gone, those in quarantine too; one that cannot be read may."""
    copies = [*sorted(folder_of(database).glob("*.db")), *quarantined(database)]
    return tuple(path for path in copies if _may_hold(path, gone))


def surely_held(database: Path, gone: Gone) -> bool:
    """Whether a backup was found to hold something of it."""
    return any(_may_hold(path, gone, unreadable=False) for path in folder_of(database).glob("*.db"))


def rewrite_backups(database: Path, gone: Gone) -> list[StillHeld]:
    """Write the copies anew that hold what is gone; returns those that it could not be taken from."""
    left = []
    for path in holding(database, gone):
        if path.parent != folder_of(database):
            left.append(StillHeld(path, "It was set aside as it was found; remove it by hand if that is wished."))
            continue
        try:
            _rewrite(path, gone)
        except (StoreError, OSError) as error:
            left.append(StillHeld(path, str(error)))
    return left


def _rewrite(path: Path, gone: Gone) -> None:
    """Put a copy without what is gone in the place of one.

    Raises:
        StoreError: it cannot be read, or there is no room; it is left as it is.
        OSError: the disk refuses; it is left as it is.
    """
    before = contents_of(path)
    must_fit(path, path.parent, copies=2)
    with turn(path.parent), unfinished(path.parent) as work:
        clean = work.with_name(f"{work.name}-clean")  # goes with the name it begins with, should this break off
        try:
            with in_sentences():
                count = _take_out(path, work, clean, gone)
            after = contents_of(clean)
            if not _is_rest(after, before, gone, count):
                raise Damaged(f"{path.name} could not be written anew: it was left as it is.")
            clean.chmod(0o600)
            sync(clean)
            clean.replace(path)
            sync(path.parent)
        finally:
            clean.unlink(missing_ok=True)


def _take_out(path: Path, work: Path, clean: Path, gone: Gone) -> int:
    """Copy, delete, and write what is left into a new file, in which no free page holds what was deleted.

    Returns:
        How many messages went.
    """
    with closing(_reading(path)) as source, closing(apsw.Connection(str(work))) as target:
        with target.backup("main", source, "main") as copying:
            copying.step()
        if version_of(target) > VERSION:
            raise TooNew(f"{path.name} was made by a newer chatapp: that one can rewrite it.")
        target.pragma("foreign_keys", "ON")
        target.pragma("temp_store", "MEMORY")
        with target:
            count = erase(target, gone)
        target.execute("VACUUM INTO ?", (str(clean),))
    with closing(_reading(clean)) as made:
        finding = str(made.execute("PRAGMA integrity_check(1)").fetchall()[0][0])
        if finding != "ok" or holds(made, gone):
            raise Damaged(f"{path.name} could not be written anew ({finding}): it was left as it is.")
    return count


def _is_rest(after: Contents, before: Contents, gone: Gone, count: int) -> bool:
    """Whether nothing else went."""
    sessions = before.sessions - ({gone.session} if gone.messages is None else set())
    return after.sessions == sessions and len(after.messages) == len(before.messages) - count


def _may_hold(path: Path, gone: Gone, *, unreadable: bool = True) -> bool:
    if path.with_name(f"{path.name}-wal").exists():  # only in quarantine; it is not read
        return True
    try:
        with closing(_reading(path)) as copy:
            return holds(copy, gone)
    except apsw.Error:
        return unreadable


def _reading(path: Path) -> apsw.Connection:
    """A finished copy is never written again, so that nobody need be asked for a lock."""
    uri = f"{path.resolve().as_uri()}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
