"""How tools are offered to a model: as schemas for a template that takes them, in words and by a grammar else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from chatapp.conversation.json_schema import grammar_of_schema
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.session import Session
from chatapp.tools.catalogue import TOOLS, Tool

_INTRODUCTION = """You can use tools. To use one, answer with a call and nothing else, as in:
<tool_call>
{"name": "calculator", "arguments": {"expression": "12% of 340"}}
</tool_call>
What the tool gives then comes back to you. Use one only where it helps; otherwise answer in words. The tools:"""
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def offers(session: Session) -> bool:
    """Whether tools are offered in a session: wished for, and nothing else says how replies look."""
    persona, settings = session.persona, session.sampling().settings
    held = settings.grammar or settings.json_schema or persona.prefill or persona.task
    return bool(persona.tools) and persona.template and not held


def offer(session: Session) -> Turn | None:
    """The turn that offers tools, where they are offered."""
    return _turn() if offers(session) else None


@cache
def _turn() -> Turn:
    functions = schemas()
    return Turn(role=Role.SYSTEM, content=in_words(functions), tools=json.dumps(functions, ensure_ascii=False))


def schemas(tools: Iterable[Tool] = TOOLS) -> list[dict[str, Any]]:
    """The tools as chat templates take them: functions with a JSON Schema for their parameters."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.does, "parameters": _parameters(tool)},
        }
        for tool in tools
    ]


def _parameters(tool: Tool) -> dict[str, Any]:
    """The schema of a tool's arguments, without what no model needs."""
    schema = tool.arguments.model_json_schema()
    properties = {
        name: {key: value for key, value in said.items() if key not in {"title", "default"}}
        for name, said in schema.get("properties", {}).items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(schema.get("required", [])),
        "additionalProperties": False,
    }


def in_words(functions: Sequence[Mapping[str, Any]]) -> str:
    """Tools in words, for a model whose template knows none: a line each."""
    return "\n".join([_INTRODUCTION, *(_line(one["function"]) for one in functions)])


def _line(function: Mapping[str, Any]) -> str:
    parameters = function["parameters"]
    given = [
        f"{name}{'' if name in parameters.get('required', ()) else '?'}: {_kind(said)}"
        for name, said in parameters.get("properties", {}).items()
    ]
    return f"- {function['name']}({', '.join(given)}): {function['description']}"


def _kind(said: Mapping[str, Any]) -> str:
    values = said.get("enum")
    kind = " or ".join(map(json.dumps, values)) if values else _TYPES.get(str(said.get("type", "")), "value")
    return f"{kind} ({said['description']})" if said.get("description") else kind


# The grammar --------------------------------------------------------------------------------------------------

ANSWER = r"answer ::= [^<] any*" + "\n" + r"any ::= [^\x00]" + "\n"
"""An answer in words does not begin like a call."""


@cache
def grammar(*, calls: bool) -> str:
    """The grammar of a reply that may be a call of our tools, or must be an answer."""
    return choice(schemas()) if calls else only_answer()


def choice(functions: Sequence[Mapping[str, Any]]) -> str:
    """The grammar of a reply that is either one call of these tools, with valid arguments, or an answer."""
    return f"root ::= call | answer\n{ANSWER}{call_of(functions)}"


def only_answer() -> str:
    """The grammar of a reply that is no call."""
    return f"root ::= answer\n{ANSWER}"


def call_of(functions: Sequence[Mapping[str, Any]]) -> str:
    """Rules for `call`: a call of one of these tools between its tags.

    Raises:
        GrammarError: when a schema asks for what a grammar cannot keep.
    """
    call = {"anyOf": [_call(one["function"]) for one in functions]}
    rules = grammar_of_schema(json.dumps(call)).replace("root ::= ", "body ::= ", 1)
    return f'call ::= "<tool_call>\\n" body "</tool_call>"\n{rules}'


def _call(function: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": function["parameters"]},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
