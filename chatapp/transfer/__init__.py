"""Sessions in other programs' formats, and in our own, which loses nothing. It knows no store and no screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatapp.conversation.session import Session
from chatapp.transfer import markdown, native, openai, sharegpt, sillytavern
from chatapp.transfer.imported import Imported, Unreadable
from chatapp.transfer.reading import Outcome, read_file

__all__ = ["FORMATS", "Format", "Imported", "Outcome", "Unreadable", "read_file"]


@dataclass(frozen=True)
class Format:
    """A format that sessions are written in."""

    name: str
    suffix: str
    purpose: str
    write: Callable[[Session], str]


FORMATS: tuple[Format, ...] = (
    Format("native", ".json", "everything, to be imported again", native.write),
    Format("markdown", ".md", "to read, and to import again", markdown.write),
    Format("text", ".txt", "to read", markdown.write_plain),
    Format("json", ".json", "role and content, one document", openai.write_document),
    Format("openai", ".jsonl", "role and content, one line", openai.write_line),
    Format("sharegpt", ".jsonl", "from and value, one line", sharegpt.write),
    Format("sillytavern", ".jsonl", "siblings as swipes", sillytavern.write),
    Format("preferences", ".jsonl", "chosen and rejected replies", openai.write_preferences),
)
