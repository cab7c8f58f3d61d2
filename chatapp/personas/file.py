"""A persona file: Markdown, with YAML front matter between two `---` lines; the body is the system prompt.

Whatever is wrong is said with the line that a person has to look at. Nothing but `BrokenPersona` leaves this
module, whatever the bytes are.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from chatapp.conversation.persona import Example, Persona
from chatapp.conversation.sampling import SETTINGS, SHIPPED, Preset, Presets, SamplingSettings, checked
from chatapp.personas.nodes import NULL, Wrong, compose, items, pairs, scalar, short
from chatapp.personas.schema import SCHEMA, schema_of
from chatapp.text import repair

LIMIT = 256 * 1024
"""The largest file, in bytes."""
NAME_LIMIT = 200
DESCRIPTION_LIMIT = 500
FENCE = "---"
PRESET = "preset"

_SAMPLING_NAMES = {name.replace("_", "-"): name for name in SamplingSettings.model_fields if name != "stop"} | {
    setting.label.replace(" ", "-"): setting.name for setting in SETTINGS
}


class BrokenPersona(Exception):  # noqa: N818  it reads as a sentence where it is caught
    """A file that cannot be used as a persona: where, and why. `line` is None where no line is to blame."""

    def __init__(self, path: Path, line: int | None, message: str) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.path = path
        self.line = line
        self.message = message


def parse(data: bytes, path: Path, presets: Presets = SHIPPED) -> Persona:
    """The persona that a file's bytes describe; the path gives the name where the front matter has none.

    It may name one of the presets given, and then carries its values.

    Raises:
        BrokenPersona: with the line and a sentence.
    """
    if len(data) > LIMIT:
        raise BrokenPersona(path, None, f"the file is larger than {LIMIT // 1024} KB")
    front, body = _split(_decoded(data, path), path)
    try:
        values = _values(compose(front), path.parent, presets)
    except Wrong as wrong:
        raise BrokenPersona(path, _line(front, wrong.index), str(wrong)) from None
    return Persona(**({"name": _name_of(path)} | values), system=body)


def _decoded(data: bytes, path: Path) -> str:
    try:
        return repair(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BrokenPersona(path, line, "this is not UTF-8 text") from None


def _split(text: str, path: Path) -> tuple[str, str]:
    """The front matter, empty where there is none, and the body."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return "", text.strip()
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]).strip()
    raise BrokenPersona(path, 1, f"the front matter has no end; a second line of {FENCE} closes it")


def _name_of(path: Path) -> str:
    return _one_line(repair(path.stem))[:NAME_LIMIT].strip() or "Unnamed"


def _line(front: str, index: int) -> int:
    """The file's line of a character of the front matter, which begins on line 2."""
    # YAML also counts U+0085, U+2028 and U+2029 as line breaks; editors do not.
    return front.count("\n", 0, index) + 2


# The keys ---------------------------------------------------------------------------------------------------


def _text(node: yaml.Node, key: str) -> str:
    value = scalar(node)
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(node, yaml.ScalarNode) and node.value else ""
        raise Wrong.at(node, f"‘{key}’ is not text{hint}")
    return repair(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _label(node: yaml.Node, key: str, limit: int) -> str:
    text = _one_line(_text(node, key))
    if len(text) > limit:
        raise Wrong.at(node, f"‘{key}’ is longer than {limit} characters")
    return text


def _name(node: yaml.Node, key: str) -> str:
    name = _label(node, key, NAME_LIMIT)
    if not name:
        raise Wrong.at(node, f"‘{key}’ is empty")
    return name


def _description(node: yaml.Node, key: str) -> str:
    return _label(node, key, DESCRIPTION_LIMIT)


def _greeting(node: yaml.Node, key: str) -> str:
    return _text(node, key).strip()


def _switch(node: yaml.Node, key: str) -> bool:
    value = scalar(node)
    if not isinstance(value, bool):
        raise Wrong.at(node, f"‘{key}’ is not true or false")
    return value


def _preset(node: yaml.Node, key: str, presets: Presets) -> Preset:
    try:
        return presets.named(_one_line(_text(node, key)))
    except ValueError as error:
        raise Wrong.at(node, str(error)) from None


def _examples(node: yaml.Node, key: str) -> tuple[Example, ...]:
    return tuple(_example(item) for item in items(node, key))


def _example(node: yaml.Node) -> Example:
    said: dict[str, str] = {}
    for name, key, value in pairs(node, "an example"):
        if name not in Example.model_fields:
            raise Wrong.at(key, f"an example has ‘user’ and ‘assistant’, not ‘{short(name)}’")
        said[name] = _text(value, name).strip()
    for name in Example.model_fields:
        if name not in said:
            raise Wrong.at(node, f"the example has no ‘{name}’")
    return Example(**said)


def _stop(node: yaml.Node, key: str) -> tuple[str, ...]:
    stops = tuple(_text(item, key) for item in items(node, key))
    try:
        return tuple(checked("stop", stops))
    except ValueError as error:
        raise Wrong.at(node, str(error)) from None


def _sampling(node: yaml.Node, key: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for written, name_node, value in pairs(node, f"‘{key}’"):
        name = _SAMPLING_NAMES.get(_dashed(written))
        if name is None:
            raise Wrong.at(name_node, _unknown("setting", written, list(_SAMPLING_NAMES)))
        if name in values:
            raise Wrong.at(name_node, f"‘{written}’ is there twice")
        values[name] = _setting(name, written, value)
    return values


def _setting(name: str, written: str, node: yaml.Node) -> Any:
    value = scalar(node)
    if isinstance(value, bool) or (value is None and node.tag != NULL):
        raise Wrong.at(node, f"‘{written}’ is not a number")
    try:
        return checked(name, value)
    except ValueError as error:
        raise Wrong.at(node, str(error).replace(f"‘{name}’", f"‘{written}’")) from None


_KEYS: dict[str, Callable[[yaml.Node, str], Any]] = {
    "name": _name,
    "description": _description,
    "greeting": _greeting,
    "examples": _examples,
    "sampling": _sampling,
    "stop": _stop,
    "template": _switch,
    "memory": _switch,
    "tools": _switch,
    "task": _switch,
    "prefill": _text,
}


def _values(root: yaml.Node | None, folder: Path, presets: Presets) -> dict[str, Any]:
    """The fields of a persona, from the front matter's nodes; the folder may hold its schema."""
    values: dict[str, Any] = {}
    for written, key, value in pairs(root, "the front matter"):
        if written == SCHEMA:
            values[written] = schema_of(value, folder)
        elif written == PRESET:
            values[written] = _preset(value, written, presets)
        elif written in _KEYS:
            values[written] = _KEYS[written](value, written)
        else:
            raise Wrong.at(key, _misplaced(written))
    for name, setting in (("stop", "stop"), (SCHEMA, "json_schema")):
        if said := values.pop(name, None):
            values["sampling"] = values.get("sampling", {}) | {setting: said}
    return values


def _misplaced(written: str) -> str:
    if _dashed(written) in _SAMPLING_NAMES:
        return f"‘{written}’ belongs under ‘sampling:’"
    return _unknown("key", written, [*_KEYS, SCHEMA, PRESET])


def _unknown(kind: str, written: str, known: list[str]) -> str:
    near = difflib.get_close_matches(written[:40].casefold(), known, n=1)
    hint = f"nearest: {near[0]}" if near else f"there are {', '.join(known)}"
    return f"there is no {kind} called ‘{short(written)}’; {hint}"


def _dashed(written: str) -> str:
    return written.replace("_", "-").replace(" ", "-")
