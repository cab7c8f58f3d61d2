"""The user's own sampling presets: a folder of TOML files, each with a name, a purpose and values.

    name = "Noir"
    purpose = "short, dark, dry"

    [values]
    temperature = 0.7
    min-p = 0.08

A file that cannot be used is listed with what is wrong with it, and never stands in the way of the others.
Nothing is erased: what is deleted lies in the folder `trash` beside the files.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from chatapp.config import write_private
from chatapp.conversation.sampling import SHIPPED, Preset, Presets, SamplingSettings, checked
from chatapp.conversation.sampling.presets import NAME_LENGTH, PURPOSE_LENGTH
from chatapp.errors import Refusal
from chatapp.text import repair

LIMIT = 256 * 1024
"""The largest file, in bytes."""
_SLUG_BYTES = 80
_KEYS = ("name", "purpose", "values")


class BrokenPreset(Exception):  # noqa: N818  it reads as a sentence where it is caught
    """A file that cannot be used as a preset; the message says why, and names the line where one is to blame."""


@dataclass(frozen=True)
class ListedPreset:
    """A file of the folder: the preset in it, or what is wrong with it."""

    path: Path
    preset: Preset | None = None
    problem: str = ""


class PresetFolder:
    """The user's own presets, read whenever they are asked for, so that an edit counts at once."""

    def __init__(self, path: Path) -> None:
        """Look in this folder; it may be missing, and is made by the first preset that is saved."""
        self.path = path

    def list(self) -> list[ListedPreset]:
        """The files by name. A preset's name is in use only once: of two files the first is used."""
        try:
            paths = sorted(path for path in self.path.iterdir() if path.suffix == ".toml" and path.name[0] != ".")
        except FileNotFoundError:
            return []
        except OSError as error:
            return [ListedPreset(self.path, problem=f"the folder cannot be read ({error.strerror})")]
        first: dict[str, Path] = {}
        return [_unless_taken(one, first) for one in map(_listed, paths)]

    def all(self) -> Presets:
        """The shipped presets and the user's own."""
        own = (one.preset for one in self.list() if one.preset)
        return Presets(tuple(sorted(own, key=lambda preset: preset.name.casefold())))

    def save(self, preset: Preset) -> Path:
        """Write a preset, over the user's own one of that name where there is one.

        Raises:
            Refusal: when the disk refuses.
        """
        path = self._file_of(preset.name) or _free_in(self.path, _slug(preset.name))
        document = {"name": preset.name, "purpose": preset.purpose, "values": _plain(preset.values)}
        try:
            write_private(path, tomli_w.dumps(document, multiline_strings=True))
        except OSError as error:
            raise Refusal("preset", f"{path.name} cannot be written ({error.strerror}).") from error
        return path

    def rename(self, old: str, new: str) -> Preset:
        """Give one of the user's own presets another name.

        Raises:
            Refusal: when there is no own preset of the old name, or one of the new.
        """
        path, preset = self._own(old)
        if not preset.called(new) and self._file_of(new):
            raise Refusal("preset", f"There is a preset called ‘{new}’ already.")
        renamed = Preset(new, preset.purpose, preset.values)
        if self.save(renamed) != path:
            path.unlink(missing_ok=True)
        return renamed

    def delete(self, name: str) -> Path:
        """Move one of the user's own presets into the trash; returns where it lies then.

        Raises:
            Refusal: when there is none of that name, or the disk refuses.
        """
        return self._to_trash(self._own(name)[0])

    def _own(self, name: str) -> tuple[Path, Preset]:
        for one in self.list():
            if one.preset and one.preset.called(name):
                return one.path, one.preset
        why = "it ships with the app" if SHIPPED.get(name) else "there is none of that name"
        raise Refusal("preset", f"‘{name}’ is no preset of your own: {why}.")

    def _file_of(self, name: str) -> Path | None:
        return next((one.path for one in self.list() if one.preset and one.preset.called(name)), None)

    def _to_trash(self, path: Path) -> Path:
        trash = self.path / "trash"
        try:
            trash.mkdir(mode=0o700, parents=True, exist_ok=True)
            return path.rename(_free_in(trash, path.stem))
        except OSError as error:
            raise Refusal("preset", f"{path.name} cannot be moved ({error.strerror}).") from error


