"""`chatapp tokenize`: the tokens of a text, as the model reads it."""

from __future__ import annotations

import argparse

from chatapp.cli.engines import run_with_engine
from chatapp.cli.output import print_json, print_table, read_text
from chatapp.engine.client import Engine
from chatapp.home import Home
from chatapp.text import counted, display_token


def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    arguments.text = read_text(arguments.text, "Nothing to tokenise: give a TEXT, or pipe one in.")
    return run_with_engine(arguments, _tokenize)


async def _tokenize(arguments: argparse.Namespace, _home: Home, engine: Engine) -> int:
    tokens = await engine.look.tokens(arguments.text, special=arguments.special)
    if arguments.json:
        shown = [{"id": one.id, "text": one.text, "bytes": one.hex} for one in tokens]
        print_json({"count": len(tokens), "tokens": shown})
        return 0
    print_table([(str(one.id), display_token(one.data, special=one.special), one.hex) for one in tokens])
    print_table([(counted(len(tokens), "token"),)])
    return 0
