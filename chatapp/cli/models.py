"""`chatapp models`: list, show, add, fetch, choose the default."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from chatapp.cli.opening import open_home
from chatapp.cli.output import note, print_json, print_table
from chatapp.config import SettingsError, save_setting
from chatapp.engine.catalog import ModelFile
from chatapp.engine.fit import memory_size
from chatapp.engine.header import Header, advice
from chatapp.engine.hub import HubError, pull
from chatapp.errors import Refusal
from chatapp.home import Home, short_path
from chatapp.loading import plan_load
from chatapp.text import display_line


def run(arguments: argparse.Namespace) -> int:
    """One verb on the models."""
    home = open_home(arguments)
    verbs = {"list": _list, "show": _show, "add": _add, "default": _default, "pull": _pull}
    return verbs[arguments.verb](arguments, home)


def _list(arguments: argparse.Namespace, home: Home) -> int:
    models = home.catalog.models()
    sound = [model for model in models if not model.problem]
    if arguments.json:
        print_json([_as_json(model, home) for model in sound])
    else:
        print_table([(m.name, m.quantisation, memory_size(m.size), f"{m.context:,}", m.source) for m in sound])
    for model in models:
        if model.problem:
            note(f"{short_path(model.path)}: {model.problem}")
    return 0


def _as_json(model: ModelFile, home: Home) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": str(model.path),
        "size": model.size,
        "architecture": model.architecture,
        "quantisation": model.quantisation,
        "context": model.context,
        "source": model.source,
        "copies": [str(path) for path in model.copies],
        "tokens_per_s": home.experience.of(model.path, model.size).tokens_per_s or None,
    }


# One model --------------------------------------------------------------------------------------------------


def _show(arguments: argparse.Namespace, home: Home) -> int:
    model, header = _sound(arguments.name, home)
    anatomy = _anatomy(header)
    memory = _memory(model, home)
    told = advice(model.quantisation)
    if arguments.json:
        print_json({**_as_json(model, home), **anatomy, "memory": memory, "advice": told or None})
        return 0
    rows = [(name.replace("_", " "), _readable(value)) for name, value in anatomy.items()]
    sys.stdout.write(f"{display_line(model.name)}\n")
    print_table([("path", str(model.path)), ("size", memory_size(model.size)), *rows])
    sys.stdout.write(f"\nMemory for a context of {memory['n_ctx']:,} tokens: {memory['verdict']}\n")
    print_table([(name, memory_size(memory[name])) for name in ("weights", "cache", "compute", "engine")])
    if memory["measured"]:
        sys.stdout.write(f"When it was loaded last it held {memory_size(memory['measured']['resident'])}.\n")
    if memory["ways"]:
        sys.stdout.write(f"What would help: {', '.join(memory['ways'])}.\n")
    if told:
        sys.stdout.write(f"\n{told}\n")
    return 0


def _sound(name: str, home: Home) -> tuple[ModelFile, Header]:
    path = Path(name).expanduser()
    model = home.catalog.describe(path.absolute()) if path.exists() else home.model(name)
    if model.header is None:
        raise Refusal("not_a_model", f"{short_path(model.path)} {model.problem}")
    return model, model.header


def _anatomy(header: Header) -> dict[str, Any]:
    anatomy = dataclasses.asdict(header)
    anatomy["files"] = [file.path for file in header.files]
    anatomy["head_count_kv"] = max(anatomy.pop("kv_heads"))
    return {name: value for name, value in anatomy.items() if name not in {"name", "size"}}


def _readable(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _memory(model: ModelFile, home: Home) -> dict[str, Any]:
    """The estimate, term by term, beside what is available and what was measured."""
    fitted = plan_load(home, model).fit
    assert fitted is not None  # noqa: S101 - a model with a header has one
    measured = home.experience.of(model.path, model.size).memory
    return {
        "n_ctx": fitted.n_ctx,
        **dataclasses.asdict(fitted.need),
        "total": fitted.need.total,
        "available": fitted.available,
        "fits": fitted.fits,
        "verdict": fitted.verdict,
        "ways": list(fitted.ways),
        "measured": measured.model_dump() if measured else None,
    }


# Changes ----------------------------------------------------------------------------------------------------


def _add(arguments: argparse.Namespace, home: Home) -> int:
    model, header = _sound(arguments.path, home)
    added = [_added(Path(file.path), model, home, copy=arguments.copy) for file in header.files]
    if arguments.json:
        print_json({"name": model.name, "path": str(added[0]), "copied": arguments.copy})
    else:
        how = "copied to" if arguments.copy else "linked from"
        sys.stdout.write(f"{display_line(model.name)} is {how} {display_line(short_path(added[0]))}\n")
    return 0


def _added(file: Path, model: ModelFile, home: Home, *, copy: bool) -> Path:
    """One file of a model, in the models folder; a blob without a name of its own gets the model's."""
    name = file.name if file.name.casefold().endswith(".gguf") else f"{model.name.replace('/', ' ')}.gguf"
    place = home.paths.models / name
    try:
        if place.exists() and place.samefile(file):
            return place
        if place.is_symlink() or place.exists():
            raise Refusal("exists", f"There is another {name} in {short_path(place.parent)}; nothing was changed.")
        if copy:
            _copy(file, place)
        else:
            place.symlink_to(file.resolve())
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal("models", f"{name} could not be added ({reason}); nothing was changed.") from error
    return place


def _copy(file: Path, place: Path) -> None:
    """Copy to a name that is no model's, and take the true one when all is there."""
    part = place.with_name(f".{place.name}.part")
    try:
        shutil.copyfile(file, part)
        with part.open("rb+") as copied:
            os.fsync(copied.fileno())
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _pull(arguments: argparse.Namespace, home: Home) -> int:
    try:
        path = pull(arguments.model, home.paths.models)
    except HubError as error:
        raise Refusal("hub", str(error)) from error
    model = home.catalog.describe(path)
    if arguments.json:
        print_json({"name": model.name, "path": str(path), "size": model.size})
    else:
        sys.stdout.write(f"{display_line(model.name)} is in {display_line(short_path(path))}\n")
    return 0


def _default(arguments: argparse.Namespace, home: Home) -> int:
    model, _ = _sound(arguments.name, home)
    embedded = model.source == "comes with chatapp"  # the default of the default, wherever it is installed next
    try:
        save_setting(home.paths.settings, "model", "" if embedded else str(model.path))
    except (SettingsError, OSError) as error:
        raise Refusal("settings", str(error)) from error
    if arguments.json:
        print_json({"name": model.name, "path": str(model.path)})
    else:
        sys.stdout.write(f"chatapp starts with {display_line(model.name)} from now on.\n")
    return 0