def _free_in(folder: Path, stem: str) -> Path:
    names = [stem, *(f"{stem}-{number}" for number in range(2, 10_000))]
    return next(path for name in names if not (path := folder / f"{name}.toml").exists())


def _slug(name: str) -> str:
    """Letters, digits and dashes only: nothing that means anything to a file system gets into a file name."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", name).casefold())
    return words.encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-") or "preset"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """The values as TOML has them: lists for tuples, and no null, which it lacks."""
    return {name: _listed_out(value) for name, value in values.items() if value is not None}


def _listed_out(value: Any) -> Any:
    return [_listed_out(one) for one in value] if isinstance(value, tuple | list) else value


# Reading ----------------------------------------------------------------------------------------------------


def _listed(path: Path) -> ListedPreset:
    try:
        return ListedPreset(path, parse(_read(path), path.stem))
    except OSError as error:
        return ListedPreset(path, problem=f"the file cannot be read ({error.strerror})")
    except BrokenPreset as error:
        return ListedPreset(path, problem=str(error))


def _unless_taken(one: ListedPreset, first: dict[str, Path]) -> ListedPreset:
    if one.preset is None:
        return one
    used = first.setdefault(one.preset.name.casefold(), one.path)
    if used == one.path:
        return one
    return ListedPreset(one.path, problem=f"‘{one.preset.name}’ is already the name in {repair(used.name)}")


def _read(path: Path) -> bytes:
    # A named pipe would wait for its writer for ever: it is opened without waiting, and refused.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BrokenPreset("this is not a file")
        return file.read(LIMIT + 1)


def parse(data: bytes, stem: str) -> Preset:
    """The preset that a file's bytes describe; the file's own name serves where none is given.

    Raises:
        BrokenPreset: with a sentence, and the line where one is to blame.
    """
    if len(data) > LIMIT:
        raise BrokenPreset(f"the file is larger than {LIMIT // 1024} KB")
    try:
        text = repair(data.decode("utf-8-sig"))
        said = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BrokenPreset(f"line {line}: this is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BrokenPreset(f"this is not TOML: {error}"[:200]) from None
    for key in said:
        if key not in _KEYS:
            hint = (
                "it belongs under [values]"
                if _setting(key) in SamplingSettings.model_fields
                else f"there are {', '.join(_KEYS)}"
            )
            raise BrokenPreset(f"{_line(text, key)}‘{key[:60]}’ is not understood; {hint}")
    name = _one_line(said.get("name", repair(stem)), "name", NAME_LENGTH, text)
    if not name:
        raise BrokenPreset(f"{_line(text, 'name')}‘name’ is empty")
    purpose = _one_line(said.get("purpose", ""), "purpose", PURPOSE_LENGTH, text)
    return Preset(name, purpose, _values(said.get("values", {}), text))


def _one_line(value: object, key: str, limit: int, text: str) -> str:
    if not isinstance(value, str):
        raise BrokenPreset(f"{_line(text, key)}‘{key}’ is not text")
    line = " ".join(value.split())
    if len(line) > limit:
        raise BrokenPreset(f"{_line(text, key)}‘{key}’ is longer than {limit} characters")
    return line


def _values(said: object, text: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise BrokenPreset(f"{_line(text, 'values')}‘values’ is not a table")
    values: dict[str, Any] = {}
    for written, value in said.items():
        if isinstance(value, bool):
            raise BrokenPreset(f"{_line(text, written)}‘{written[:60]}’ is neither on nor off: it takes a value")
        try:
            values[_setting(written)] = checked(_setting(written), value)
        except ValueError as error:
            raise BrokenPreset(f"{_line(text, written)}{error}"[:300]) from None
    return values


def _setting(written: str) -> str:
    return written.replace("-", "_").replace(" ", "_")


def _line(text: str, key: str) -> str:
    """Where a key stands, to put before a sentence; nothing where it is written in a way that hides it."""
    found = re.search(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=", text, re.MULTILINE)
    return f"line {text.count(chr(10), 0, found.start()) + 1}: " if found else ""
