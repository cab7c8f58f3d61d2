"""Headers that were read before, so that two hundred models are listed in a moment.

Kept in one file in the state folder, which can be deleted at any time. An entry holds as long as each of its files
is the one that was read: the same inode, size and time of change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chatapp.config import write_private
from chatapp.engine.files import fingerprint_of, stamp_of
from chatapp.engine.header import Header, read_header

FORMAT = 1
"""Counted up when what is read of a header changes."""
MOST_ENTRIES = 2000


@dataclass
class _Entry:
    header: Header
    fingerprint: str = ""
    """Empty until it was asked for."""


@dataclass
class _File:
    format: int
    entries: dict[str, _Entry]


_FILE = TypeAdapter(_File)


class Headers:
    """Reads headers, and remembers them; used by several threads at once. Without a file only for now."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._entries: dict[str, _Entry] = {}
        self._news = False
        if file is not None:
            try:
                kept = _FILE.validate_json(file.read_bytes())
            except (OSError, ValidationError):  # none yet, or damaged: they are read anew
                return
            self._entries = kept.entries if kept.format == FORMAT else {}

    def read(self, path: Path) -> Header:
        """The header of a model.

        Raises:
            NotAModel: when it cannot be one.
        """
        entry = self._entries.get(str(path))
        if entry is not None and _unchanged(entry.header):
            return entry.header
        header = read_header(path)
        self._entries[str(path)] = _Entry(header)
        self._news = True
        return header

    def fingerprint(self, path: Path) -> str:
        """The fingerprint of a model whose header was read here.

        Raises:
            OSError: when it cannot be read.
        """
        entry = self._entries[str(path)]
        if not entry.fingerprint:
            entry.fingerprint = fingerprint_of(path)
            self._news = True
        return entry.fingerprint

    def save(self) -> None:
        """Write what is new.

        Raises:
            OSError: when it cannot be written.
        """
        if self._file is not None and self._news:
            entries = [(path, entry) for path, entry in self._entries.items() if _is_text(path)]
            kept = dict(entries[-MOST_ENTRIES:])
            write_private(self._file, _FILE.dump_json(_File(FORMAT, kept)).decode())
            self._news = False


def _unchanged(header: Header) -> bool:
    try:
        return all(stamp_of(Path(file.path)) == file for file in header.files)
    except OSError:
        return False


def _is_text(path: str) -> bool:
    """A file name may be bytes that are no text; JSON cannot hold it."""
    return path.encode("utf-8", "replace").decode("utf-8") == path
