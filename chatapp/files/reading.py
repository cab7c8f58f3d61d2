"""The app's side: takes a file in, and has it read where it can do no harm."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chatapp.conversation.attachment import Attachment, citable_name
from chatapp.conversation.document import Document, Unit
from chatapp.engine.process import environment
from chatapp.files.errors import FILE_LIMIT, TEXT_LIMIT, Unreadable
from chatapp.files.plain import read_plain
from chatapp.text import display_line

WALL_SECONDS = 120.0
"""For a reader that does not even get to work."""
_READER = (sys.executable, "-P", "-m", "chatapp.files.reader")
_SUFFIXES = {".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "docx", ".docm": "docx"}
_MAGIC = ((b"%PDF-", "pdf"), (b"PK\x03\x04", "archive"))
_ANSWER = TypeAdapter(dict[str, str | list[int]])


@dataclass(frozen=True)
class Stamp:
    """What tells that a file is another by now: its size in bytes, and when it was last changed."""

    size: int
    modified_ns: int


def stamp(path: Path) -> Stamp | None:
    """How a file stands; none where it is gone."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return Stamp(seen.st_size, seen.st_mtime_ns)


async def read_file(path: Path, taken: Iterable[str] = ()) -> Attachment:
    """A file as it is now, read into text.

    Args:
        path: where it lies.
        taken: the names of the other files of the message: each has a name of its own.

    Raises:
        Unreadable: with a reason that ends a sentence.
    """
    data, seen = await asyncio.to_thread(_bytes_of, path)
    document = await read_bytes(data, path.name)
    return Attachment(
        name=citable_name(path.name, taken),
        document=document,
        path=str(path),
        source=hashlib.sha256(data).hexdigest(),
        size=seen.size,
        modified_ns=seen.modified_ns,
    )


async def read_bytes(data: bytes, name: str) -> Document:
    """The text of a file with that name and content; what it is, its content says first.

    Raises:
        Unreadable: with a reason that ends a sentence.
    """
    kind = _kind(data, name)
    document = await (_read_apart(kind, data) if kind else asyncio.to_thread(read_plain, data))
    if not document.text.strip():
        raise Unreadable("it is empty")
    return document


def sentence(path: Path, reason: object) -> str:
    """What people are told of a file that was not read."""
    return f"{display_line(path.name) or display_line(str(path))} was not read: {reason}."


def is_plain(data: bytes, name: str) -> bool:
    """Whether a file is plain text, as far as its first bytes and its name tell.

    Raises:
        Unreadable: when it is an archive, or not what its name says.
    """
    return not _kind(data, name)


def _kind(data: bytes, name: str) -> str:
    """Which reader it needs; none for plain text."""
    suffix = os.path.splitext(name)[1].casefold()  # noqa: PTH122  a name, not a path
    wanted = _SUFFIXES.get(suffix, "")
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
    if kind == "archive":
        if wanted == "docx":
            return wanted
        raise Unreadable("it is an archive of files; unpack it, and attach what you need")
    if wanted in {"pdf", "docx"} and kind != wanted:
        raise Unreadable(f"it is no {wanted.upper()}, whatever its name says")
    return kind or wanted


def _bytes_of(path: Path) -> tuple[bytes, Stamp]:
    """The content of a regular file, and nothing else: a pipe would wait, a device never ends."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:  # noqa: PTH123
            seen = os.fstat(file.fileno())
            if stat.S_ISDIR(seen.st_mode):
                raise Unreadable("it is a folder")
            if not stat.S_ISREG(seen.st_mode):
                raise Unreadable("it is no regular file")
            data = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except IsADirectoryError:
        raise Unreadable("it is a folder") from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", "") or "its name cannot be used") from error
    if len(data) > FILE_LIMIT:
        raise Unreadable(f"it has more than {FILE_LIMIT // 2**20} MB")
    return data, Stamp(len(data), seen.st_mtime_ns)


async def _read_apart(kind: str, data: bytes) -> Document:
    """Have a throw-away process read it, with little memory and little time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *_READER,
            kind,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
            limit=2**20,
        )
    except OSError as error:
        raise Unreadable(f"no process could be started for it ({error.strerror})") from error
    try:
        told, _ = await asyncio.wait_for(process.communicate(data), WALL_SECONDS)
    except TimeoutError:
        raise Unreadable("it takes too long to read") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise Unreadable("it takes too long to read")
    return await asyncio.to_thread(_document, told)


def _document(told: bytes) -> Document:
    """What the reader said, if it makes sense: who read a hostile file may have become hostile."""
    if len(told) > 16 * TEXT_LIMIT:
        raise Unreadable("it unfolds to far more text than fits")
    try:
        answer = _ANSWER.validate_json(told)
        if isinstance(problem := answer.get("problem"), str):
            raise Unreadable(display_line(problem)[:200])
        return Document(str(answer["text"]), Unit(str(answer["unit"])), tuple(map(int, answer["starts"])))
    except (ValidationError, KeyError, ValueError) as error:
        raise Unreadable("it crashes what reads it") from error
