"""YAML read as nodes, not as values, because a node knows where it stands in the file."""

from __future__ import annotations

from typing import Any

import yaml

NULL = "tag:yaml.org,2002:null"
_TEXT = "tag:yaml.org,2002:str"
_LONGEST_NUMBER = 40
_QUOTED = 100


class Wrong(Exception):  # noqa: N818  it reads as a sentence, and is never shown by its name
    """What is wrong, and at which character of the YAML."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index

    @classmethod
    def at(cls, node: yaml.Node, message: str) -> Wrong:
        """Something wrong with a node."""
        return cls(node.start_mark.index, message)


def compose(text: str) -> yaml.Node | None:
    """The root node; None where there is nothing but comments.

    Raises:
        Wrong: when this is not YAML.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise Wrong(_where(error), f"this is not YAML ({short(str(error.problem))})") from None
    except yaml.reader.ReaderError as error:
        raise Wrong(error.position, "there is a control character in the front matter") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Wrong(0, "the front matter cannot be read as YAML") from None


def _where(error: yaml.MarkedYAMLError) -> int:
    """What never ends is to blame where it begins, not where the file ends."""
    unended = (error.context or "").startswith(("while scanning", "while parsing a flow"))
    mark = (error.context_mark if unended else None) or error.problem_mark or error.context_mark
    return mark.index if mark else 0


def pairs(node: yaml.Node | None, what: str) -> list[tuple[str, yaml.Node, yaml.Node]]:
    """The keys of a mapping, each with its node and that of its value."""
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise Wrong.at(node, f"{what} is not made of ‘key: value’ lines")
    found: dict[str, tuple[str, yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Wrong.at(key, "a key must be a word")
        if key.value in found:
            raise Wrong.at(key, f"‘{short(key.value)}’ is there twice")
        found[key.value] = (key.value, key, value)
    return list(found.values())


def items(node: yaml.Node, key: str) -> list[yaml.Node]:
    """The items of a list."""
    if not isinstance(node, yaml.SequenceNode):
        raise Wrong.at(node, f"‘{key}’ is not a list")
    return list(node.value)


def scalar(node: yaml.Node) -> Any:
    """What YAML takes a scalar for: text, a number, true or false, a date; None for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    # YAML's numbers have no limit, and the time to read one grows with the square of its length.
    if node.tag != _TEXT and len(node.value) > _LONGEST_NUMBER:
        return None
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError):
        return None


def short(text: str) -> str:
    """Foreign text, cut to what fits into a sentence."""
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"
