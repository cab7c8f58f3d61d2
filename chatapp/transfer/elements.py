"""Takes a JSON file apart, piece by piece: a list of any length, one object a line, or one document.

A list is streamed: no more of the file than one conversation is ever in memory, and that within bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import ijson
from ijson.common import ObjectBuilder

from chatapp.transfer.imported import Unreadable
from chatapp.transfer.values import loads

LARGEST = 64 * 2**20
"""Bytes of a document, of a line, and characters of an item of a list."""
_MOST_VALUES = 4_000_000
"""Of an item of a list."""
_DEEPEST = 64
_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Element:
    """One piece of a file: an object, or why it is none, in words that end a sentence."""

    number: int
    value: dict[str, Any]
    problem: str = ""


def elements(file: BinaryIO) -> Iterator[Element]:
    """The objects in a file, which stands at its beginning.

    Raises:
        Unreadable: when the file as a whole makes no sense.
    """
    first = _skip_blank(file)
    if first == b"[":
        yield from _items(file)
    elif first == b"{":
        yield from _lines_or_document(file)
    else:
        raise Unreadable("It is in none of the formats that are known here.")


def _skip_blank(file: BinaryIO) -> bytes:
    """Go to the first character that is not blank, and say which it is."""
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
    while (one := file.read(1)) and one in _BLANK:
        pass
    if one:
        file.seek(-1, 1)
    return one


def _lines_or_document(file: BinaryIO) -> Iterator[Element]:
    start = file.tell()
    line = file.readline(LARGEST + 1)
    rest = file.read(1)
    file.seek(start)
    if rest and not line.strip().endswith((b"{", b"[", b",", b":")):
        yield from _lines(file)
        return
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Unreadable(f"It is larger than {LARGEST // 2**20} MiB.")
    element = _element(1, data)
    if element.problem:
        raise Unreadable(f"It cannot be read: {element.problem}.")
    yield element


def _lines(file: BinaryIO) -> Iterator[Element]:
    number = 0
    while line := file.readline(LARGEST + 1):
        number += 1
        if len(line) > LARGEST:
            while line and not line.endswith(b"\n"):
                line = file.readline(LARGEST)
            yield Element(number, {}, f"the line is longer than {LARGEST // 2**20} MiB")
        elif line.strip():
            yield _element(number, line)


def _element(number: int, data: bytes) -> Element:
    try:
        value = loads(data.decode())
    except UnicodeDecodeError:
        return Element(number, {}, "it is not UTF-8")
    except ValueError as error:
        return Element(number, {}, str(error))
    return Element(number, value) if isinstance(value, dict) else Element(number, {}, "it is no JSON object")


def _items(file: BinaryIO) -> Iterator[Element]:
    number = 0
    events = ijson.basic_parse(file, use_float=True)
    try:
        next(events)  # the list begins
        while (element := _item(events, number + 1)) is not None:
            number += 1
            yield element
    except (ijson.JSONError, ValueError, StopIteration):
        yield Element(number + 1, {}, "the file breaks off there, or is no JSON from there on")


def _item(events: Iterator[tuple[str, Any]], number: int) -> Element | None:
    """The next item of the list, built within bounds; one beyond them is read past."""
    builder = ObjectBuilder()
    depth = values = size = 0
    problem = ""
    while True:
        event, value = next(events)
        if event == "end_array" and not depth:
            return None
        depth += event.startswith("start_")
        values += 1
        size += len(value) if isinstance(value, str) else 0
        if not problem:
            problem = _beyond(depth, values, size)
        if not problem:
            builder.event(event, value)
        depth -= event.startswith("end_")
        if not depth:
            break
    if problem:
        return Element(number, {}, problem)
    made = builder.value
    return Element(number, made) if isinstance(made, dict) else Element(number, {}, "it is no JSON object")


def _beyond(depth: int, values: int, size: int) -> str:
    if depth > _DEEPEST:
        return "it is nested too deeply"
    return "it is too large" if values > _MOST_VALUES or size > LARGEST else ""
