"""The memory file on disk: read whole, added to and taken from without touching what else is in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from chatapp.config import write_private
from chatapp.conversation.memory import NEW_FILE, Entry, entries, with_entry, without_entry
from chatapp.errors import Refusal

LIMIT = 256 * 1024
"""The largest file that is read, in bytes."""
YOU = "you"


class MemoryFile:
    """What is remembered of a person. Every method may raise `Refusal`, with a sentence, when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """What is remembered, in the order of the file; nothing where there is no file."""
        return entries(self._read())

    def add(self, text: str, source: str = YOU) -> None:
        """Remember something, with today's date.

        Raises:
            Refusal: also when there is no text, or too much of it.
        """
        try:
            self._write(with_entry(self._read(), text, datetime.now().astimezone().date(), source))
        except ValueError as error:
            raise Refusal("memory", str(error)) from error

    def forget(self, entry: Entry) -> None:
        """Take an entry out.

        Raises:
            Refusal: also when the file was edited meanwhile.
        """
        changed = without_entry(self._read(), entry)
        if changed is None:
            raise Refusal("memory", f"{self.path.name} was edited meanwhile; look at it again.")
        self._write(changed)

    def put_back(self, document: str) -> None:
        """Give the file the content that it had before."""
        self._write(document)

    def make(self) -> None:
        """Write the file, if there is none yet."""
        if not self.path.exists():
            self._write(NEW_FILE)

    def document(self) -> str:
        """The whole file."""
        return self._read()

    def _read(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(LIMIT + 1)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Refusal("memory", f"{self.path} cannot be read ({error.strerror}).") from error
        if len(data) > LIMIT:
            raise Refusal("memory", f"{self.path} is larger than {LIMIT // 1024} KB. Shorten it.")
        return data.decode("utf-8", "replace")

    def _write(self, document: str) -> None:
        try:
            write_private(self.path, document)
        except OSError as error:
            raise Refusal("memory", f"{self.path} cannot be written ({error.strerror}).") from error
