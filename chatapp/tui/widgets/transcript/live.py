"""A reply that is being written: what is finished is laid out once, only its tail is laid out again.

A block is finished when another has begun below it. Long blocks would make the tail long, so that the items of
an open list and the upper lines of open code are finished too. What this gets wrong (a list that turns out to be
loose, a comment that spans a seam) is mended when the whole reply is laid out at its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from markdown_it.token import Token

from chatapp.text import display
from chatapp.tui.look import Look

from .caret import with_caret
from .document import Code, Leaf, blocks, leaves_of, parse
from .layout import Layout
from .row import Row
from .unclosed import closed, without_bare_marks

LONG_CODE = 24
"""Lines of open code above which its upper part is finished."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^\n]*\n")
# Where the colours of code seldom depend on what stands above: blank lines before a line that is not indented.
_SEAM = re.compile(r"(?<=[^\n])\n\n+(?=\S)")


class LiveReply:
    """The rows of a growing source.

    Args:
        look: The theme's roles.
        cells: The width of the text.
        source: What was written before.
    """

    def __init__(self, look: Look, cells: int, source: str = "") -> None:
        self._done = Layout(look, cells)
        self._open = self._done.after()
        self._tail = display(source)
        self._gap: int | None = None
        self._goes_on = False

    @property
    def text(self) -> str:
        """What the rows show."""
        return self._done.text + self._open.text

    @property
    def finished(self) -> int:
        """How many rows will not change any more."""
        return len(self._done.rows)

    def feed(self, text: str) -> None:
        """Take more of the source; nothing is laid out yet."""
        self._tail += display(text)

    def lay_out(self) -> list[Row]:
        """All rows, with a caret at the end."""
        shown = without_bare_marks(self._tail)
        held_back = self._tail[len(shown) :]
        found = blocks(shown)
        while (rest := self._finish_some(shown, found)) is not None:
            shown, found = rest, blocks(rest)
        self._tail = shown + held_back
        whole = closed(shown)
        leaves = leaves_of(found if whole == shown else blocks(whole), whole)
        self._open = self._done.after().add(self._fitted(leaves))
        look = self._done.look
        return with_caret([*self._done.rows, *self._open.rows], look, self._done.cells)

    def _finish_some(self, shown: str, found: list[list[Token]]) -> str | None:
        """Finish what can be; returns the source that is left, or none when there was nothing to finish."""
        if not found:
            return None
        lines = shown.split("\n")
        if len(found) > 1:
            self._finish(leaves_of(found[:-1], shown), gap=None)
            return "\n".join(lines[_first_line(found[-1]) :])
        if (item := _last_item(found[0])) is not None:
            self._finish(parse("\n".join(lines[:item])), gap=0 if _is_tight(found[0]) else 1)
            return "\n".join(lines[item:])
        return self._finish_code(shown) if found[0][0].type == "fence" else None

    def _finish_code(self, shown: str) -> str | None:
        fence = _FENCE.match(shown)
        if fence is None or shown.count("\n") < LONG_CODE:
            return None
        opening, code = fence[0], shown[fence.end() :]
        if any(line.strip().startswith(fence[1]) for line in code.split("\n")):
            return None
        seam = _seam(code)
        upper = [leaf for leaf in parse(opening + code[:seam]) if isinstance(leaf, Code)]
        self._finish([replace(leaf, ends=False) for leaf in upper], gap=0, goes_on=True)
        return opening + code[seam + 1 :]

    def _finish(self, leaves: Sequence[Leaf], *, gap: int | None, goes_on: bool = False) -> None:
        """Lay these out for good; what follows has such a gap above it, and may go on with the same code."""
        self._done.add(self._fitted(leaves))
        self._gap, self._goes_on = gap, goes_on

    def _fitted(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """The leaves as they follow what is finished; the first may be part of something that began above."""
        if not leaves:
            return []
        first = leaves[0] if self._gap is None else replace(leaves[0], gap=self._gap)
        if self._goes_on and isinstance(first, Code):
            first = replace(first, begins=False)
        return [first, *leaves[1:]]


def _first_line(block: list[Token]) -> int:
    return block[0].map[0] if block[0].map else 0


def _last_item(block: list[Token]) -> int | None:
    """The line at which the last item of a list begins, if it has others before it."""
    if not block[0].type.endswith("_list_open"):
        return None
    items = [token.map[0] for token in block if token.type == "list_item_open" and token.level == 1 and token.map]
    return items[-1] if len(items) > 1 else None


def _is_tight(block: list[Token]) -> bool:
    return all(token.hidden for token in block if token.type == "paragraph_open" and token.level == 2)


def _seam(code: str) -> int:
    """The newline at which open code is best parted; its last line is never above it."""
    seams = [match.start() for match in _SEAM.finditer(code)]
    return seams[-1] if seams else code.rfind("\n", 0, code.rfind("\n"))
