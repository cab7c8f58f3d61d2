"""The models on this machine: the embedded one, those in the app's folder, and those of other programs.

Each place is looked at by a thread of its own, and none is waited for longer than `PATIENCE`: the disk behind it
may have gone away.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from chatapp.engine.embedded import embedded_model
from chatapp.engine.gguf import NotAModel, PartOfAModel
from chatapp.engine.header import Header
from chatapp.engine.headers import Headers
from chatapp.engine.names import good_name
from chatapp.engine.places import Found, Place, Source, elsewhere, walk

PATIENCE = 10.0
"""Seconds without a word from any place after which those that have not ended are given up."""
_WHILE = 0.1
_RANK = {source: rank for rank, source in enumerate(get_args(Source))}
_OURS = {"comes with chatapp", "your folder", "given"}


class ModelNotFound(Exception):  # noqa: N818 - it names what happened
    """No model that can be used goes by that name; the message is a sentence for people."""


@dataclass(frozen=True)
class ModelFile:
    """A model file as its header describes it; one with a `problem` has only name and path."""

    name: str
    path: Path
    size: int
    """Bytes, of all its files."""
    architecture: str
    quantisation: str
    context: int
    """Tokens that the model was trained for; 0 where it does not say."""
    source: Source
    problem: str = ""
    """Why it cannot be used, to be read after the file's name: "is empty."."""
    header: Header | None = None
    copies: tuple[Path, ...] = ()
    """Where the very same model lies as well."""
    other_names: tuple[str, ...] = ()
    """What it is called there, if something else."""


