"""What the model may know about the person: a Markdown file of one entry a line, and its place in a prompt.

An entry is a line that begins with `- `, and may end with where it comes from: `(2026-11-24, you)`. Whatever else
is in the file is the person's own, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chatapp.text import repair

ENTRY_LIMIT = 500
"""Characters of an entry; what is longer is a note."""
HEAD = "What you know about the user, from earlier conversations:"
"""What the model reads before the entries."""
NEW_FILE = """# Memory

What chatapp tells the model about you when a session begins, one line an entry. It is yours: edit it as you like.

"""
_ENTRY = re.compile(r"^[-*] +(?P<text>.*?)(?: +\((?P<day>\d{4}-\d{2}-\d{2})(?:, (?P<source>[^()]*))?\))? *$")


@dataclass(frozen=True)
class Entry:
    """An entry, with the number of its line, from 0, and where it comes from as far as the line says it."""

    line: int
    text: str
    day: date | None = None
    source: str = ""


def entries(document: str) -> list[Entry]:
    """The entries of a memory file, in their order."""
    found = []
    for number, line in enumerate(repair(document).split("\n")):
        match = _ENTRY.match(line)
        if match and match["text"]:
            found.append(Entry(number, match["text"][:ENTRY_LIMIT], _day(match["day"]), match["source"] or ""))
    return found


def with_entry(document: str, text: str, day: date, source: str) -> str:
    """The file with one more entry at its end.

    Raises:
        ValueError: when there is no text, or too much of it.
    """
    said = " ".join(repair(text).split())
    if not said:
        raise ValueError("There is nothing to remember.")
    if len(said) > ENTRY_LIMIT:
        raise ValueError(f"An entry has at most {ENTRY_LIMIT} characters; this has {len(said):,}. Shorten it.")
    source = " ".join(repair(source).split()).replace("(", "").replace(")", "")[:80]
    before = document or NEW_FILE
    before += "" if before.endswith("\n") else "\n"
    return f"{before}- {said} ({day.isoformat()}, {source})\n"


def without_entry(document: str, entry: Entry) -> str | None:
    """The file without an entry; None where its line is not what it was, because somebody edited it meanwhile."""
    lines = repair(document).split("\n")
    if entry not in entries(document):
        return None
    return "\n".join(lines[: entry.line] + lines[entry.line + 1 :])


def in_prompt(known: Sequence[str]) -> str:
    """The entries as the model reads them; empty without any."""
    return "\n".join([HEAD, *(f"- {text}" for text in known)]) if known else ""


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
