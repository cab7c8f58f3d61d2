"""Personas from elsewhere: a persona file, or a SillyTavern character card."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from chatapp.personas.card import PNG, PNG_LIMIT, persona_text
from chatapp.personas.file import NAME_LIMIT, BrokenPersona, parse
from chatapp.personas.library import read_bytes
from chatapp.personas.starter import quoted, write_persona
from chatapp.text import repair

_NAMED_SCHEMA = re.compile(r"^schema:[ \t]+[^\s{|>&*#].*$", re.MULTILINE)
"""A schema on one line that is no mapping: the name of a file."""


def import_persona(folder: Path, source: Path, taken: Collection[str]) -> tuple[str, Path]:
    """Write what a file describes as a persona of its own; returns its name and file. Nothing is overwritten.

    Args:
        folder: the user's personas.
        source: the file; a card is known by being a JSON object, or a PNG.
        taken: folded names in use; a clash gets a number.

    Raises:
        BrokenPersona: when the file is not understood; nothing was written.
        OSError: when a file cannot be read or written.
    """
    data = read_bytes(source)
    if data.startswith(PNG):
        data = persona_text(read_bytes(source, PNG_LIMIT), source)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        data = persona_text(data, source)
    found = parse(data, source)
    name = _free(found.name, taken)
    text = repair(data.decode("utf-8-sig"))
    text = text if name == found.name else _renamed(text, name)
    if found.json_schema:
        text = _with_schema(text, found.json_schema)
    # From a folder where nothing lies beside it, as it will be read from now on.
    written = parse(text.encode(), folder / source.name)
    if written.name != name:
        raise BrokenPersona(source, None, f"‘{found.name}’ is taken, and the name in the file cannot be changed")
    if written.json_schema != found.json_schema:
        raise BrokenPersona(source, None, "its schema cannot be taken along; write it into the file itself")
    return name, write_persona(folder, name, text)


def _free(name: str, taken: Collection[str]) -> str:
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name[: NAME_LIMIT - 10]} ({number})"
    return free


def _renamed(text: str, name: str) -> str:
    line = f"name: {quoted(name)}"
    if not text.startswith("---"):
        return f"---\n{line}\n---\n{text}"
    head, fence, body = text.partition("\n---")
    head, found = re.subn(r"^name:.*$", lambda _: line, head, count=1, flags=re.MULTILINE)
    return (head if found else head.replace("\n", f"\n{line}\n", 1)) + fence + body


def _with_schema(text: str, schema: str) -> str:
    """The persona with the schema in it, where it named the file of one: that file does not come along."""
    head, fence, body = text.partition("\n---")
    head = _NAMED_SCHEMA.sub(lambda _: f"schema: {quoted(schema)}", head, count=1)
    return head + fence + body
