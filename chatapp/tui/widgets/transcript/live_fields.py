"""A reply that is being written as JSON: a table of what has come so far."""

from __future__ import annotations

import json
import re

from chatapp.text import display
from chatapp.tui.look import Look

from .caret import with_caret
from .document import Leaf, as_written
from .fields import table_of
from .layout import Layout
from .row import Row

_CLOSERS = {"{": "}", "[": "]"}
_HALF_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{0,3})?$")
_BARE = ("{}", "[]", "[{}]")
"""What has begun, and holds nothing that could be shown yet."""


class LiveFields:
    """The rows of a growing JSON text.

    Args:
        look: The theme's roles.
        cells: The width of the text.
        source: What was written before.
    """

    def __init__(self, look: Look, cells: int, source: str = "") -> None:
        self._layout = Layout(look, cells)
        self._source = source

    @property
    def text(self) -> str:
        """What the rows show."""
        return self._layout.text

    def feed(self, text: str) -> None:
        """Take more of the source; nothing is laid out yet."""
        self._source += text

    def lay_out(self) -> list[Row]:
        """All rows, with a caret at the end."""
        look, cells = self._layout.look, self._layout.cells
        self._layout = Layout(look, cells).add(self._leaves())
        return with_caret(list(self._layout.rows), look, cells)

    def _leaves(self) -> list[Leaf]:
        whole = completed(self._source)
        if whole in _BARE:
            return []
        return [*table_of(whole)] or as_written(display(self._source))


def completed(begun: str) -> str:
    """The beginning of a JSON document as a whole one: what is open is closed, a bare field name is left out."""
    begun = begun.strip()
    open_, cut, in_text, escaped = "", (0, ""), False, False
    for place, character in enumerate(begun):
        if in_text:
            in_text = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            in_text = True
        elif character in _CLOSERS:
            open_ += character
            cut = place + 1, open_
        elif character == ",":
            cut = place, open_
        elif character in "}]":
            open_ = open_[:-1]
    half = _HALF_ESCAPE.search(begun) if in_text else None
    if half is not None and (escaped or half[1]):
        begun = begun[: half.start()]
    whole = begun + '"' * in_text + _closed(open_)
    try:
        json.loads(whole)
    except (ValueError, RecursionError):
        end, open_ = cut
        return begun[:end] + _closed(open_)
    return whole


def _closed(open_: str) -> str:
    return "".join(_CLOSERS[character] for character in reversed(open_))
