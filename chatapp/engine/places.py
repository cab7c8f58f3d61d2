"""Where models lie on a machine: the app's own folder, and those of other programs.

Nothing here opens a model; the folders are only walked, without following links out of them, and only so far. A
`Found` may be anything that a stranger put there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from chatapp.engine.names import later_shard
from chatapp.text import repair

Source = Literal[
    "comes with chatapp",
    "your folder",
    "Hugging Face",
    "LM Studio",
    "Jan",
    "GPT4All",
    "llama.cpp",
    "Ollama",
    "given",
]
"""In the order in which they are listed."""

MAX_DEPTH = 8
MAX_ENTRIES = 50_000
"""Folder entries that are looked at in one place."""
_MAX_MANIFEST = 2**20
_MODEL_LAYER = "application/vnd.ollama.image.model"


@dataclass(frozen=True)
class Found:
    """A file that may be a model, and what its program calls it, where that says more than the file's name."""

    path: Path
    name: str = ""


@dataclass(frozen=True)
class Place:
    """One program's models. Walking may take as long as its disk does."""

    source: Source
    walk: Callable[[], Iterator[Found]]


def elsewhere() -> list[Place]:
    """The places of other programs, by their environment variables or where they are by default."""
    return [
        Place("Hugging Face", _hugging_face),
        Place("LM Studio", _lm_studio),
        Place("Jan", _jan),
        Place("GPT4All", lambda: walk(_data_home() / "nomic.ai" / "GPT4All")),
        Place("llama.cpp", _llama_cpp),
        Place("Ollama", _ollama),
    ]


def walk(*folders: Path) -> Iterator[Found]:
    """The model files under some folders, in the order of their names; later parts of split ones are left out."""
    entries = islice(chain.from_iterable(_files(str(folder), MAX_DEPTH) for folder in folders), MAX_ENTRIES)
    for path in entries:
        if path.name.casefold().endswith(".gguf") and not later_shard(path.name):
            yield Found(path)


def _files(folder: str, depth: int) -> Iterator[Path]:
    """Every entry of a folder that is no folder, then those of its folders; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(islice(entries, MAX_ENTRIES), key=lambda entry: entry.name.casefold())
    except OSError:  # not there, or not ours to read
        return
    folders = []
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.path)
        else:
            yield Path(entry.path)
    if depth:
        for inner in folders:
            yield from _files(inner, depth - 1)


# Programs ---------------------------------------------------------------------------------------------------


def _hugging_face() -> Iterator[Found]:
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    home = os.environ.get("HF_HOME")
    hub = Path(named) if named else Path(home) / "hub" if home else _cache_home() / "huggingface" / "hub"
    for repository in _sorted(hub.expanduser(), "models--*"):
        yield from walk(repository / "snapshots")


def _lm_studio() -> Iterator[Found]:
    homes = [Path.home() / ".lmstudio", Path.home() / ".cache" / "lm-studio"]
    if pointed := _read(Path.home() / ".lmstudio-home-pointer", 4096).strip():
        homes.insert(0, Path(pointed))
    folders = [home / "models" for home in homes]
    for home in homes:
        chosen = _json(home / "settings.json").get("downloadsFolder")
        folders += [Path(chosen)] if isinstance(chosen, str) and chosen else []
    yield from walk(*dict.fromkeys(folders))


def _jan() -> Iterator[Found]:
    data = _data_home() / "Jan" / "data"
    for found in walk(data / "llamacpp" / "models", data / "models", Path.home() / "jan" / "models"):
        # There every file is called model.gguf, in a folder that has its name.
        named = found.path.stem.casefold() == "model"
        yield Found(found.path, found.path.parent.name if named else "")


def _llama_cpp() -> Iterator[Found]:
    named = os.environ.get("LLAMA_CACHE")
    for found in walk(Path(named).expanduser() if named else _cache_home(native=True) / "llama.cpp"):
        _, owner, name = found.path.name.partition("-GGUF_")  # the repository's name stands before the file's
        yield Found(found.path, name if owner else "")


def _ollama() -> Iterator[Found]:
    named = os.environ.get("OLLAMA_MODELS")
    system = [Path("/usr/share/ollama/.ollama/models"), Path("/var/lib/ollama/.ollama/models")]
    for models in [Path(named).expanduser()] if named else [Path.home() / ".ollama" / "models", *system]:
        manifests = models / "manifests"
        for manifest in islice(_files(str(manifests), MAX_DEPTH), MAX_ENTRIES):
            if (blob := _blob(manifest)) is not None:
                yield Found(models / "blobs" / blob, _ollama_name(manifest.relative_to(manifests).parts))


def _blob(manifest: Path) -> str | None:
    """The file that a manifest says holds the weights."""
    layers = _json(manifest).get("layers")
    for layer in layers if isinstance(layers, list) else []:
        if isinstance(layer, dict) and layer.get("mediaType") == _MODEL_LAYER:
            algorithm, _, digest = str(layer.get("digest")).partition(":")
            return f"{algorithm}-{digest}" if algorithm == "sha256" and digest.isalnum() else None
    return None


def _ollama_name(parts: tuple[str, ...]) -> str:
    """As `ollama run` takes it: the registry and the library are left out where they are the usual ones."""
    *path, tag = parts
    if path[:1] == ["registry.ollama.ai"]:
        path = path[1:]
    if path[:1] == ["library"]:
        path = path[1:]
    return repair(f"{'/'.join(path)}:{tag}")


# Folders ----------------------------------------------------------------------------------------------------


def _cache_home(*, native: bool = False) -> Path:
    """Where caches lie; `native` asks for the platform's own folder, which some programs do not use."""
    if native and sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _data_home() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _sorted(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(islice(folder.glob(pattern), MAX_ENTRIES))
    except OSError:
        return []


def _json(path: Path) -> dict[str, object]:
    """A JSON object from a file of another program; empty where there is none."""
    try:
        value = json.loads(_read(path, _MAX_MANIFEST))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read(path: Path, most: int) -> str:
    """The text of a regular file, if it is not too long; a FIFO would keep us waiting."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            return ""
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
