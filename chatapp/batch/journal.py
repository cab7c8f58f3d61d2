"""A results file that a killed run is taken up again from, with no row done twice.

Beside FILE lies FILE.progress: a line that says what the run was begun with, then a line for each row that is
done, with the digest of its input, and where in FILE its results end and what they hash to. A row's results are
written first, its line after them. So whatever moment a process is killed at, what follows the last line is a row
that was not finished, and is cut off. Both files are forced to the disk about once a second, in the same order;
after a power cut, lines whose results did not arrive are dropped with them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from chatapp.batch.rows import Row
from chatapp.errors import Refusal

SYNC_SECONDS = 1.0
ENDING = ".progress"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Job(_Strict):
    """What a run is begun with: digests of what its results depend on, each under a word for people."""

    version: int = 1
    made_with: dict[str, str]
    seed: int

    def differences(self, other: Job) -> list[str]:
        """What of it is not the same."""
        return [name for name, digest in self.made_with.items() if other.made_with.get(name) != digest]


class Done(_Strict):
    """A row that is done."""

    row: int
    input: str
    end: int
    """Bytes of the results file up to the end of its results."""
    sha: str
    failed: bool = False


@dataclass
class Journal:
    """An open results file. `done` has the rows that it holds, by their numbers."""

    results: BinaryIO
    progress: BinaryIO
    job: Job
    done: dict[int, Done] = field(default_factory=dict)
    cut: int = 0
    """Bytes of an unfinished row that were cut off."""
    _synced: float = 0.0

    def add(self, row: Row, lines: bytes, *, failed: bool) -> None:
        """Keep the results of one row.

        Raises:
            OSError: when the disk does not take them.
        """
        self.results.write(lines)
        self.results.flush()
        entry = Done(row=row.number, input=row.digest, end=self.results.tell(), sha=_hash(lines), failed=failed)
        self.progress.write(_line(entry))
        self.progress.flush()
        self.done[row.number] = entry
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Force everything to the disk."""
        for file in (self.results, self.progress):
            os.fsync(file.fileno())
        self._synced = time.monotonic()

    def changed(self, rows: list[Row]) -> list[int]:
        """The numbers of rows that are done, but whose input is another now, or gone."""
        now = {row.number: row.digest for row in rows}
        return [number for number, entry in self.done.items() if now.get(number) != entry.input]


def progress_of(path: Path) -> Path:
    """The file that lies beside a results file."""
    return path.with_name(path.name + ENDING)


@contextmanager
def open_journal(path: Path, job: Job, head: bytes, *, overwrite: bool = False) -> Iterator[Journal]:
    """Begin a results file, or take one up again.

    Raises:
        Refusal: when there is a file that no run began, that was changed by hand, or begun with something else;
            when another run writes it; or when it cannot be written. The file is left as it is.
    """
    if path.exists() and not overwrite and not progress_of(path).exists():
        raise _foreign(path)
    try:
        with _locked(path) as progress:
            journal = _open(path, progress, job, head, overwrite=overwrite)
            try:
                yield journal
            finally:
                with suppress(OSError):
                    journal.sync()
                journal.results.close()
    except OSError as error:
        raise Refusal("output", f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file beside, held by this process alone while it runs."""
    with progress_of(path).open("a+b") as file:
        try:
            _lock(file)
        except BlockingIOError:
            raise Refusal("output", f"Another run is writing {path}.") from None
        yield file


def _lock(file: BinaryIO) -> None:
    with suppress(ImportError):  # Windows has no such lock
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open(path: Path, progress: BinaryIO, job: Job, head: bytes, *, overwrite: bool) -> Journal:
    if overwrite:
        progress.truncate(0)
        path.unlink(missing_ok=True)
    kept = _read(progress)
    if kept is None:
        if path.exists():
            raise _foreign(path)
        return _begin(path, progress, job, head)
    if differences := kept.job.differences(job):
        what = " and ".join(f"{'other' if name.endswith('s') else 'another'} {name}" for name in differences)
        raise Refusal("changed", f"{path} was begun with {what}. Name another file, or --overwrite it.")
    progress.truncate(kept.length)
    progress.seek(0, os.SEEK_END)
    results = path.open("r+b") if path.exists() else path.open("w+b")
    try:
        return _resume(path, results, progress, kept, head)
    except BaseException:
        results.close()
        raise


def _begin(path: Path, progress: BinaryIO, job: Job, head: bytes) -> Journal:
    progress.truncate(0)
    progress.write(_line(job))  # first: a results file without it is taken for somebody else's
    progress.flush()
    results = path.open("w+b")
    results.write(head)
    results.flush()
    journal = Journal(results, progress, job)
    journal.sync()
    return journal


def _resume(path: Path, results: BinaryIO, progress: BinaryIO, kept: _Kept, head: bytes) -> Journal:
    """Go through the results that are held, and stand behind the last sound row."""
    size = results.seek(0, os.SEEK_END)
    results.seek(0)
    if results.read(len(head)) != head:
        if size >= len(head):
            raise _altered(path, "its head is")
        results.seek(0)
        results.write(head)
    journal = Journal(results, progress, kept.job)
    end = len(head)
    for entry in kept.entries:
        if entry.end > size:
            break
        if _hash(results.read(entry.end - end)) != entry.sha:
            raise _altered(path, f"the results of row {entry.row} are")
        journal.done[entry.row] = entry
        end = entry.end
    journal.cut = max(0, size - end)
    results.truncate(end)
    results.seek(end)
    if len(journal.done) < len(kept.entries):
        progress.truncate(0)
        progress.write(_line(kept.job) + b"".join(_line(one) for one in journal.done.values()))
        progress.flush()
    journal.sync()
    return journal


def _altered(path: Path, what: str) -> Refusal:
    return Refusal("output", f"{path} was changed since: {what} not as they were written. Name another file.")


def _foreign(path: Path) -> Refusal:
    return Refusal("output", f"{path} is there already, and no run began it. Name another, or --overwrite it.")


@dataclass(frozen=True)
class _Kept:
    """What the file beside says, and the bytes up to the end of its last whole line."""

    job: Job
    entries: list[Done]
    length: int


def _read(file: BinaryIO) -> _Kept | None:
    """What a file beside says; none where it does not even say what the run was begun with."""
    file.seek(0)
    first, *lines = file.readlines() or [b""]
    try:
        job = Job.model_validate_json(first)
    except ValidationError:
        return None
    entries: list[Done] = []
    length = len(first)
    for line in lines:
        try:
            entry = Done.model_validate_json(line)
        except ValidationError:
            break
        if not line.endswith(b"\n"):
            break
        entries.append(entry)
        length += len(line)
    return _Kept(job, entries, length)


def _line(model: Job | Done) -> bytes:
    return (json.dumps(model.model_dump()) + "\n").encode()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def digest_of(value: Mapping[str, object] | str) -> str:
    """A short digest of something that results depend on."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return _hash(text.encode())
