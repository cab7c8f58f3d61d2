"""How often a model's calls of functions can be read, and have valid arguments: free, and held by a grammar.

    python -m benchmarks.tools [--cases 40] [--model PATH]

The cases are those of the Berkeley Function Calling Leaderboard, from its package (`pip install --no-deps
bfcl-eval`): one question, one function, its JSON Schema. A call counts as parsed when it is one of the styles that
chatapp reads, as named when it names the function, as valid when its arguments have the required names and the
right types.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from contextlib import aclosing
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from chatapp.conversation.gbnf import GrammarError
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Tokens
from chatapp.tools.offer import call_of, in_words
from chatapp.tools.reading import Said, said_in

FILE = "bfcl_eval/data/BFCL_v4_simple_python.json"
TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
CHECKS: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


def cases(most: int) -> list[tuple[str, dict[str, Any]]]:
    """Questions with their function, those whose schema a grammar can keep, evenly over the file."""
    lines = Path(str(distribution("bfcl-eval").locate_file(FILE))).read_text().splitlines()
    found = []
    for line in lines[:: max(1, len(lines) // (most * 2))]:
        case = json.loads(line)
        function = {
            "type": "function",
            "function": {**case["function"][0], "parameters": plain(case["function"][0])},
        }
        try:
            call_of([function])
        except GrammarError:
            continue
        found.append((case["question"][0][0]["content"], function))
    return found[:most]


def plain(function: dict[str, Any]) -> dict[str, Any]:
    """The parameters as JSON Schema: the leaderboard writes Python's types."""
    return {**schema(function["parameters"]), "additionalProperties": False}


def schema(node: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: node[key] for key in ("description", "enum", "required") if key in node}
    if "enum" not in node:
        kept["type"] = TYPES.get(node.get("type", "string"), node.get("type", "string"))
    if "properties" in node:
        kept["properties"] = {name: schema(one) for name, one in node["properties"].items()}
    if "items" in node:
        kept["items"] = schema(node["items"])
    return kept


def verdict(text: str, function: dict[str, Any]) -> str:
    """How far a reply came: text, parsed, named or valid."""
    found = said_in(text)
    call = found[1][0] if found else None
    if not isinstance(call, Said):
        return "text"
    if call.name != function["function"]["name"]:
        return "parsed"
    parameters = function["function"]["parameters"]
    known, needed = parameters.get("properties", {}), set(parameters.get("required", ()))
    fits = needed <= set(call.arguments) <= set(known) and all(
        _fits(value, known[name]) for name, value in call.arguments.items()
    )
    return "valid" if fits else "named"


def _fits(value: Any, node: dict[str, Any]) -> bool:
    if "enum" in node:
        return value in node["enum"]
    right = isinstance(value, CHECKS[node["type"]])
    return right and (node["type"] == "boolean" or not isinstance(value, bool))


async def measure(most: int, model: Path) -> None:
    asked = cases(most)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "engine.log")
        await engine.ensure(ModelOptions(path=str(model), n_ctx=4096))
        for held in (False, True):
            counted: Counter[str] = Counter()
            for question, function in asked:
                counted[verdict(await said(engine, question, function, held=held), function)] += 1
            tell(counted, len(asked), held=held)
        await engine.close()


async def said(engine: Engine, question: str, function: dict[str, Any], *, held: bool) -> str:
    """What the model says when it is asked to call, greedily."""
    turns = [
        Turn(role=Role.SYSTEM, content=in_words([function]), tools=json.dumps([function])),
        Turn(role=Role.USER, content=question),
    ]
    grammar = f"root ::= call\n{call_of([function])}" if held else ""
    text = ""
    async with aclosing(
        engine.generate(turns, SamplingSettings(temperature=0, max_tokens=160, grammar=grammar), 0)
    ) as events:
        async for event in events:
            text += event.text if isinstance(event, Tokens) else ""
    return text


def tell(counted: Counter[str], cases: int, *, held: bool) -> None:
    valid = counted["valid"]
    named = valid + counted["named"]
    parsed = named + counted["parsed"]
    how = "held by a grammar" if held else "free"
    print(f"| {how} | {parsed / cases:.0%} | {named / cases:.0%} | {valid / cases:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--model", type=Path, default=embedded_model())
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.cases, arguments.model))


if __name__ == "__main__":
    main()