class Catalog:
    """Finds models, and remembers their headers."""

    def __init__(
        self,
        models_dir: Path,
        headers: Headers | None = None,
        places: Callable[[], list[Place]] = elsewhere,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            models_dir: The app's folder for models.
            headers: What was read of headers before.
            places: Those of other programs.
        """
        self._models_dir = models_dir
        self._headers = headers or Headers(None)
        self._places = places

    def models(self, extra: Sequence[Path] = ()) -> list[ModelFile]:
        """All models, each once: the embedded one, the app's folder, other programs, and those given."""
        return self.arrange(model for model in self.scan(extra) if model is not None)

    def scan(self, extra: Sequence[Path] = ()) -> Iterator[ModelFile | None]:
        """Every file that may be a model, as it is found, be it twice; None when none came for a while."""
        heard: queue.SimpleQueue[tuple[Source, ModelFile | None]] = queue.SimpleQueue()
        places = [
            Place("comes with chatapp", self._embedded),
            Place("your folder", lambda: walk(self._models_dir)),
            *self._places(),
            Place("given", lambda: map(Found, extra)),
        ]
        for place in places:
            threading.Thread(target=self._look, args=(place, heard.put), daemon=True).start()
        silent = {place.source for place in places}
        last = time.monotonic()
        while silent:
            try:
                source, model = heard.get(timeout=_WHILE)
            except queue.Empty:
                if time.monotonic() - last > PATIENCE:
                    yield from (
                        _broken(Path(one), one, "does not answer; its disk may be gone.") for one in silent
                    )
                    return
                yield None
                continue
            last = time.monotonic()
            if model is None:
                silent.remove(source)
            else:
                yield model

    def arrange(self, models: Iterable[ModelFile]) -> list[ModelFile]:
        """In the order of places and names, each model once, with where else it lies; keeps what was read."""
        kept: dict[object, ModelFile] = {}
        by_size: dict[int, list[object]] = {}
        for one in sorted(models, key=lambda one: (_RANK[one.source], one.name.casefold(), str(one.path))):
            key = _inodes(one)
            if key not in kept:
                key = next((other for other in by_size.get(one.size, ()) if self._same(kept[other], one)), key)
            if key in kept:
                kept[key] = _with_copy(kept[key], one)
            else:
                kept[key] = one
                by_size.setdefault(one.size, []).append(key)
        with suppress(OSError):  # then it is read again next time
            self._headers.save()
        return list(kept.values())

    def describe(self, path: Path) -> ModelFile:
        """One file, wherever it lies."""
        if path == embedded_model(self._models_dir):
            return self._described(Found(path), "comes with chatapp")
        ours = path.is_relative_to(self._models_dir)
        return self._described(Found(path), "your folder" if ours else "given")

    def resolve(self, name_or_path: str | Path) -> ModelFile:
        """The model that is meant by a path, a file name, or the beginning of a name, whatever its capitals.

        Raises:
            ModelNotFound: when there is none, or more than one, or the one there is cannot be used.
        """
        wanted = str(name_or_path).strip()
        path = Path(wanted).expanduser()
        if path.is_file() or path.is_absolute() or (len(path.parts) > 1 and path.suffix.casefold() == ".gguf"):
            return _usable(self.describe(path.absolute()))
        models = self.models()
        matches = _matches(wanted, models)
        if len(matches) == 1:
            return _usable(matches[0])
        if matches:
            names = ", ".join(f"{m.name} ({m.path.name})" for m in matches)
            raise ModelNotFound(f"‘{wanted}’ may be several models: {names}. Give the file's name.")
        if len(path.parts) > 1:
            return _usable(self.describe(path.absolute()))
        there = ", ".join(m.name for m in models if not m.problem) or "none yet"
        raise ModelNotFound(f"There is no model ‘{wanted}’. The models there are: {there}.")

    def _embedded(self) -> Iterator[Found]:
        if (path := embedded_model(self._models_dir)) is not None:
            yield Found(path)

    def _look(self, place: Place, tell: Callable[[tuple[Source, ModelFile | None]], None]) -> None:
        try:
            for found in place.walk():
                if (model := self._worth_telling(found, place.source)) is not None:
                    tell((place.source, model))
        except OSError as error:
            reason = f"cannot be looked at ({error.strerror})."
            tell((place.source, _broken(Path(place.source), place.source, reason)))
        finally:
            tell((place.source, None))

    def _worth_telling(self, found: Found, source: Source) -> ModelFile | None:
        """In other programs' folders, what is no model by itself is nobody's concern."""
        try:
            self._headers.read(found.path)
        except PartOfAModel:
            if source not in _OURS:
                return None
        except NotAModel:
            pass
        return self._described(found, source)

    def _described(self, found: Found, source: Source) -> ModelFile:
        name = found.name
        try:
            header = self._headers.read(found.path)
        except NotAModel as error:
            return replace(_broken(found.path, source, str(error)), name=name or good_name(found.path.name))
        if found.name.casefold().endswith(".gguf"):
            name = good_name(found.name, header.name)
        return ModelFile(
            name=name or header.name,
            path=found.path,
            size=header.size,
            architecture=header.architecture,
            quantisation=header.quantisation,
            context=header.context_length,
            source=source,
            header=header,
        )

    def _same(self, one: ModelFile, other: ModelFile) -> bool:
        """Whether two files of one size have the same bytes, as far as samples tell."""
        if one.header is None or other.header is None or one.header.parameters != other.header.parameters:
            return False
        try:
            return self._headers.fingerprint(one.path) == self._headers.fingerprint(other.path)
        except OSError:
            return False


def _broken(path: Path, source: Source, problem: str) -> ModelFile:
    return ModelFile(str(path), path, 0, "", "", 0, source, problem=problem)


def _inodes(model: ModelFile) -> object:
    """What is the same of two paths to one file; a broken one is only itself."""
    if model.header is None:
        return model.path
    return tuple((file.device, file.inode) for file in model.header.files)


def _with_copy(kept: ModelFile, copy: ModelFile) -> ModelFile:
    names = kept.other_names if copy.name in (kept.name, *kept.other_names) else (*kept.other_names, copy.name)
    paths = kept.copies if copy.path in (kept.path, *kept.copies) else (*kept.copies, copy.path)
    return replace(kept, copies=paths, other_names=names)


def _matches(wanted: str, models: Sequence[ModelFile]) -> list[ModelFile]:
    """The models that a name means: by file name or whole name if any is, else by the beginning of the name."""
    for means in (_is_file_name, _is_name, _begins_name):
        if matches := [model for model in models if means(model, wanted.casefold())]:
            return matches
    return []


def _is_file_name(model: ModelFile, wanted: str) -> bool:
    return any(path.name.casefold() in {wanted, f"{wanted}.gguf"} for path in (model.path, *model.copies))


def _is_name(model: ModelFile, wanted: str) -> bool:
    spaced = _spaced(wanted)
    names = {name for one in (model.name, *model.other_names) for name in (one.casefold(), _full(one, model))}
    return spaced in names or wanted in names


def _begins_name(model: ModelFile, wanted: str) -> bool:
    names = (model.name, *model.other_names)
    return bool(wanted) and any(_full(name, model).startswith(_spaced(wanted)) for name in names)


def _full(name: str, model: ModelFile) -> str:
    return f"{name} {_spaced(model.quantisation)}".casefold()


def _spaced(text: str) -> str:
    return " ".join(text.replace("-", " ").replace("_", " ").split())


def _usable(model: ModelFile) -> ModelFile:
    if model.problem:
        raise ModelNotFound(f"{model.path} {model.problem}")
    return model
