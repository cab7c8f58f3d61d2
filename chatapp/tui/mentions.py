"""What stands behind an `@` in what is being written, which files fit it, and paths that are pasted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from chatapp.files.listing import Found, inside, listed, written_out
from chatapp.tui.matching import match

OFFERED = 6
_MENTION = re.compile(r"(?:^|(?<=[\s(]))@(?:\"([^\"\n]*)|([^\s\"]*))$")
_PATH = re.compile(r"(?:file://)?(?:/|~/)[^\n]*")
_LONGEST_PATH = 4096


@dataclass(frozen=True)
class Mention:
    """An `@` with what follows it, up to the caret."""

    typed: str
    length: int
    """Characters with the `@` and a quote."""


def mention_in(before: str) -> Mention | None:
    """The mention that ends where the caret stands, if there is one in the line before it."""
    found = _MENTION.search(before)
    if found is None:
        return None
    return Mention(found[2] if found[1] is None else found[1], len(before) - found.start())


def pasted_path(text: str) -> str:
    """The path that a paste is, quoted or with backslashes as terminals drop files; empty where it is text."""
    plain = text.strip()
    if len(plain) > _LONGEST_PATH or "\n" in plain:
        return ""
    if len(plain) > 2 and plain[0] in "'\"" and plain[-1] == plain[0]:
        plain = plain[1:-1]
    elif "\\ " in plain:
        plain = re.sub(r"\\(.)", r"\1", plain)
    if not _PATH.fullmatch(plain):
        return ""
    return unquote(plain.removeprefix("file://")) if plain.startswith("file://") else plain


class Finder:
    """Finds the files that fit a mention; what lies in the folder is listed once for each mention."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: list[Found] | None = None

    def forget(self) -> None:
        """List the folder anew for the next mention."""
        self._listed = None

    def fitting(self, typed: str) -> list[Found]:
        """The files that fit best; reads the disk, so call it in a thread."""
        if written_out(typed):
            last = typed.rpartition("/")[2]
            return _best(last, inside(typed, self._folder))
        if self._listed is None:
            self._listed = listed(self._folder)
        return _best(typed, self._listed)


def _best(typed: str, found: list[Found]) -> list[Found]:
    if not typed:
        return found[:OFFERED]
    scored: list[tuple[int, int, Found]] = []
    for place, one in enumerate(found):
        name = one.written.rstrip("/").rpartition("/")[2]
        if fits := match(typed, name, one.written):
            scored.append((-fits.score, place, one))
    return [one for _, _, one in sorted(scored, key=lambda row: row[:2])[:OFFERED]]
