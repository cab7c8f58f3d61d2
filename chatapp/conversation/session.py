"""A session: a tree of messages with the persona and the sampling settings that it is held with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import InForce, Preset, resolve
from chatapp.conversation.tree import Tree

TITLE_LENGTH = 60
TAG_LENGTH = 40
FORM = {"stop", "json_schema", "grammar"}
"""What a persona says of the form of its replies, which no preset changes."""
_MARKS = re.compile(r"^[\s#>*`~_\-=+|]+|[*`_]+")


@dataclass(slots=True)
class SessionHead:
    """A session as a list shows it."""

    id: int
    uid: str
    title: str
    updated_ms: int
    messages: int = 0
    leaves: int = 0
    has_draft: bool = False
    streaming: bool = False
    deleted_ms: int | None = None
    ending: str = ""
    """How its latest message ends, in one line."""
    pinned: bool = False
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Session:
    """A session as it is worked on. `persona` is the persona as it was when the session began, macros expanded."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        arbitrary_types_allowed=True
    )  # the tree, which is plain

    id: int
    uid: str
    title: str
    persona: Persona
    tree: Tree = field(default_factory=Tree)
    preset: Preset | None = None
    """The preset chosen here, as it was then; none means the persona's."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    """Path of the model last used here."""
    draft: str = ""
    draft_files: tuple[Attachment, ...] = ()
    """What goes with the draft, as it was when the session was opened."""
    titled: bool = False
    """Whether a person gave the title."""
    on_full: Policy | None = None
    """What is done here when the context window is full; none means the default of the settings."""
    pinned: bool = False
    tags: tuple[str, ...] = ()
    created_ms: int = 0
    updated_ms: int = 0

    def sampling(self) -> InForce:
        """The settings in force, with their sources."""
        if self.preset is None or self.preset.called(self.persona.preset.name):
            return resolve(self.preset or self.persona.preset, self.persona.sampling, self.overrides)
        # A preset chosen by hand is a wish about every number: the persona's own overrides yield to it.
        kept = {name: value for name, value in self.persona.sampling.items() if name in FORM}
        return resolve(self.preset, kept, self.overrides)


def tag_from(text: str) -> str:
    """A tag as it is kept and compared: folded, on one line, without the blanks and commas that part tags."""
    return "-".join(re.split(r"[\s,]+", text.casefold().strip(" \t\r\n,#")))[:TAG_LENGTH]


def title_from(text: str) -> str:
    """A title from the first message: its first line with words, without Markdown's marks, cut at a word."""
    lines = (_MARKS.sub("", line).strip() for line in text.splitlines())
    line = next((line for line in lines if any(c.isalnum() for c in line)), "") or text.strip()
    line = " ".join(line.split())
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[: TITLE_LENGTH - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > TITLE_LENGTH // 2 else cut).rstrip(" ,;:.–-") + "…"
