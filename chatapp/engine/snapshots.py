"""KV states on disk: one file for a session, so that it can be opened again without evaluating it anew.

A file is, in this order, numbers little-endian: the magic, the version (4 bytes), the length of the header (4
bytes), the header (JSON: where the state comes from, how much follows), the token ids (4 bytes each), llama.cpp's
bytes, and the SHA-256 of all that. Nothing of it is believed before the hash was checked, and a file that is not
in order is only ever passed over, with a line in the log: it is worth a prefill, nothing more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import struct
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatapp.engine.model import KvType, ModelInfo

PIECE_BYTES = 2 * 2**20
"""How much is read or written at a time."""
RESERVE_BYTES = 512 * 2**20
"""What a snapshot leaves free on the disk: the chats need it more."""
_MAGIC = b"\x89CHATKV\n"
_VERSION = 1
_FIXED = struct.Struct("<II")
_HEADER_LIMIT = 2**16
_HASH_BYTES = 32
_TEMPORARY = ".writing-"
_STALE_SECONDS = 3600.0
_log = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(_Record):
    """What must be the same where a state is used as where it was made."""

    model: str
    n_ctx: int
    n_ubatch: int
    kv_types: tuple[KvType, KvType]
    flash_attention: bool
    reproducible: bool
    build: str

    @classmethod
    def of(cls, info: ModelInfo) -> Origin:
        """That of a loaded model."""
        return cls(model=info.fingerprint, **info.model_dump(include=set(cls.model_fields) - {"model"}))


class Header(_Record):
    """What a snapshot says of itself; `batched` as in `StateTaken`."""

    origin: Origin
    tokens: Annotated[int, Field(ge=1, le=2**24)]
    batched: Annotated[int, Field(ge=0, le=2**24)]
    size: Annotated[int, Field(ge=1, le=2**44)]


class UnsoundError(Exception):
    """A file is no snapshot, or not the one that was written; the message is a few words."""


class Snapshot:
    """A snapshot that is being read. Its header is in order; whether the rest is, `pieces` finds out."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the beginning of a file.

        Raises:
            UnsoundError: when it is not in order.
            OSError: when it cannot be read.
        """
        self._file = file
        self._hash = hashlib.sha256()
        if self._take(len(_MAGIC)) != _MAGIC:
            raise UnsoundError("it is no snapshot")
        version, length = _FIXED.unpack(self._take(_FIXED.size))
        if version != _VERSION:
            raise UnsoundError(f"its version is {version}")
        if length > _HEADER_LIMIT:
            raise UnsoundError("its header is too long")
        try:
            self.header = Header.model_validate_json(self._take(length))
        except ValidationError as error:
            raise UnsoundError("its header is damaged") from error
        start = file.tell()
        follows = 4 * self.header.tokens + self.header.size + _HASH_BYTES
        if file.seek(0, os.SEEK_END) - start != follows:
            raise UnsoundError("it is cut off, or too long")
        file.seek(start)
        self.token_ids = tuple(_little_endian(array("I", self._take(4 * self.header.tokens))))

    def pieces(self) -> Iterator[bytes]:
        """The state's bytes, piece by piece.

        Raises:
            UnsoundError: after the last one, when this is not what was written.
            OSError: when it cannot be read.
        """
        left = self.header.size
        while left:
            piece = self._take(min(left, PIECE_BYTES))
            left -= len(piece)
            yield piece
        if self._file.read(_HASH_BYTES) != self._hash.digest():
            raise UnsoundError("its hash is wrong")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) != length:
            raise UnsoundError("it is cut off")
        self._hash.update(data)
        return data


class Writing:
    """A snapshot that is being written, beside the one that it will take the place of. Any thread may call."""

    def __init__(self, path: Path, header: Header, token_ids: Sequence[int]) -> None:
        """Begin a file.

        Raises:
            OSError: when the disk refuses.
        """
        self._path = path
        self._left = header.size
        self._hash = hashlib.sha256()
        self._lock = threading.Lock()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)  # 0600
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        body = header.model_dump_json().encode()
        try:
            self._put(_MAGIC + _FIXED.pack(_VERSION, len(body)) + body)
            self._put(_little_endian(array("I", token_ids)).tobytes())
        except OSError:
            self.abandon()
            raise

    def write(self, piece: bytes) -> None:
        """Add a piece of the state.

        Raises:
            OSError: when the disk refuses.
        """
        with self._lock:
            if not self._file.closed:
                self._put(piece)
                self._left -= len(piece)

    def commit(self) -> bool:
        """Put the file in its place, once all of it is on the disk; False when pieces are missing.

        Raises:
            OSError: when the disk refuses.
        """
        with self._lock:
            if self._left or self._file.closed:
                return False
            self._file.write(self._hash.digest())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._path)
        _sync_folder(self._path.parent)
        return True

    def abandon(self) -> None:
        """Leave nothing behind; does nothing after a commit."""
        with self._lock:
            with suppress(OSError):
                self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)


class Snapshots:
    """A folder of snapshots with a quota: what was used longest ago goes first. Its methods wait for the disk."""

    def __init__(self, folder: Path, quota: int) -> None:
        """A folder, which need not exist yet.

        Args:
            folder: Where they are kept.
            quota: The bytes that they may take together.
        """
        self._folder = folder
        self._quota = quota

    def open(self, name: str, origin: Origin) -> Snapshot | None:
        """The snapshot of a session, if it has one that comes from the same origin. One that is unsound goes."""
        path = self._path(name)
        try:
            file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            self.pass_over(name, error.strerror or str(error))
            return None
        try:
            snapshot = Snapshot(file)
            if snapshot.header.origin == origin:
                os.utime(path)
                return snapshot
            self.pass_over(name, "it is of another model, or of other settings")
        except UnsoundError as error:
            self.pass_over(name, str(error), remove=True)
        except OSError as error:
            self.pass_over(name, error.strerror or str(error))
        file.close()
        return None

    def write(self, name: str, header: Header, token_ids: Sequence[int]) -> Writing | None:
        """Begin a snapshot; None when it is more than the quota, or the disk has too little room for it.

        Raises:
            OSError: when the disk refuses.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if header.size > self._quota or shutil.disk_usage(self._folder).free < header.size + RESERVE_BYTES:
            _log.warning("no snapshot of %s is written: there is no room for %d bytes", name, header.size)
            return None
        self._make_room(self._quota - header.size, but=self._path(name))
        return Writing(self._path(name), header, token_ids)

    def remove(self, name: str) -> None:
        """Remove a session's snapshot, if it has one."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the snapshot of %s could not be removed: %s", name, error.strerror)

    def pass_over(self, name: str, why: str, *, remove: bool = False) -> None:
        """Say in the log that a snapshot is not used."""
        _log.warning("the snapshot of %s is passed over: %s", name, why)
        if remove:
            self.remove(name)

    def _path(self, name: str) -> Path:
        if not (name.isascii() and name.isalnum()):
            raise ValueError(f"not the name of a session: {name!r}")
        return self._folder / f"{name}.kv"

    def _make_room(self, limit: int, but: Path) -> None:
        """Remove what was used longest ago, but one, until the rest takes no more, and what was left behind."""
        for path in self._folder.glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()
        used, taken = [], 0
        for path in self._folder.glob("*.kv"):
            with suppress(OSError):  # another chatapp removed it
                status = path.stat()
                used.append((status.st_mtime_ns, status.st_size, path))
        for _, size, path in sorted(used, reverse=True):
            if path != but:
                taken += size
                if taken > limit:
                    path.unlink(missing_ok=True)


def _little_endian(ids: array[int]) -> array[int]:
    if sys.byteorder == "big":
        ids.byteswap()
    return ids


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
