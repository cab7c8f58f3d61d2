"""`chatapp personas`: list, show, new and import."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.personas import BrokenPersona, Listed, NoSuchPersona, import_persona, new_persona
from chatapp.text import display, repair


def run(arguments: argparse.Namespace) -> int:
    """One verb on the personas."""
    home = open_home(arguments)
    match arguments.verb:
        case "list":
            return _list(arguments, home)
        case "show":
            return _show(arguments, home)
    return _write(arguments, home)


def _write(arguments: argparse.Namespace, home: Home) -> int:
    """A starter, or what a file describes, in the user's folder."""
    folder, name = home.paths.personas, " ".join(repair(arguments.name).split()) if arguments.verb == "new" else ""
    taken = {one.name.casefold() for one in home.library.list()}
    if arguments.verb == "new" and (not name or name.casefold() in taken):
        raise Refusal("persona", f"There is a persona ‘{name}’ already." if name else "A persona needs a name.")
    try:
        if arguments.verb == "new":
            path = new_persona(folder, name)
        else:
            name, path = import_persona(folder, Path(arguments.file).expanduser(), taken)
    except BrokenPersona as error:
        raise Refusal("persona", f"{error.path.name} was not imported: {error}.") from error
    except OSError as error:
        raise Refusal("persona", error.strerror or str(error)) from error
    if arguments.json:
        print_json({"name": name, "path": str(path)})
    else:
        print_table([(str(path),)])
    return 0


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
