"""From a JSON Schema to a grammar (GBNF), within limits.

What is accepted is kept to: a document that the grammar allows is valid by the schema. What the grammar could not
promise is refused with a sentence that says where, rather than left out in silence. Properties are written in the
order of the schema. A `$ref` becomes a rule, so schemas may refer to themselves.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chatapp.conversation.gbnf import MAX_REPETITIONS, GrammarError, check_grammar

MAX_DEPTH = 40
MAX_NODES = 2000
MAX_LENGTH = 500
"""The largest maxLength and maxItems; a schema without them has no limit at all."""
MAX_OPTIONAL = 30
"""Optional properties of one object: the grammar grows with their square."""

_PRIMITIVES = {
    "value": "object | array | string | number | boolean | null",
    "object": '"{" ws ( string ":" ws value ( "," ws string ":" ws value )* )? "}" ws',
    "array": '"[" ws ( value ( "," ws value )* )? "]" ws',
    "string": r'"\"" char* "\"" ws',
    "char": r'[^"\\\x7F\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} )',
    "number": '"-"? digits ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )? ws',
    "integer": '"-"? digits ws',
    "digits": '"0" | [1-9] [0-9]{0,15}',
    "boolean": '( "true" | "false" ) ws',
    "null": '"null" ws',
    "ws": r'( " " | "\n" [ \t]{0,20} )?',
}
_NEEDS = {
    "value": ("object", "array", "string", "number", "boolean", "null"),
    "object": ("string", "value"),
    "array": ("value",),
    "string": ("char",),
    "number": ("digits",),
    "integer": ("digits",),
}
_FORMATS = {
    "date": '[0-9]{4} "-" ( "0" [1-9] | "1" [0-2] ) "-" ( "0" [1-9] | "1" [0-9] | "2" [0-8] )',
    "time": '( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] "Z"',
    "uuid": '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
}
_FORMATS["date-time"] = f'{_FORMATS["date"]} "T" {_FORMATS["time"]}'

_SAYS_NOTHING = {
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly",
}  # fmt: skip
_KNOWN: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "format"},
    "integer": set(),
    "number": set(),
    "boolean": set(),
    "null": set(),
}


@functools.lru_cache(maxsize=16)
def grammar_of_schema(text: str) -> str:
    """The grammar of the documents that are valid by a JSON Schema.

    Raises:
        GrammarError: when the text is no JSON, no schema, or asks for what a grammar cannot keep; says where.
    """
    try:
        schema = json.loads(text)
    except RecursionError:
        raise GrammarError(f"the schema is nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        raise GrammarError(f"line {error.lineno}, column {error.colno}: this is no JSON ({error.msg})") from None
    grammar = _Converter(schema).grammar()
    check_grammar(grammar)
    return grammar


class _Converter:
    """Turns one schema into rules."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._references: dict[str, str] = {}
        self._nodes = 0

    def grammar(self) -> str:
        self._primitive("ws")
        self._rules["root"] = self._expression(self._schema, "#", 0)
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items()) + "\n"

    # Nodes -------------------------------------------------------------------------------------------------------

    def _expression(self, node: Any, place: str, depth: int) -> str:
        """What a value valid by a node looks like, as the right side of a rule or a part of one."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise GrammarError(f"{place}: the schema is nested more than {MAX_DEPTH} deep")
        if self._nodes > MAX_NODES:
            raise GrammarError(f"the schema has more than {MAX_NODES:,} parts")
        if node is True:
            return self._primitive("value")
        if not isinstance(node, Mapping):
            raise GrammarError(f"{place}: a schema is an object, or true")
        said = {key: value for key, value in node.items() if key not in _SAYS_NOTHING}
        if not said:
            return self._primitive("value")
        for key, convert in self._alone().items():
            if key in said:
                self._only(said, {key}, place, besides={"type"} if key in {"const", "enum"} else set())
                return convert(said, place, depth)
        return self._typed(said, place, depth)

    def _alone(self) -> dict[str, Callable[[Mapping[str, Any], str, int], str]]:
        """Keywords that stand for the whole node."""
        return {
            "$ref": self._reference,
            "const": self._constant,
            "enum": self._enumeration,
            "anyOf": lambda said, place, depth: self._choice(said["anyOf"], f"{place}/anyOf", depth),
            "oneOf": lambda said, place, depth: self._choice(said["oneOf"], f"{place}/oneOf", depth),
            "allOf": self._single,
        }

    def _only(self, said: Mapping[str, Any], known: set[str], place: str, *, besides: Iterable[str] = ()) -> None:
        if unknown := sorted(set(said) - known - set(besides)):
            with_what = f" beside ‘{next(iter(known))}’" if len(known) == 1 else ""
            raise GrammarError(f"{place}: ‘{unknown[0]}’{with_what} cannot be kept to by a grammar; leave it out")

    def _typed(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        kind = said.get("type", _guessed(said))
        if isinstance(kind, list) and kind:
            return self._choice([{**_of_kind(said, one), "type": one} for one in kind], place, depth)
        if not isinstance(kind, str) or kind not in _KNOWN:
            raise GrammarError(f"{place}: ‘type’ must be one of {', '.join(_KNOWN)}")
        self._only(said, _KNOWN[kind], place, besides={"type"})
        if kind == "object":
            return self._object(said, place, depth)
        if kind == "array":
            return self._array(said, place, depth)
        if kind == "string":
            return self._string(said, place)
        return self._primitive(kind)

    def _reference(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        reference = said["$ref"]
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise GrammarError(f"{place}: ‘$ref’ may only point into the schema itself (#/…)")
        if reference not in self._references:
            name = self._references[reference] = f"ref-{len(self._references)}"
            self._rules[name] = ""  # its place, in case that it refers to itself
            self._rules[name] = self._expression(self._target(reference, place), reference, depth + 1)
        return self._references[reference]

    def _target(self, reference: str, place: str) -> Any:
        node = self._schema
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or key not in node:
                raise GrammarError(f"{place}: ‘$ref’ points to {reference}, which is not there")
            node = node[key]
        return node

    def _constant(self, said: Mapping[str, Any], _place: str, _depth: int) -> str:
        return f"{_literal(json.dumps(said['const'], ensure_ascii=False))} ws"

    def _enumeration(self, said: Mapping[str, Any], place: str, _depth: int) -> str:
        values = said["enum"]
        if not isinstance(values, list) or not values or len(values) > MAX_NODES:
            raise GrammarError(f"{place}: ‘enum’ must be a list of 1 to {MAX_NODES:,} values")
        return f"( {' | '.join(_literal(json.dumps(value, ensure_ascii=False)) for value in values)} ) ws"

    def _choice(self, nodes: Any, place: str, depth: int) -> str:
        if not isinstance(nodes, list) or not nodes:
            raise GrammarError(f"{place}: this must be a list of schemas, not an empty one")
        parts = [self._expression(node, f"{place}/{n}", depth + 1) for n, node in enumerate(nodes)]
        return f"( {' | '.join(parts)} )"

    def _single(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        nodes = said["allOf"]
        if not isinstance(nodes, list) or len(nodes) != 1:
            raise GrammarError(f"{place}: ‘allOf’ of more than one schema cannot be kept to by a grammar")
        return self._expression(nodes[0], f"{place}/allOf/0", depth + 1)

    # Types -------------------------------------------------------------------------------------------------------

    def _object(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        properties, required = said.get("properties", {}), said.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise GrammarError(f"{place}: ‘properties’ is an object, ‘required’ a list")
        if missing := [str(name) for name in required if name not in properties]:
            raise GrammarError(f"{place}: ‘{missing[0]}’ is required, but not among the properties")
        additional = said.get("additionalProperties")
        if not properties:
            if additional is False:
                return '"{" ws "}" ws'
            if additional in (None, True):
                return self._primitive("object")
            pair = f'{self._primitive("string")} ":" ws {self._expression(additional, place, depth + 1)}'
            return f'"{{" ws ( {pair} ( "," ws {pair} )* )? "}}" ws'
        if additional not in (None, True, False):
            raise GrammarError(f"{place}: ‘additionalProperties’ beside ‘properties’ may only be true or false")
        # Further properties are allowed by the schema, but never written: what is written is valid all the same.
        members: list[tuple[str, bool]] = []
        for name, node in properties.items():
            value = self._rule(self._expression(node, f"{place}/properties/{name}", depth + 1))
            key = _literal(json.dumps(name, ensure_ascii=False))
            members.append((f'{key} ws ":" ws {value}', name in required))
        if sum(not needed for _, needed in members) > MAX_OPTIONAL:
            raise GrammarError(f"{place}: more than {MAX_OPTIONAL} optional properties are too many")
        return f'"{{" ws {self._members(members)} "}}" ws'

    def _members(self, members: list[tuple[str, bool]]) -> str:
        """The members in their order, those that are optional left out at will, commas between those written."""
        following = ""  # what may come after at least one member was written
        choices: list[str] = []  # how it may begin, from the last member on backwards
        may_be_empty = True
        for text, needed in reversed(members):
            start = f"{text} {following}".rstrip()
            if needed:
                choices = [start]
                following = self._rule(f'"," ws {start}')
                may_be_empty = False
            else:
                choices.append(start)
                following = self._rule(f'"," ws {start} | {following or chr(34) * 2}')
        return f"( {' | '.join(reversed(choices))} ){'?' if may_be_empty else ''}"

    def _array(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        if "prefixItems" in said:
            return self._tuple(said, place, depth)
        least, most = self._limits(said, "minItems", "maxItems", place)
        item = self._rule(self._expression(said.get("items", True), f"{place}/items", depth + 1))
        if most == 0:
            return '"[" ws "]" ws'
        rest = f'( "," ws {item} ){_times(max(0, least - 1), None if most is None else most - 1)}'
        inside = f"{item} {rest}"
        return f'"[" ws {inside if least else f"( {inside} )?"} "]" ws'

    def _tuple(self, said: Mapping[str, Any], place: str, depth: int) -> str:
        nodes = said["prefixItems"]
        if not isinstance(nodes, list) or not nodes or set(said) - {"type", "prefixItems", "items"}:
            raise GrammarError(f"{place}: ‘prefixItems’ is a list of schemas, and takes no minItems or maxItems")
        items = [self._expression(node, f"{place}/prefixItems/{n}", depth + 1) for n, node in enumerate(nodes)]
        return '"[" ws ' + ' "," ws '.join(items) + ' "]" ws'

    def _string(self, said: Mapping[str, Any], place: str) -> str:
        if (name := said.get("format")) is not None:
            if name not in _FORMATS:
                raise GrammarError(f"{place}: the format ‘{name}’ is not known; there are {', '.join(_FORMATS)}")
            if {"minLength", "maxLength"} & set(said):
                raise GrammarError(f"{place}: ‘format’ and a length do not go together")
            return rf'"\"" {_FORMATS[name]} "\"" ws'
        if not {"minLength", "maxLength"} & set(said):
            return self._primitive("string")
        least, most = self._limits(said, "minLength", "maxLength", place)
        self._primitive("char")
        return rf'"\"" char{_times(least, most)} "\"" ws'

    def _limits(self, said: Mapping[str, Any], low: str, high: str, place: str) -> tuple[int, int | None]:
        least, most = said.get(low, 0), said.get(high)
        for name, value in ((low, least), *([(high, most)] if high in said else [])):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise GrammarError(f"{place}: ‘{name}’ must be a whole number from 0 on")
            if value > MAX_LENGTH:
                raise GrammarError(
                    f"{place}: ‘{name}’ {value:,} is more than {MAX_LENGTH}; leave it out, or lower it"
                )
        if most is not None and most < least:
            raise GrammarError(f"{place}: ‘{high}’ is less than ‘{low}’")
        return least, most

    # Rules -------------------------------------------------------------------------------------------------------

    def _rule(self, expression: str) -> str:
        """A name for an expression; the same one for the same expression."""
        if re.fullmatch(r"[a-z0-9-]+", expression):
            return expression
        name = next((n for n, rule in self._rules.items() if rule == expression and n.startswith("part-")), None)
        if name is None:
            name = f"part-{len(self._rules)}"
            self._rules[name] = expression
        return name

    def _primitive(self, name: str) -> str:
        if name not in self._rules:
            self._rules[name] = _PRIMITIVES[name]
            for need in _NEEDS.get(name, ()):
                self._primitive(need)
        return name


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else f"{{{least},}}"
    return f"{{{least},{min(most, MAX_REPETITIONS)}}}"


def _literal(text: str) -> str:
    """A string of the grammar that stands for exactly this text."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{"".join(c if c.isprintable() else f"{chr(92)}U{ord(c):08X}" for c in escaped)}"'


def _guessed(said: Mapping[str, Any]) -> str | None:
    """The type that the keywords of a node speak of, where it names none."""
    kinds = [kind for kind, keywords in _KNOWN.items() if keywords & set(said)]
    return kinds[0] if len(kinds) == 1 else None


def _of_kind(said: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """The keywords of a node that speak of one type."""
    others = {keyword for name, known in _KNOWN.items() if name != kind for keyword in known}
    return {key: value for key, value in said.items() if key not in others}
