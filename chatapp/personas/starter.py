"""A new persona: a file that already works, with every key explained, to be edited."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import yaml

from chatapp.text import repair

_STARTER = """\
---
name: {name}
description: one line, shown in the list

# What follows is optional: take away a “# ” to use a line.
# greeting: What shall we do today, {{{{user}}}}?
# preset: Precise
# sampling: {{temperature: 0.5, min-p: 0.1, max-tokens: 400}}
# stop: ["THE END"]
# prefill: "Dear {{{{user}}}},"
# template: false
# examples:
#   - user: A question as you would ask it.
#     assistant: An answer as you would like it.
---
You are {{{{char}}}}. Say in short, plain sentences what you do and how you answer.
"""

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_SLUG_BYTES = 80
_NAME_CHARACTERS = 100


def new_persona(folder: Path, name: str) -> Path:
    """Write a starter file for a persona of that name; its file name is made from the name.

    Raises:
        FileExistsError: with a sentence, when the file is there already. Nothing is ever overwritten.
        OSError: when the folder cannot be written.
    """
    name = " ".join(repair(name).split())[:_NAME_CHARACTERS].strip() or "Persona"
    return write_persona(folder, name, _STARTER.format(name=quoted(name)))


def write_persona(folder: Path, name: str, text: str) -> Path:
    """Write a persona's file; its file name is made from the name. Raises as `new_persona` does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{_slug(name)}.md"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileExistsError(f"{path.name} is there already; nothing was written. Choose another name.") from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return path


def _slug(name: str) -> str:
    """Letters, digits and dashes only: no separator, dot, control or direction mark gets into a file name."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", name).casefold())
    slug = words.encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-")
    # Windows keeps these for devices, whatever the extension.
    return f"{slug}-persona" if slug in _RESERVED else slug or "persona"


def quoted(text: str) -> str:
    """A text as YAML in double quotes, on one line."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10_000).strip()
