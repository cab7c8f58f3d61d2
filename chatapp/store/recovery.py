"""What can be done when the chats cannot be opened: a backup put back, a rescue page by page, or a new start.

Whatever is done, the present file is first set aside into `quarantine/`, with its write-ahead log; nothing is ever
overwritten, and no other process may have it open meanwhile.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chatapp.store.backup import Contents, contents_of, sync
from chatapp.store.database import create_empty, settle
from chatapp.store.errors import CannotOpen, Damaged, NotSaved, StoreError
from chatapp.store.lease import any_living, gate
from chatapp.store.rescue import rescue_into

SET = ("", "-wal", "-journal", "-shm")
"""A database and what SQLite keeps beside it: they belong together."""


@dataclass(frozen=True)
class Recovered:
    """What came back, and where the file is that was there before."""

    contents: Contents
    quarantine: Path | None


def restore(database: Path, copy: Path) -> Recovered:
    """Put a copy of the chats in the place of the present file: a backup, or a file out of quarantine.

    Raises:
        StoreError: with a sentence; the present file is then where it was.
    """
    with _alone(database), _workplace(database) as work:
        _take_copy(copy, work)
        settle(work)
        return _put_in_place(work, database)


def rescue(database: Path) -> Recovered:
    """Read the present file page by page, and put what can be read into a new one in its place.

    Raises:
        StoreError: with a sentence; the present file is then where it was.
    """
    with _alone(database), _workplace(database) as work:
        create_empty(work)
        rescue_into(work, database)
        return _put_in_place(work, database)


def start_anew(database: Path) -> Recovered:
    """Begin with no chats.

    Raises:
        StoreError: with a sentence; the present file is then where it was.
    """
    with _alone(database), _workplace(database) as work:
        create_empty(work)
        return _put_in_place(work, database)


def present_contents(database: Path) -> Contents | None:
    """What the present file holds, if it can be read as a whole; it is read from a copy, and not touched."""
    try:
        with _workplace(database) as work:
            _take_copy(database, work)
            settle(work)
            return contents_of(work)
    except StoreError:
        return None


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Nobody else has the chats open, and nobody can open them meanwhile."""
    leases = database.parent / "leases"
    try:
        leases.mkdir(mode=0o700, parents=True, exist_ok=True)
        with gate(leases):
            if any_living(leases):
                raise CannotOpen("Another chatapp has the chats open. Close it, then try again.")
            yield
    except OSError as error:
        raise NotSaved(f"The disk refused ({error.strerror or error}). The file was left as it was.") from error


@contextmanager
def _workplace(database: Path) -> Iterator[Path]:
    """A place for a database on the same disk, gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(dir=database.parent, prefix=".new-") as folder:
            yield Path(folder) / database.name
    except OSError as error:
        raise NotSaved(f"The disk refused ({error.strerror or error}). The file was left as it was.") from error


def _take_copy(source: Path, target: Path) -> None:
    """Copy a database that nobody has open, with its log."""
    if not source.is_file():
        raise Damaged(f"{source} is not there, or not a file.")
    for suffix in SET[:-1]:  # the last is made anew from the log
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")
            os.chmod(f"{target}{suffix}", 0o600)  # noqa: PTH101  a name made of two


def _put_in_place(built: Path, database: Path) -> Recovered:
    contents = contents_of(built)
    sync(built)
    quarantine = set_aside(database)
    built.rename(database)
    sync(database.parent)
    return Recovered(contents, quarantine)


def set_aside(database: Path) -> Path | None:
    """Move the present file with its log into quarantine; returns where it is now.

    The copies are complete before the first name goes, and the database's goes first: whenever this breaks off,
    the next start finds the whole set, or none and a full quarantine, and never a database without its log.
    """
    present = [Path(f"{database}{suffix}") for suffix in SET if Path(f"{database}{suffix}").exists()]
    if not present:
        return None
    folder = database.parent / "quarantine"
    folder.mkdir(mode=0o700, exist_ok=True)
    number = max((int(one.name) for one in folder.iterdir() if one.name.isdigit()), default=0) + 1
    place = folder / f"{number:04}"
    place.mkdir(mode=0o700)
    for path in present:
        _link(path, place / path.name)
    sync(place)
    sync(folder)
    for path in present:
        if path.is_dir():
            path.rename(place / path.name)
        else:
            path.unlink()
    return place / database.name


def _link(path: Path, target: Path) -> None:
    if path.is_dir():
        return  # moved below, as a whole
    try:
        target.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, target)
        sync(target)


def quarantined(database: Path) -> list[Path]:
    """What was set aside, newest first."""
    return sorted((database.parent / "quarantine").glob(f"*/{database.name}"), reverse=True)
