"""The files that may be meant by what stands behind an `@`: those of a folder, as git would list them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

MOST = 20_000
"""Files that are listed."""
DEEPEST = 12
SECONDS = 2.0
"""Of looking; a slow disk shows what was found so far."""
_HUGE = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "target", "build", "dist", "vendor"})
_IGNORE_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Found:
    """A file or a folder, as it is written behind the `@`."""

    written: str
    path: Path
    is_folder: bool = False


def listed(folder: Path, deadline: float | None = None) -> list[Found]:
    """The files in and below a folder, the nearer first; hidden, ignored and huge folders are kept out."""
    until = time.monotonic() + SECONDS if deadline is None else deadline
    found: list[Found] = []
    level: list[tuple[Path, str, _Ignored]] = [(folder, "", _Ignored())]
    for _ in range(DEEPEST):
        below: list[tuple[Path, str, _Ignored]] = []
        for path, written, ignored in level:
            if len(found) >= MOST or time.monotonic() > until:
                return found[:MOST]
            here = ignored.within(path, written)
            for entry, is_folder in _entries(path):
                name = f"{written}{entry.name}"
                if entry.name.startswith(".") or here.ignores(f"{name}/" if is_folder else name):
                    continue
                if not is_folder:
                    found.append(Found(name, Path(entry.path)))
                elif entry.name not in _HUGE and not entry.is_symlink():
                    below.append((Path(entry.path), f"{name}/", here))
        level = below
    return found


def inside(typed: str, folder: Path) -> list[Found]:
    """What a folder holds that is written out: `~/…`, `/…` or `../…`; its folders come first."""
    head, slash, last = typed.rpartition("/")
    there = folder / Path(f"{head}{slash}").expanduser()
    entries = [one for one in _entries(there) if last.startswith(".") or not one[0].name.startswith(".")]
    ordered = sorted(entries, key=lambda one: (not one[1], one[0].name.casefold()))
    return [
        Found(f"{head}{slash}{entry.name}{'/' * is_folder}", Path(entry.path), is_folder)
        for entry, is_folder in ordered[:MOST]
    ]


def written_out(typed: str) -> bool:
    """Whether what was typed says itself which folder it means."""
    return typed.startswith(("/", "~/", "./", "../"))


def _entries(folder: Path) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Regular files and folders, by name; a folder that cannot be read has none."""
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir()
            if is_folder or entry.is_file():
                yield entry, is_folder
        except OSError:  # a link that leads in a circle
            continue


class _Ignored:
    """The `.gitignore` files above and in a folder, each for what lies below it."""

    def __init__(self, specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        self._specs = specs

    def within(self, folder: Path, written: str) -> _Ignored:
        """Those of a folder with them."""
        try:
            with (folder / ".gitignore").open("rb") as file:
                lines = file.read(_IGNORE_LIMIT).decode("utf-8", "replace").splitlines()
            return _Ignored((*self._specs, (written, GitIgnoreSpec.from_lines(lines))))
        except (OSError, ValueError):
            return self

    def ignores(self, name: str) -> bool:
        """Whether a name, written from the top, is ignored; the nearest file that says anything decides."""
        for prefix, spec in reversed(self._specs):
            said = spec.check_file(name.removeprefix(prefix)).include
            if said is not None:
                return said
        return False
