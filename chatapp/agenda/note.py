"""A note: a thought that is kept as it was written."""

from __future__ import annotations

from dataclasses import dataclass

NOTE_LIMIT = 100_000
"""Characters of a note; what is longer is a document."""


@dataclass(frozen=True)
class Note:
    """A note as it is kept."""

    id: int
    uid: str
    text: str
    created_ms: int

    @property
    def title(self) -> str:
        """Its first line with something on it."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")
