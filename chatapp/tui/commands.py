"""What a slash in the composer can ask for. A slash that begins no name of ours is text, as in a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

_WORD = re.compile(r"/([a-z]+)(?:\s+(.*))?", re.DOTALL)
_BEGUN = re.compile(r"/([a-z]*)")
LIKE = 0.75
"""How like a name a word must be to be a slip of the pen."""


@dataclass(frozen=True)
class Command:
    """A command: its name, what follows it, and what it does."""

    name: str
    takes: str
    does: str


COMMANDS = (
    Command("remind", "when and what", "a reminder, in plain words"),
    Command("agenda", "", "what is due, and what comes"),
    Command("note", "text", "keep a thought; alone, look at them"),
    Command("remember", "text", "what new sessions are told about you"),
    Command("tools", "on or off", "what the model may look up"),
    Command("memory", "", "what is remembered, at what cost"),
)
_NAMES = {command.name: command for command in COMMANDS}


def parse(text: str) -> tuple[str, str] | None:
    """The name and what follows it, if the text is a command."""
    match = _WORD.fullmatch(text.rstrip())
    return (match[1], (match[2] or "").strip()) if match and match[1] in _NAMES else None


def slip(text: str) -> str:
    """The command that was probably meant by a name that is none; empty where the text is simply text."""
    match = _WORD.fullmatch(text.strip())
    if match is None or match[1] in _NAMES or text.startswith(" "):
        return ""
    near = [name for name in _NAMES if len(match[1]) > 1 and name.startswith(match[1])]
    near = near or get_close_matches(match[1], list(_NAMES), n=1, cutoff=LIKE)
    return near[0] if near else ""


def begun(text: str) -> list[Command]:
    """The commands whose names begin like what is being written; none once there is a blank."""
    match = _BEGUN.fullmatch(text)
    return [command for command in COMMANDS if command.name.startswith(match[1])] if match else []
