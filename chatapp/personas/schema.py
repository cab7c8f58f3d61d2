"""The JSON Schema of a persona's replies: written in the front matter, or in a file beside the persona's."""

from __future__ import annotations

import json
import stat
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from chatapp.conversation.sampling import checked
from chatapp.personas.nodes import NULL, Wrong, items, pairs, scalar, short

SCHEMA = "schema"
LIMIT = 64 * 1024
"""The largest schema, in bytes."""
_DEEPEST = 50
_MOST_VALUES = 10_000


def schema_of(node: yaml.Node, folder: Path) -> str:
    """The schema as JSON text: from YAML or JSON in place, or from the file that a text names.

    Raises:
        Wrong: when it is not there, is no JSON, or asks for what a grammar cannot promise.
    """
    named = scalar(node)
    text = _read(node, folder, named) if isinstance(named, str) else json.dumps(_Plain().value(node, 0))
    try:
        return str(checked("json_schema", text))
    except ValueError as error:
        raise Wrong.at(node, str(error).replace("‘json_schema’", f"‘{SCHEMA}’")) from None


def _read(node: yaml.Node, folder: Path, name: str) -> str:
    if name.lstrip().startswith("{"):
        return name  # JSON in a block of text
    if Path(name).name != name:
        raise Wrong.at(node, f"‘{SCHEMA}’ names a file beside this one, without a folder: {short(name)}")
    path = folder / name
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Wrong.at(node, f"‘{SCHEMA}’: {short(name)} is not a file")
        if path.stat().st_size > LIMIT:
            raise Wrong.at(node, f"‘{SCHEMA}’: {short(name)} is larger than {LIMIT // 1024} KB")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise Wrong.at(node, f"‘{SCHEMA}’: {short(name)} cannot be read ({error.strerror})") from None
    except ValueError:
        raise Wrong.at(node, f"‘{SCHEMA}’: {short(name)} is not UTF-8 text") from None


class _Plain:
    """Turns nodes into what JSON knows. Aliases may repeat a node for ever: what is made of them is counted."""

    def __init__(self) -> None:
        self._made = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._made += 1
        if depth > _DEEPEST or self._made > _MOST_VALUES:
            raise Wrong.at(node, f"‘{SCHEMA}’ is too large, or nested too deep")
        if isinstance(node, yaml.MappingNode):
            return {name: self.value(value, depth + 1) for name, _, value in pairs(node, f"‘{SCHEMA}’")}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in items(node, SCHEMA)]
        value = scalar(node)
        if value is None and node.tag != NULL:
            raise Wrong.at(node, f"‘{SCHEMA}’ has a value that JSON does not know")
        return node.value if isinstance(value, date | datetime | bytes) else value
