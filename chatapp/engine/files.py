"""What tells one file from another without reading all of it: a stamp for this machine, a fingerprint for any."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from chatapp.engine.model import FileStamp

_SAMPLES, _SAMPLE_BYTES = 16, 2**16


def stamp_of(path: Path, descriptor: int | None = None) -> FileStamp:
    """The file that lies at a path now, links followed; or the one that was opened there, by its descriptor.

    Raises:
        OSError: when there is none.
    """
    status = path.stat() if descriptor is None else os.fstat(descriptor)
    return FileStamp(
        path=str(path),
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
    )


def fingerprint_of(path: Path) -> str:
    """SHA-256 over a file's size and samples from its whole length.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        digest = hashlib.sha256(f"{size}\n".encode())
        last = max(0, size - _SAMPLE_BYTES)
        for sample in range(_SAMPLES):
            file.seek(last * sample // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
