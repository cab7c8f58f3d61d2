"""The personas there are: those that ship with the app, and the user's own, which win by name.

Files are read when they are asked for, so that an edit counts at once. A file that cannot be used is listed with
what is wrong with it, and never stands in the way of the others.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatapp.conversation.persona import Persona, PersonaOrigin
from chatapp.conversation.sampling import SHIPPED, Presets
from chatapp.personas.file import LIMIT, BrokenPersona, parse
from chatapp.text import repair

_TALKS = ("assistant", "tutor", "writer", "completion", "code")
_TASKS = (
    *("translator", "summariser", "analyst", "sentiment", "entities"),
    *("letter", "invoice", "rephraser", "questions"),
)
_ORDER = (*_TALKS, *_TASKS)
"""The shipped files, as they are listed; the first is the default."""


class NoSuchPersona(Exception):  # noqa: N818  it reads as a sentence where it is caught
    """No usable persona of that name; the message says what there is instead, or what is wrong with the file."""


@dataclass(frozen=True)
class Listed:
    """A file of the library: the persona in it, or what is wrong with it (then named by its file)."""

    name: str
    description: str
    origin: PersonaOrigin
    path: Path
    persona: Persona | None = None
    problem: str = ""


def shipped_folder() -> Path:
    """The folder of the personas that ship: in the package of a wheel, beside it in a source checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "prompts"
    return inside if inside.is_dir() else package.parent / "prompts"


def read_persona(path: Path, presets: Presets = SHIPPED) -> Persona:
    """Read one persona file, which may name one of these presets.

    Raises:
        BrokenPersona: when the file cannot be read, or cannot be used.
    """
    try:
        return parse(read_bytes(path), path, presets)
    except OSError as error:
        raise BrokenPersona(path, None, f"the file cannot be read ({error.strerror})") from error


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """At most one byte more than a persona may have, or than so many."""
    # A named pipe would wait for its writer for ever: it is opened without waiting, and refused.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BrokenPersona(path, None, "this is not a file")
        return file.read(limit + 1)


class Library:
    """The shipped personas and the user's own."""

    def __init__(self, shipped: Path, yours: Path, presets: Callable[[], Presets] = lambda: SHIPPED) -> None:
        """Look in these two folders, either of which may be missing; `presets` reads those that there are now."""
        self.shipped = shipped
        self.yours = yours
        self._presets = presets

    def list(self) -> list[Listed]:
        """All of them: the shipped ones in their order, then the user's by name. A name is in use only once."""
        presets = self._presets()
        yours = _in_use_once(_folder(self.yours, "yours", presets))
        taken = {one.name.casefold() for one in yours if one.persona}
        shipped = [one for one in _folder(self.shipped, "shipped", presets) if one.name.casefold() not in taken]
        return sorted(shipped, key=_shipped_rank) + sorted(yours, key=lambda one: one.name.casefold())

    def read_again(self, one: Listed) -> Listed:
        """The same file as it is now."""
        return _listed(one.path, one.origin, self._presets())

    def get(self, name: str) -> Persona:
        """The persona of that name, whatever its capitals; the file's name will do as well.

        Raises:
            NoSuchPersona: with a sentence for people.
        """
        listed = self.list()
        wanted = name.strip().casefold()
        for one in sorted(listed, key=lambda one: one.name.casefold() != wanted):
            if wanted not in {one.name.casefold(), one.path.name.casefold(), one.path.stem.casefold()}:
                continue
            if one.persona is None:
                raise NoSuchPersona(f"{repair(one.path.name)} cannot be used: {one.problem}.")
            return one.persona
        raise NoSuchPersona(_instead(name, [one.name for one in listed if one.persona]))


def _folder(folder: Path, origin: PersonaOrigin, presets: Presets) -> list[Listed]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".md" and path.name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = f"the folder cannot be read ({error.strerror})"
        return [Listed(repair(folder.name), "", origin, folder, problem=problem)]
    return [_listed(path, origin, presets) for path in files]


def _listed(path: Path, origin: PersonaOrigin, presets: Presets) -> Listed:
    try:
        persona = read_persona(path, presets)
    except BrokenPersona as error:
        return Listed(repair(path.name), "", origin, path, problem=str(error))
    return Listed(persona.name, persona.description, origin, path, persona)


def _in_use_once(listed: list[Listed]) -> list[Listed]:
    """Of files with the same name the first is used; the others say so."""
    first: dict[str, Path] = {}
    return [_unless_taken(one, first.setdefault(one.name.casefold(), one.path)) for one in listed]


def _unless_taken(one: Listed, used: Path) -> Listed:
    if one.path == used or one.persona is None:
        return one
    problem = f"‘{one.name}’ is already the name in {repair(used.name)}"
    return Listed(repair(one.path.name), "", one.origin, one.path, problem=problem)


def _shipped_rank(one: Listed) -> tuple[int, str]:
    stem = one.path.stem
    return (_ORDER.index(stem) if stem in _ORDER else len(_ORDER), one.name.casefold())


def _instead(name: str, names: list[str]) -> str:
    by_folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name[:100].casefold(), list(by_folded), n=3)
    hint = f"Nearest: {', '.join(by_folded[one] for one in near)}." if near else f"There are {', '.join(names)}."
    return f"There is no persona called ‘{repair(name)}’. {hint if names else 'There are none.'}"
