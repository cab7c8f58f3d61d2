"""`chatapp personas`: list and show."""

from __future__ import annotations

import argparse
import sys

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.personas import Listed, NoSuchPersona
from chatapp.text import display


def run(arguments: argparse.Namespace) -> int:
    """One verb on the personas."""
    home = open_home(arguments)
    return _list(arguments, home) if arguments.verb == "list" else _show(arguments, home)


def _list(arguments: argparse.Namespace, home: Home) -> int:
    listed = home.library.list()
    if arguments.json:
        print_json([_as_json(one) for one in listed])
        return 0
    print_table([(one.name, one.origin, one.description) for one in listed if not one.problem])
    for one in listed:
        if one.problem:
            note(f"{one.name}: {one.problem}")
    return 0


def _as_json(one: Listed) -> dict[str, str | None]:
    return {
        "name": one.name,
        "description": one.description,
        "origin": one.origin,
        "path": str(one.path),
        "problem": one.problem or None,
    }


def _show(arguments: argparse.Namespace, home: Home) -> int:
    try:
        persona = home.library.get(arguments.name)
    except NoSuchPersona as error:
        raise Refusal("persona", str(error)) from error
    if arguments.json:
        print_json(persona.model_dump(mode="json"))
        return 0
    facts = [("preset", persona.preset.name), *((name, str(value)) for name, value in persona.sampling.items())]
    sys.stdout.write(f"{display(persona.name)}: {display(persona.description)}\n\n{display(persona.system)}\n\n")
    print_table(facts)
    return 0
