"""`chatapp models`: list and show."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.engine.catalog import ModelFile
from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import read_header
from chatapp.errors import Refusal
from chatapp.home import Home, short_path
from chatapp.text import display_line


def run(arguments: argparse.Namespace) -> int:
    """One verb on the models."""
    home = open_home(arguments)
    return _list(arguments, home) if arguments.verb == "list" else _show(arguments, home)


def _list(arguments: argparse.Namespace, home: Home) -> int:
    models = home.catalog.models()
    sound = [model for model in models if not model.problem]
    if arguments.json:
        print_json([_as_json(model) for model in sound])
    else:
        print_table(
            [(m.name, m.quantisation, f"{m.size / 1e6:,.0f} MB", f"{m.context:,}", m.source) for m in sound]
        )
    for model in models:
        if model.problem:
            note(f"{short_path(model.path)}: {model.problem}")
    return 0


def _as_json(model: ModelFile) -> dict[str, object]:
    return {
        "name": model.name,
        "path": str(model.path),
        "size": model.size,
        "architecture": model.architecture,
        "quantisation": model.quantisation,
        "context": model.context,
        "source": model.source,
    }


def _show(arguments: argparse.Namespace, home: Home) -> int:
    path = Path(arguments.name).expanduser()
    if not path.exists():
        path = home.model(arguments.name).path
    try:
        header = read_header(path)
    except NotAModel as error:
        raise Refusal("not_a_model", f"{short_path(path)} {error}") from error
    anatomy = {"path": str(path), **dataclasses.asdict(header)}
    anatomy["files"] = [file.path for file in header.files]
    anatomy["head_count_kv"] = max(anatomy.pop("kv_heads"))
    if arguments.json:
        print_json(anatomy)
        return 0
    rows = [(name.replace("_", " "), f"{v:,}" if isinstance(v, int) else str(v)) for name, v in anatomy.items()]
    sys.stdout.write(f"{display_line(header.name)}\n")
    print_table(rows)
    return 0
