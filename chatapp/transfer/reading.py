"""Reads a file of any format that is known here, recognised by what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from chatapp.text import display_line
from chatapp.transfer import chatgpt, markdown, native, openai, sharegpt, sillytavern
from chatapp.transfer.elements import LARGEST, Element, elements
from chatapp.transfer.imported import MOST_MESSAGES, Imported, Unreadable

_KINDS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Imported]], ...] = (
    (native.fits, native.read),
    (chatgpt.fits, chatgpt.read),
    (sharegpt.fits, sharegpt.read),
    (openai.fits, openai.read),
)
MOST_WARNINGS = 200

Outcome = Imported | str
"""A conversation, or a sentence about one that was left out."""


def read_file(path: Path) -> Iterator[tuple[Outcome, int]]:
    """The conversations in a file, one after the other, each with the bytes read so far.

    Raises:
        Unreadable: when nothing in the file is understood; the sentence names the file.
    """
    name = display_line(path.name)
    try:
        with _open(path) as file:
            yield from _outcomes(file)
    except OSError as error:
        raise Unreadable(f"‘{name}’ cannot be read ({error.strerror or error}).") from error
    except Unreadable as error:
        raise Unreadable(f"‘{name}’ was not imported. {error}") from None


def _open(path: Path) -> BinaryIO:
    """Open a plain file: a pipe or a device would never end."""
    if not path.is_file():
        raise Unreadable("There is no such file.")
    return path.open("rb")


def _outcomes(file: BinaryIO) -> Iterator[tuple[Outcome, int]]:
    understood = False
    said = ""
    for outcome in _read(file):
        if isinstance(outcome, Imported):
            understood = True
        else:
            said = said or f" {outcome}"
        yield outcome, file.tell()
    if not understood:
        raise Unreadable(f"No conversation in it is understood.{said}")


def _read(file: BinaryIO) -> Iterator[Outcome]:
    if file.read(4) == b"---\n":
        yield _markdown(file)
        return
    file.seek(0)
    pieces = elements(file)
    first = next(pieces, None)
    if first is None:
        raise Unreadable("There is nothing in it.")
    rest = chain([first], pieces)
    if sillytavern.fits(first.value):
        yield from _whole(rest, sillytavern.read)
    elif openai.is_message(first.value):
        yield from _whole(rest, openai.read_list)
    else:
        for piece in rest:
            yield _conversation(piece)


def _markdown(file: BinaryIO) -> Imported:
    file.seek(0)
    data = file.read(LARGEST + 1)
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Unreadable("It is not UTF-8.") from None
    if len(data) > LARGEST or not markdown.fits(text):
        raise Unreadable("It is Markdown, but none that chatapp wrote.")
    return _capitalised(lambda: markdown.read(text))


def _whole(
    pieces: Iterator[Element], read: Callable[[Iterator[Mapping[str, Any]]], Imported]
) -> Iterator[Outcome]:
    """A file whose pieces are the messages of one conversation."""
    problems: list[str] = []

    def sound() -> Iterator[Mapping[str, Any]]:
        for piece in islice(pieces, 2 * MOST_MESSAGES):
            if piece.problem:
                problems.append(f"Message {piece.number} was left out: {piece.problem}.")
            else:
                yield piece.value

    imported = _capitalised(lambda: read(sound()))
    imported.warnings += problems[:MOST_WARNINGS]
    yield imported


def _conversation(piece: Element) -> Outcome:
    problem = piece.problem
    read = next((read for fits, read in _KINDS if fits(piece.value)), None)
    if read is not None and not problem:
        try:
            return read(piece.value)
        except Unreadable as error:
            problem = str(error)
    title = piece.value.get("title")
    named = f" ‘{display_line(title)[:60]}’" if isinstance(title, str) and title else ""
    return f"Conversation {piece.number}{named} was left out: {problem or 'its format is not known here'}."


def _capitalised(read: Callable[[], Imported]) -> Imported:
    """Reasons end the sentence about one conversation of many; for a file of one they are the sentence."""
    try:
        return read()
    except Unreadable as error:
        said = str(error)
        raise Unreadable(f"{said[:1].upper()}{said[1:]}.") from None
