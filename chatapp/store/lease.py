"""A lease: a locked file that tells other processes that the writer of a streaming reply is alive.

A process id would not do, because ids are used again. The lock goes with the process, however it dies.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


SUFFIX = ".lock"
_USED = b"u"


class Lease:
    """A lease that this process holds until it is released or the process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.name = path.stem
        self.folder = path.parent
        self._path = path
        self._handle = handle
        self._used = False

    @classmethod
    def take(cls, folder: Path) -> Lease:
        """Create a lease file and lock it.

        Raises:
            OSError: when the folder cannot be written or knows no locks.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            path = folder / f"{secrets.token_hex(8)}{SUFFIX}"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            # Between its creation and its lock the file looks dead, and a process that starts may clear it away.
            if locked(handle) and path.exists():
                return cls(path, handle)
            os.close(handle)

    def mark_used(self) -> None:
        """Say in the file that its holder has written something, which its write-ahead log holds."""
        if not self._used:
            os.write(self._handle, _USED)
            self._used = True

    def release(self) -> None:
        """Give the lease up and remove its file."""
        _remove(self._path, self._handle)


def is_living(folder: Path, name: str) -> bool:
    """Whether a process holds the lease of that name."""
    handle = _open(folder / f"{name}{SUFFIX}")
    if handle is None:
        return False
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def any_living(folder: Path) -> bool:
    """Whether any process holds a lease."""
    return any(is_living(folder, path.stem) for path in folder.glob(f"*{SUFFIX}"))


def remove_dead(folder: Path) -> bool:
    """Remove the lease files that no process holds; whether one of them was marked as used."""
    used = False
    for path, handle in _files(folder):
        if locked(handle):
            used = os.pread(handle, 1, 0) == _USED or used
            _remove(path, handle)
        else:
            os.close(handle)
    return used


@contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Whoever opens the store, or changes its file for another, passes here one after the other.

    Raises:
        OSError: when the folder cannot be read.
    """
    if sys.platform == "win32":  # a folder cannot be locked there
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        while not locked(handle):
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.glob(f"*{SUFFIX}"):
        if (handle := _open(path)) is not None:
            yield path, handle


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None


def locked(handle: int) -> bool:
    """Try to take the lock; false when another holds it."""
    try:
        _lock(handle)
    except (BlockingIOError, PermissionError):  # the second is Windows' word for it
        return False
    return True


def _remove(path: Path, handle: int) -> None:
    if sys.platform == "win32":  # an open file cannot be removed there
        os.close(handle)
        path.unlink(missing_ok=True)
        return
    path.unlink(missing_ok=True)
    os.close(handle)
