"""`chatapp presets`: list, show, save and delete sampling presets."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.cli.sampling import overrides_of, preset_of
from chatapp.conversation.sampling import BALANCED, Preset, Presets
from chatapp.conversation.sampling.presets import NAME_LENGTH, PURPOSE_LENGTH
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.text import display, repair


def run(arguments: argparse.Namespace) -> int:
    """One verb on the presets."""
    home = open_home(arguments)
    verbs = {"list": _list, "show": _show, "save": _save, "delete": _delete}
    return verbs[arguments.verb](arguments, home)


def _list(arguments: argparse.Namespace, home: Home) -> int:
    presets = home.presets.all()
    broken = [one for one in home.presets.list() if one.problem]
    if arguments.json:
        rows = [_as_json(one, presets) | {"problem": None} for one in presets]
        print_json([*rows, *({"name": one.path.name, "problem": one.problem} for one in broken)])
        return 0
    print_table([(one.name, _origin(one, presets), one.purpose) for one in presets])
    for one in broken:
        note(f"{one.path.name}: {one.problem}")
    return 0


def _show(arguments: argparse.Namespace, home: Home) -> int:
    presets = home.presets.all()
    arguments.preset = arguments.name
    preset = preset_of(arguments, presets) or BALANCED
    if arguments.json:
        print_json(_as_json(preset, presets))
        return 0
    sys.stdout.write(f"{display(preset.name)}: {display(preset.purpose)}\n\n")
    print_table([(name, str(value)) for name, value in preset.values.items()])
    return 0


def _save(arguments: argparse.Namespace, home: Home) -> int:
    presets = home.presets.all()
    base = preset_of(arguments, presets)
    name = " ".join(repair(arguments.name).split())
    purpose = " ".join(repair(arguments.purpose).split())
    if not 0 < len(name) <= NAME_LENGTH or len(purpose) > PURPOSE_LENGTH:
        raise Refusal("usage", f"A name has 1 to {NAME_LENGTH} characters, a purpose at most {PURPOSE_LENGTH}.")
    if (there := presets.get(name)) and not arguments.force:
        raise Refusal("preset", f"There is a preset called ‘{there.name}’. With --force, yours takes its place.")
    preset = Preset(name, purpose, {**(base.values if base else {}), **overrides_of(arguments)})
    path = home.presets.save(preset)
    if arguments.json:
        print_json(_as_json(preset, home.presets.all()) | {"path": str(path)})
    else:
        note(f"Saved as {path}")
    return 0


def _delete(arguments: argparse.Namespace, home: Home) -> int:
    path = home.presets.delete(arguments.name)
    if arguments.json:
        print_json({"path": str(path)})
    else:
        note(f"It lies in {path}")
    return 0


def _origin(preset: Preset, presets: Presets) -> str:
    return "yours" if presets.is_own(preset.name) else "shipped"


def _as_json(preset: Preset, presets: Presets) -> dict[str, Any]:
    return {
        "name": preset.name,
        "purpose": preset.purpose,
        "origin": _origin(preset, presets),
        "values": preset.values,
    }
