"""The files of a run, taken in: plain ones as bytes, PDF, Word documents and web pages as the text that they hold.

A file that cannot be read is no reason to stop: it stays in its place, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from chatapp.batch.rows import LARGEST_FILE, Source
from chatapp.files import Unreadable, is_plain, read_bytes

STDIN = "-"


async def read_inputs(names: Sequence[str], stdin: bytes) -> list[Source]:
    """The content of each file, in their order; `stdin` stands for the name `-`."""
    return [(name, await _content(name, stdin)) for name in names]


async def _content(name: str, stdin: bytes) -> bytes | str | Unreadable:
    try:
        data = stdin if name == STDIN else await asyncio.to_thread(_bytes_of, Path(name))
        return data if is_plain(data, name) else (await read_bytes(data, name)).text
    except Unreadable as error:
        return error


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"it has more than {LARGEST_FILE // 2**20} MB")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except IsADirectoryError:
        raise Unreadable("it is a folder") from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", "") or "its name cannot be used") from error
