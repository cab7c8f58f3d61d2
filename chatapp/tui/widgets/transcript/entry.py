"""What a transcript shows: entries, each a question or a reply, with what stands below it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class Notice:
    """A state said in the page, below the text it concerns."""

    sentence: str
    more: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    """Keys with what they do."""
    kind: Literal["error", "warn", "quiet"] = "error"


@dataclass(frozen=True)
class Entry:
    """One message on the page."""

    key: int
    asks: bool
    """Whether it is the user's question; otherwise it is a reply."""
    text: str
    place: tuple[int, int] = (1, 1)
    """Which sibling it is, of how many."""
    details: str = ""
    """One line, shown while one stands on the message."""
    notice: Notice | None = None
    rule: str = ""
    """Words in a rule above the text: what begins here."""
    pinned: bool = False
    fields: bool = False
    """Whether the text is JSON by a schema, and shown as a table."""
    cited: tuple[str, ...] = ()
    """Words of a reply that name places of files, as they stand there; they open when they are clicked."""
    files: tuple[tuple[str, str], ...] = ()
    """The files that came with it, as name and facts."""
    called: tuple[tuple[str, str], ...] = ()
    """The tools that it called, as what was asked and what came back."""

    @cached_property
    def ends_in_code(self) -> bool:
        """Whether the last thing on the page is a slab, whose edge is already half a blank line."""
        last = self.text.rstrip().rpartition("\n")[2].strip()
        return not self.asks and self.notice is None and last.startswith(("```", "~~~"))
