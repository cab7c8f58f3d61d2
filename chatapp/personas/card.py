"""SillyTavern's character cards (V1 to V3), as JSON or inside a picture, as text of a persona file.

Of a picture only the chunks are walked, never a pixel: a card is Base64 in a tEXt chunk named `chara` (V1, V2) or
`ccv3`, after the PNG specification and that of the cards. Compressed text chunks are not read.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from base64 import b64decode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from chatapp.personas.file import DESCRIPTION_LIMIT, NAME_LIMIT, BrokenPersona
from chatapp.personas.starter import quoted
from chatapp.text import repair

PNG = b"\x89PNG\r\n\x1a\n"
PNG_LIMIT = 16 * 2**20
"""Bytes of a picture that are looked at."""
_TEXT_LIMIT = 2 * 2**20
_MOST_CHUNKS = 10_000
_SPEAKER = re.compile(r"^\{\{(user|char)\}\}:[ \t]*", re.MULTILINE | re.IGNORECASE)
_START = re.compile(r"^[ \t]*<START>[ \t]*$", re.MULTILINE | re.IGNORECASE)


def persona_text(data: bytes, source: Path) -> bytes:
    """A persona file that says what a card says; `data` is JSON or a whole PNG.

    Raises:
        BrokenPersona: when it is no card.
    """
    if data.startswith(PNG):
        data = _card_in_picture(data, source)
    try:
        card: Any = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BrokenPersona(source, None, "this is not JSON that can be read") from None
    if not isinstance(card, dict):
        raise BrokenPersona(source, None, "this is no character card")
    fields: dict[str, Any] = card["data"] if isinstance(card.get("data"), dict) else card
    name = " ".join(_field(fields, "name").split())[:NAME_LIMIT]
    parts = [_field(fields, key) for key in ("system_prompt", "description", "personality", "scenario")]
    if not name or not any(parts):
        raise BrokenPersona(source, None, "this is no character card: it has no name, or says nothing of anybody")
    note = " ".join(_field(fields, "creator_notes").split())[:DESCRIPTION_LIMIT]
    front = {"name": name, "description": note, "greeting": _field(fields, "first_mes")}
    head = "".join(f"{key}: {quoted(value)}\n" for key, value in front.items())
    examples = [
        f"  - user: {quoted(user)}\n    assistant: {quoted(reply)}\n"
        for user, reply in _examples(_field(fields, "mes_example"))
    ]
    if examples:
        head += "examples:\n" + "".join(examples)
    return ("---\n" + head + "---\n" + "\n\n".join(filter(None, parts)) + "\n").encode()


def _card_in_picture(data: bytes, source: Path) -> bytes:
    found = {}
    for kind, body in _chunks(data):
        keyword, _, text = body.partition(b"\0")
        if kind == b"tEXt" and keyword in {b"chara", b"ccv3"} and len(text) <= _TEXT_LIMIT:
            found[keyword] = text
    packed = found.get(b"ccv3", found.get(b"chara"))
    if packed is None:
        raise BrokenPersona(source, None, "there is no character card in this picture")
    try:
        return b64decode(packed, validate=True)
    except binascii.Error:
        raise BrokenPersona(source, None, "the character card in this picture cannot be read") from None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the body of each chunk, as far as they are whole."""
    at = len(PNG)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _examples(text: str) -> Iterator[tuple[str, str]]:
    """What a user says in the example dialogue with what the character answers; the rest has no place."""
    for block in _START.split(text):
        marks = [*_SPEAKER.finditer(block)]
        ends = [*(mark.start() for mark in marks), len(block)][1:]
        said = [(mark[1].lower(), block[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)]
        for (asks, user), (answers, reply) in pairwise(said):
            if (asks, answers) == ("user", "char") and user and reply:
                yield user, reply


def _field(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    text = repair(value).strip() if isinstance(value, str) else ""
    # The older spelling of the two macros; {{original}} stands for a prompt that there is not.
    text = re.sub(r"<user>", "{{user}}", text, flags=re.IGNORECASE)
    text = re.sub(r"<(bot|char)>", "{{char}}", text, flags=re.IGNORECASE)
    return re.sub(r"\{\{original\}\}", "", text, flags=re.IGNORECASE).strip()
