"""Calls in a reply that has ended: read strictly, and only at its end.

Two styles are seen in the wild. Hermes and Qwen put an object between tags, several one after the other, and may
say something before them: `<tool_call>{"name": …, "arguments": …}</tool_call>`. Llama 3 says the object alone:
`{"name": …, "parameters": …}`, with or without `<|python_tag|>` before it. Whatever else a text holds is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from chatapp.tools.catalogue import BY_NAME, Arguments

OPEN, CLOSE, PYTHON = "<tool_call>", "</tool_call>", "<|python_tag|>"
LONGEST = 8_000
"""Characters of the calls of a reply; what is longer is a text."""
_KEYS = ({"name", "arguments"}, {"name", "parameters"})
_BESIDES = {"type", "id"}
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Said:
    """What a call says, unchecked: the name of a tool, and what it is called with."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call of a tool that there is, with arguments that it takes."""

    name: str
    arguments: Arguments


@dataclass(frozen=True)
class Unreadable:
    """What was meant for a call and is none; the sentence says why."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Found:
    """The calls of a reply, and where in its text the first of them begins."""

    begins: int
    calls: tuple[Call | Unreadable, ...]


def calls_in(text: str) -> Found | None:
    """The calls that a reply ends with; None where it is a text."""
    said = said_in(text)
    return None if said is None else Found(said[0], tuple(map(_checked, said[1])))


def said_in(text: str) -> tuple[int, list[Said | str]] | None:
    """Where the calls of a reply begin, and what each says, or a sentence why it cannot be read."""
    start = text.find(OPEN, max(0, len(text) - LONGEST))
    while start >= 0:
        if (said := _tagged(text, start)) is not None:
            return start, said
        start = text.find(OPEN, start + 1)
    return _alone(text)


def held(text: str) -> int:
    """How many characters at the beginning of a growing reply are text, whatever follows."""
    bare = text.lstrip()
    if bare.startswith("{") or (bare and (PYTHON.startswith(bare) or bare.startswith(PYTHON))):
        return 0
    start = text.find(OPEN)
    if start >= 0:
        return start
    most = min(len(OPEN) - 1, len(text))
    return len(text) - next((size for size in range(most, 0, -1) if OPEN.startswith(text[-size:])), 0)


def _tagged(text: str, start: int) -> list[Said | str] | None:
    """Calls between tags from a place on, if nothing but calls follows."""
    said: list[Said | str] = []
    position = start
    while position < len(text):
        if not text.startswith(OPEN, position):
            return None
        position = _skip(text, position + len(OPEN))
        found = _object(text, position)
        if found is not None and text.startswith(CLOSE, end := _skip(text, found[1])):
            said.append(_said(found[0]) or "A call has a name and arguments, and nothing else.")
            position = end
        else:
            end = text.find(CLOSE, position)
            if end < 0 or OPEN in text[position:end]:
                return None
            said.append("Between the tags is no JSON object.")
            position = end
        position = _skip(text, position + len(CLOSE))
    return said


def _alone(text: str) -> tuple[int, list[Said | str]] | None:
    """A call that is the whole reply."""
    start = _skip(text, 0)
    marked = text.startswith(PYTHON, start)
    begins, start = start, _skip(text, start + len(PYTHON)) if marked else start
    if len(text) - start > LONGEST:
        return None
    found = _object(text, start)
    said = _said(found[0]) if found is not None and _skip(text, found[1]) == len(text) else None
    if said is not None:
        return begins, [said]
    return (begins, ["After the mark of a call is none."]) if marked else None


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _object(text: str, position: int) -> tuple[Any, int] | None:
    """The JSON object at a place, and where it ends."""
    if not text.startswith("{", position):
        return None
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):
        return None


def _said(value: Any) -> Said | None:
    if not isinstance(value, dict) or set(value) - _BESIDES not in _KEYS:
        return None
    name, arguments = value["name"], value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return Said(name, arguments)


def _checked(said: Said | str) -> Call | Unreadable:
    if isinstance(said, str):
        return Unreadable("", said)
    tool = BY_NAME.get(said.name)
    if tool is None:
        return Unreadable(
            said.name[:80], f"There is no tool called ‘{said.name[:80]}’; there are {_names(BY_NAME)}."
        )
    try:
        return Call(tool.name, tool.arguments.model_validate(said.arguments))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:80]
        return Unreadable(tool.name, f"{tool.name} cannot be called so: ‘{where}’ {_reason(first['msg'])}.")


def _reason(message: str) -> str:
    """Pydantic's words, as the end of a sentence."""
    return f"is not right ({message.removeprefix('Value error, ')[:200].rstrip('.')})"


def _names(names: Collection[str]) -> str:
    return ", ".join(names)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: what stands twice would be shown once, and mean the other."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
