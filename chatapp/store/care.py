"""What is done for the chats beside all other work: a check at the start, and a backup a day."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path

import apsw

from chatapp.store.backup import DAILY, BackupStopped, back_up, daily_is_due
from chatapp.store.database import quick_check
from chatapp.store.disk import room_warning
from chatapp.store.errors import Damaged, NotSaved, in_sentences


def look_after(database: Path, stop: threading.Event) -> None:
    """Check the file, and make the daily backup if it is due. Any thread may do this, while the chats are in use.

    Raises:
        Damaged: the file is not sound; no backup was made of it.
        NotSaved: the backup could not be made, or the disk is about to be full.
    """
    if finding := quick_check(database):
        raise Damaged(f"{database} is damaged ({finding}). It was left as it is.")
    if daily_is_due(database) and not _is_empty(database):
        with suppress(BackupStopped):  # the app ends; the next start makes it
            back_up(database, DAILY, stop)
    if sentence := room_warning(database.parent):
        raise NotSaved(sentence)


def _is_empty(database: Path) -> bool:
    """Whether nothing was ever said: a copy of that would only push a good one out."""
    with in_sentences(), closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return connection.execute("SELECT 1 FROM message LIMIT 1").fetchone() is None
