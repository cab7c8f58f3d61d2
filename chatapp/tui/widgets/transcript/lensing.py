"""A message under the lens: its tokens are laid over the rows as grounds, as they are painted.

Nothing is laid out for it: the page keeps its wrap, and looks as before when the lens is taken away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import get_character_cell_size
from rich.style import Style

from chatapp.text import display
from chatapp.tui.lines import Line
from chatapp.tui.look import Look

from .document import as_written, parse
from .finding import FindingView
from .places import NOWHERE, follow, places
from .row import Row

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Tint:
    """What is laid over a message."""

    key: int
    """The message."""
    spans: Spans
    """The characters of its source that each token stands for."""
    levels: Sequence[int | None]
    """How hot each token is, 0 to 4; None leaves it as it is."""
    at: int | None = None
    """The token that one stands on."""


class Owners:
    """Which token each drawn character of a message belongs to."""

    def __init__(self, source: str, spans: Spans, *, asks: bool) -> None:
        """Of several tokens that a character belongs to, the last one made it complete."""
        shown = display(source)
        leaves = as_written(shown) if asks else parse(shown)
        back = (
            range(len(source) + 1)
            if shown == source
            else [*follow(shown, source, range(len(source) + 1)), len(source)]
        )
        token_of = [NOWHERE] * (len(source) + 1)
        for token, (begin, end) in enumerate(spans):
            token_of[begin:end] = [token] * (end - begin)
        self.tokens = [NOWHERE if at == NOWHERE else token_of[back[at]] for at in places(leaves, shown)]
        self.text = "".join("\n" * (1 + leaf.gap if place else 0) + leaf.text for place, leaf in enumerate(leaves))
        self._firsts: dict[int, int] = {}
        for character, token in enumerate(self.tokens):
            self._firsts.setdefault(token, character)
        self._count = len(spans)
        drawn = zip(self.tokens, self.text, strict=True)
        self._inked = {token for token, character in drawn if character.strip()}

    def of(self, place: int, character: str) -> int:
        """The token of a drawn character; none where the page, in the middle of a reply, still shows another."""
        return self.tokens[place] if self.text[place : place + 1] == character else NOWHERE

    def inks(self, token: int) -> bool:
        """Whether more than blanks of a token is drawn."""
        return token in self._inked

    def draws(self, token: int) -> bool:
        """Whether anything of a token is drawn; marks of Markdown are not."""
        return token in self._firsts

    def first_of(self, token: int) -> int | None:
        """The first drawn character of a token, or of the nearest one that is drawn: after it, else before it."""
        near = (*range(token, self._count), *range(token - 1, -1, -1))
        return next((self._firsts[one] for one in near if one in self._firsts), None)


class LensView(FindingView):
    """A page that can hold a lens over one of its messages."""

    _tint: Tint | None = None
    _owners: tuple[tuple[str, Spans], Owners] | None = None

    @property
    def tint(self) -> Tint | None:
        """What is laid over the page."""
        return self._tint

    def lay_over(self, tint: Tint | None, *, standing: bool = True) -> None:
        """Lay tokens over a message, or take them away; `standing` marks the token one stands on."""
        if tint is not None and not standing:
            tint = replace(tint, at=None)
        if tint != self._tint:
            self._tint = tint
            self.refresh()

    def owners(self) -> Owners | None:
        """Which token each character under the lens belongs to."""
        slot = self.column.slot(self._tint.key) if self._tint else None
        if self._tint is None or slot is None:
            return None
        view = self.column.view(slot)
        source = view.entry.text if not view.streams else view.source
        # While it is being written, the tokens seen so far are those of its beginning.
        end = max((end for _, end in self._tint.spans), default=0)
        source = source[:end] if view.streams else source
        key = (source, self._tint.spans)
        if self._owners is None or self._owners[0] != key:
            raw = view.entry.asks or (bool(view.entry.fields) and view.unfolded)
            self._owners = key, Owners(source, self._tint.spans, asks=raw)
        owners, sheet = self._owners[1], self.column.sheet
        # What is shown in another form, as JSON is as a table, has no characters of its tokens.
        plain = view.streams and not view.entry.fields
        same = plain or sheet is None or view.text(sheet) == owners.text
        return owners if same else None

    def overlay(self, slot: int, row: Row, look: Look) -> Row:
        """The row as it is painted: with the grounds of its tokens, and the marks of what was found."""
        tint = self._tint
        if tint is not None and row.runs and slot and self.column.slot(tint.key) == slot:
            owners = self.owners()
            row = row if owners is None else _Brush(owners, tint, look).paint(row)
        return super().overlay(slot, row, look)

    def reveal_token(self, token: int) -> None:
        """Scroll as little as is needed to see a token."""
        owners, slot = self.owners(), self.column.slot(self._tint.key) if self._tint else None
        if owners is None or slot is None or (first := owners.first_of(token)) is None:
            return
        line = self.line_of(slot, first)
        top, height = round(self.scroll_y), self.size.height
        if not top <= line < top + height:
            self.go_to(self.column.heights.find(max(0, line - height // 3)))

    def line_of(self, slot: int, character: int) -> int:
        """The line, from the top of all, that a drawn character of a message stands on."""
        rows = self.column.rows(slot)
        held = (y for y, row in enumerate(rows) if any(at <= character < at + count for _, at, count in row.runs))
        return self.column.heights.top(slot) + next(held, 0)


class _Brush:
    """Paints a row with the grounds of its tokens."""

    def __init__(self, owners: Owners, tint: Tint, look: Look) -> None:
        self._owners, self._tint, self._look = owners, tint, look
        hidden = tint.at is not None and not owners.draws(tint.at)
        self._instead = owners.first_of(tint.at) if tint.at is not None and hidden else None

    def paint(self, row: Row) -> Row:
        """The row, each word on the ground of its token; blanks have none, so that words stay words."""
        runs = {cell: (start, count) for cell, start, count in row.runs}
        cells: list[tuple[str, Style, bool]] = []
        cell, at, left = 0, 0, 0
        for text, style in row.line:
            for character in text:
                if cell in runs:
                    at, left = runs.pop(cell)
                size = get_character_cell_size(character)
                token = self._owners.of(at, character) if left else NOWHERE
                hidden = not character.strip() and self._owners.inks(token)
                stood_on = token != NOWHERE and token == self._tint.at and not hidden
                dressed = style + self._style(token, at, character) if left else style
                if not size and cells:  # what joins another character is never parted from it
                    dressed, stood_on = cells[-1][1:]
                cells.append((character, dressed, stood_on))
                at, left, cell = (at + 1, left - 1, cell + size) if left else (at, left, cell + size)
        if self._look.no_color:
            cells = _bracketed(cells)
        return Row(_joined(cells), row.runs, row.mark, row.at, row.barred, row.outdent, row.pinned)

    def _style(self, token: int, at: int, character: str) -> Style:
        blank = not character.strip()
        if token != NOWHERE and token == self._tint.at and not (blank and self._owners.inks(token)):
            return self._look.cursor
        if at == self._instead:
            return self._look.accent + Style(underline=True)
        level = self._tint.levels[token] if 0 <= token < len(self._tint.levels) else None
        return Style() if level is None or blank else self._look.heat[level]


def _bracketed(cells: list[tuple[str, Style, bool]]) -> list[tuple[str, Style, bool]]:
    """The token that one stands on between brackets, where blanks are beside it."""
    found = list(cells)
    for place, (character, style, stood_on) in enumerate(cells):
        if stood_on or character != " ":
            continue
        if place + 1 < len(cells) and cells[place + 1][2]:
            found[place] = ("[", style, False)
        elif place and cells[place - 1][2]:
            found[place] = ("]", style, False)
    return found


def _joined(cells: list[tuple[str, Style, bool]]) -> Line:
    """Neighbours of one style as one span."""
    line: Line = []
    for character, style, _ in cells:
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + character, style)
        else:
            line.append((character, style))
    return line
