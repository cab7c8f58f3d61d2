"""What can go wrong with the chats on disk, in sentences for people, and how SQLite's own errors become these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


class StoreError(Exception):
    """The chats cannot be used as asked; the message says what happened, what was kept and what to do."""


class CannotOpen(StoreError):  # noqa: N818  it names what happened
    """The file or its folder cannot be opened at all."""


class Unwritable(CannotOpen):
    """The file can be read, but its disk, its folder or its permissions keep us from writing."""


class Damaged(StoreError):  # noqa: N818  it names what happened
    """The file is there but is no database that can be read."""


class Foreign(StoreError):  # noqa: N818  it names what happened
    """The file is a database of another program."""


class TooNew(StoreError):  # noqa: N818  it names what happened
    """The file was written by a newer version of this program."""


class NotSaved(StoreError):  # noqa: N818  it names what happened
    """The disk refused; nothing of this change was kept, everything before it was."""


class SyncFailed(NotSaved):
    """The disk did not confirm what was written: what this connection believes to be there may not be."""


class NoSuchSession(StoreError, LookupError):  # noqa: N818  it names what happened
    """No session goes by that name, or more than one does."""


class NoSuchReminder(StoreError, LookupError):  # noqa: N818  it names what happened
    """No reminder goes by that name, or more than one does."""


class NoSuchNote(StoreError, LookupError):  # noqa: N818  it names what happened
    """No note goes by that name, or more than one does."""


class NotStreaming(StoreError):  # noqa: N818  it names what happened
    """The reply is final, or another process writes it: it may not be changed here."""


_SYNC = {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC}
_DISK = (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError, apsw.NoMemError)
_DAMAGE = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)


@contextmanager
def in_sentences() -> Iterator[None]:
    """Turn what SQLite raises about the disk into errors for people.

    Raises:
        NotSaved: the disk is full or fails, or another process held the database for too long.
        Damaged: pages of the file make no sense.
    """
    try:
        yield
    except apsw.FullError as error:
        raise NotSaved("The disk is full: this was not saved. All before it is. Free some space.") from error
    except _DISK as error:
        kind = SyncFailed if getattr(error, "extendedresult", 0) in _SYNC else NotSaved
        raise kind(f"The disk refused ({error}): this was not saved. All before it is.") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise NotSaved("Another program holds the chats: this was not saved. Try again in a moment.") from error
    except _DAMAGE as error:
        raise Damaged(
            f"The file that holds the chats is damaged ({error}). It was left as it is. "
            "`chatapp restore` puts a copy back."
        ) from error
