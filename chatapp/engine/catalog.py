"""The models on this machine: the embedded one, those in the app's folder, and those that were named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatapp.engine.embedded import embedded_model
from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import read_header
from chatapp.engine.names import good_name, later_shard

Source = Literal["comes with chatapp", "your folder", "given"]


class ModelNotFound(Exception):  # noqa: N818 - it names what happened
    """No model that can be used goes by that name; the message is a sentence for people."""


@dataclass(frozen=True)
class ModelFile:
    """A model file as its header describes it; one with a `problem` has only name and path."""

    name: str
    path: Path
    size: int
    """Bytes."""
    architecture: str
    quantisation: str
    context: int
    """Tokens that the model was trained for; 0 where it does not say."""
    source: Source
    problem: str = ""
    """Why it cannot be used, to be read after the file's name: "is empty."."""


def find_models(models_dir: Path, extra: Sequence[Path] = ()) -> list[ModelFile]:
    """All models, the embedded one first, then the app's folder in the order of names, then those given."""
    found: dict[Path, ModelFile] = {}
    for path in _candidates(models_dir, extra):
        real = Path(os.path.realpath(path))
        if real not in found:
            found[real] = _describe(path, models_dir)
    return list(found.values())


def resolve(name_or_path: str | Path, models_dir: Path, extra: Sequence[Path] = ()) -> ModelFile:
    """The model that is meant by a path, a file name, or the beginning of a name, whatever its capitals.

    Raises:
        ModelNotFound: when there is none, or more than one, or the one there is cannot be used.
    """
    wanted = str(name_or_path).strip()
    path = Path(wanted).expanduser()
    if path.is_file() or path.is_absolute() or len(path.parts) > 1:
        return _usable(_describe(Path(os.path.abspath(path)), models_dir))  # noqa: PTH100 - keeps symlinks
    models = find_models(models_dir, extra)
    matches = _matches(wanted, models)
    if len(matches) == 1:
        return _usable(matches[0])
    if matches:
        names = ", ".join(f"{m.name} ({m.path.name})" for m in matches)
        raise ModelNotFound(f"‘{wanted}’ may be several models: {names}. Give the file's name.")
    there = ", ".join(m.name for m in models if not m.problem) or "none yet"
    raise ModelNotFound(f"There is no model ‘{wanted}’. The models there are: {there}.")


def _matches(wanted: str, models: Sequence[ModelFile]) -> list[ModelFile]:
    """The models that a name means: by file name or whole name if any is, else by the beginning of the name."""
    for means in (_is_file_name, _is_name, _begins_name):
        if matches := [model for model in models if means(model, wanted.casefold())]:
            return matches
    return []


def _is_file_name(model: ModelFile, wanted: str) -> bool:
    return model.path.name.casefold() in {wanted, f"{wanted}.gguf"}


def _is_name(model: ModelFile, wanted: str) -> bool:
    name = model.name.casefold()
    return _spaced(wanted) in {name, f"{name} {_spaced(model.quantisation.casefold())}"}


def _begins_name(model: ModelFile, wanted: str) -> bool:
    full = f"{model.name} {_spaced(model.quantisation)}".casefold()
    return bool(wanted) and full.startswith(_spaced(wanted))


def _spaced(text: str) -> str:
    return " ".join(text.replace("-", " ").replace("_", " ").split())


def _candidates(models_dir: Path, extra: Sequence[Path]) -> Iterator[Path]:
    if (embedded := embedded_model(models_dir)) is not None:
        yield embedded
    for path in sorted(models_dir.rglob("*"), key=lambda path: path.name.casefold()):
        if path.suffix.casefold() == ".gguf" and not later_shard(path.name):
            yield path
    yield from extra


def _describe(path: Path, models_dir: Path) -> ModelFile:
    source = _source(path, models_dir)
    try:
        header = read_header(path)
    except NotAModel as error:
        return ModelFile(good_name(path.name), path, 0, "", "", 0, source, problem=str(error))
    return ModelFile(
        header.name,
        path,
        header.size,
        header.architecture,
        header.quantisation,
        header.context_length,
        source,
    )


def _source(path: Path, models_dir: Path) -> Source:
    if path == embedded_model(models_dir):
        return "comes with chatapp"
    return "your folder" if path.is_relative_to(models_dir) else "given"


def _usable(model: ModelFile) -> ModelFile:
    if model.problem:
        raise ModelNotFound(f"{model.path} {model.problem}")
    return model
