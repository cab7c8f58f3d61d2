"""Sessions out to files, and in from files: the formats joined to the store."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chatapp.conversation.session import Session
from chatapp.errors import Refusal
from chatapp.store import Store, StoreError
from chatapp.transfer import FORMATS, Format, Imported, Outcome, read_file
from chatapp.transfer.reading import MOST_WARNINGS

_SLUG_LENGTH = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


@dataclass
class Report:
    """What came of an import, or would come of it."""

    sessions: list[str] = field(default_factory=list)
    """Uids of the new sessions; of a preview, none."""
    titles: list[str] = field(default_factory=list)
    messages: int = 0
    systems: int = 0
    """How many bring a system prompt of their own."""
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Keep a warning, up to a number of them that a person may still read."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(sentence)


Progress = Callable[[int, Report], None]
"""Told after every conversation: the bytes read so far, and the report as it stands."""


async def import_file(store: Store | None, path: Path, told: Progress = lambda _read, _report: None) -> Report:
    """Take the conversations of a file into the store, each in a transaction of its own, each as a new session.

    A single conversation becomes the session used last. An archive of many comes below what is there, in its own
    order and with its own dates.

    Args:
        store: where to; none for a preview, which writes nothing.
        path: the file; its format is recognised by what is in it.
        told: hears how far it is, on the event loop.

    Raises:
        Unreadable: when nothing in the file is understood; nothing was written then.
        NotSaved: when the disk refuses; the conversations before are kept.
    """
    report = Report()
    outcomes = read_file(path)
    held = await asyncio.to_thread(next, outcomes, None)
    alone = True
    while held is not None:
        coming = await asyncio.to_thread(next, outcomes, None)
        alone = alone and coming is None
        outcome, read = held
        await _take(store, outcome, report, first=alone)
        told(read, report)
        held = coming
    return report


async def _take(store: Store | None, outcome: Outcome, report: Report, *, first: bool) -> None:
    if not isinstance(outcome, Imported):
        report.warn(outcome)
        return
    session = outcome.session
    if store is not None:
        try:
            report.sessions.append(await store.adopt(session, first=first))
        except ValueError as error:
            report.warn(f"‘{session.title}’ was left out: {error}.")
            return
    report.titles.append(session.title)
    report.messages += len(session.tree)
    report.systems += bool(session.persona.system)
    for warning in outcome.warnings:
        report.warn(f"‘{session.title}’: {warning}")


def format_named(name: str) -> Format:
    """The export format of that name.

    Raises:
        Refusal: with the names that there are.
    """
    for one in FORMATS:
        if one.name == name.casefold():
            return one
    raise Refusal("usage", f"There is no format ‘{name}’; there are {', '.join(one.name for one in FORMATS)}.")


def export_to(folder: Path, session: Session, form: Format) -> Path:
    """Write a session to a new file in a folder; no file that is there is touched.

    Raises:
        StoreError: when the folder or the file cannot be written.
    """
    text = form.write(session)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write_new(folder, f"{slug(session.title)}-{session.uid[:6] or 'new'}", form.suffix, text)
    except OSError as error:
        raise StoreError(f"The session was not exported to {folder}: {error.strerror or error}.") from error


def slug(title: str) -> str:
    """A file name of a title's letters and digits: never a path, never hidden, never a device's name."""
    words = "-".join(re.findall(r"[^\W_]+", title.casefold()))[:_SLUG_LENGTH]
    while len(words.encode()) > 3 * _SLUG_LENGTH:  # file systems count bytes
        words = words[:-1]
    return f"{words}-" if _RESERVED.match(words) else words or "session"


def _write_new(folder: Path, name: str, suffix: str, text: str) -> Path:
    """Write the file whole or not at all, under the first name that is free."""
    temporary = folder / f".{name}.{os.getpid()}.part"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        number = 1
        while not _put_in_place(temporary, path := folder / f"{name}{f'-{number}' * (number > 1)}{suffix}"):
            number += 1
        return path
    finally:
        temporary.unlink(missing_ok=True)


def _put_in_place(temporary: Path, path: Path) -> bool:
    """Give the written file its name, unless another bears it: a mere rename would replace that one."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        temporary.replace(path)
    return True
