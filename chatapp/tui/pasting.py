"""A paste is text, whatever is in it.

Textual reads escape sequences inside a paste as well, loses those that it knows, and types the characters of the
others as keys: a paste could quit the app. Many terminals take such bytes out of a paste, not all of them do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.message import Message

_START, _END = "\x1b[200~", "\x1b[201~"
_OLD_ALT_ENTER, _ALT_ENTER = "\x1b\r", "\x1b[13;3u"
"""What older terminals send for Alt+Enter, which Textual takes for a plain Enter, and the unmistakable form."""
_ESCAPE = "␛"


class PasteParser(XTermParser):
    """Reads what the terminal sends; between the marks of a paste an escape character is only its picture."""

    def __init__(self, debug: bool = False) -> None:
        self._pasting = False
        self._rest = ""
        """The end of what came: of a paste, what may begin the mark of its end; else, what may begin a mark."""
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """Take what came; nothing at all is the end of the input."""
        disarmed = self._disarmed(data)
        return super().feed(disarmed) if disarmed or not data else ()

    def _disarmed(self, data: str) -> str:
        parts: list[str] = []
        while data:
            if self._pasting:
                part, data = self._pasted(data)
            else:
                part, data = self._typed(data)
                part = part.replace(_OLD_ALT_ENTER, _ALT_ENTER)
            parts.append(part)
        return "".join(parts)

    def _typed(self, data: str) -> tuple[str, str]:
        """Up to a mark that starts a paste, and what follows it. Nothing is held back: a key must act at once."""
        seen = self._rest + data
        place = seen.find(_START)
        if place < 0:
            self._rest = seen[1 - len(_START) :]
            return data, ""
        cut = place + len(_START) - len(self._rest)
        self._pasting, self._rest = True, ""
        return data[:cut], data[cut:]

    def _pasted(self, data: str) -> tuple[str, str]:
        """Up to the mark that ends the paste, and what follows it."""
        text, end, data = (self._rest + data).partition(_END)
        held = 0 if end else next((n for n in range(len(_END) - 1, 0, -1) if text.endswith(_END[:n])), 0)
        cut = len(text) - held
        self._rest, self._pasting = text[cut:], not end
        return text[:cut].replace("\x1b", _ESCAPE) + end, data


def disarm_pastes() -> None:
    """Have Textual's driver read with this parser; it has no setting for that."""
    if os.name == "posix":
        # Windows has no such module, and takes its input from another.
        from textual.drivers import linux_driver  # noqa: PLC0415

        linux_driver.XTermParser = PasteParser  # type: ignore[attr-defined]
