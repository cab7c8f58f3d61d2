"""Two siblings side by side, the words marked that only one has; one after the other where it is narrow."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType

from chatapp.conversation.comparison import Block, Piece, compare, own_words
from chatapp.conversation.message import Message
from chatapp.conversation.tree import Tree
from chatapp.text import counted, display
from chatapp.tui.lines import Line, beside, ends, flow, gap
from chatapp.tui.look import Look
from chatapp.tui.screens.branch_lines import first_words
from chatapp.tui.screens.reading_page import NARROW, ReadingPage, ReadingScreen

_SPACE, _MEASURE, _MARGIN = 4, 90, 2


class Comparison(ReadingScreen[int | None]):
    """A page of its own; ends with the sibling to go to, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "other(-1)", "with the sibling before", show=False, id="comparison.before"),
        Binding("right", "other(1)", "with the sibling after", show=False, id="comparison.after"),
        Binding("n", "difference(1)", "next difference", show=False, id="comparison.next"),
        Binding("N", "difference(-1)", "difference before", show=False, id="comparison.back"),
        Binding("enter", "go", "go to the sibling", show=False, id="comparison.go"),
        Binding("d", "leave", "back to the branches", show=False, id="comparison.leave"),
    ]

    def __init__(self, tree: Tree, message: Message) -> None:
        self._body = ComparisonPage(tree, message)
        super().__init__(self._body)

    def action_other(self, step: int) -> None:
        """Compare with another sibling."""
        self._body.take(step)

    def action_difference(self, step: int) -> None:
        """Go to the next difference, or to the one before."""
        self._body.go_to_difference(step)

    def action_go(self) -> None:
        """Go to the sibling at the right."""
        self.dismiss(self._body.other.id)


class ComparisonPage(ReadingPage):
    """Draws the two texts; they scroll together, since they are rows of one page."""

    def __init__(self, tree: Tree, message: Message) -> None:
        super().__init__()
        self._siblings = tree.siblings(message.id)
        self._question = tree.get(message.parent) if message.parent is not None else None
        self._one = self._siblings.index(message)
        self._other = self._one + 1 if self._one + 1 < len(self._siblings) else self._one - 1
        self._blocks = self._compared()

    @property
    def other(self) -> Message:
        """The sibling at the right."""
        return self._siblings[self._other]

    def take(self, step: int) -> None:
        """Compare with the next sibling in a direction, past the one at the left."""
        place = self._other + step
        place += step if place == self._one else 0
        if 0 <= place < len(self._siblings):
            self._other, self.top = place, 0
            self._blocks = self._compared()
            self.redraw()

    def go_to_difference(self, step: int) -> None:
        """Bring the next row that differs to the top, where the one before it does not differ."""
        marked = [any(text == "▎" for text, _ in line) for line in self.lines]
        begins = [y for y, here in enumerate(marked) if here and not (y and marked[y - 1])]
        ahead = [y for y in begins if (y > self.top if step > 0 else y < self.top)]
        if ahead:
            self.scroll_lines((ahead[0] if step > 0 else ahead[-1]) - self.top)

    def _compared(self) -> list[Block]:
        return compare(display(self._siblings[self._one].text), display(self.other.text))

    def title(self) -> tuple[str, str]:
        """The title, and the question that both answer."""
        return "Compare", first_words(self._question.text) if self._question else ""

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys of the page."""
        others = (("← →", "other sibling"),) if len(self._siblings) > 2 else ()
        name = f"‹{self._other + 1}/{len(self._siblings)}›"
        return (("↑ ↓", "scroll"), ("n N", "difference"), *others, ("enter", f"go to {name}"), ("esc", "branches"))

    def body(self, look: Look, cells: int) -> list[Line]:
        """Both texts under their numbers."""
        one = tuple(piece for block in self._blocks for piece in block.one)
        other = tuple(piece for block in self._blocks for piece in block.other)
        if cells + 8 < NARROW:
            first = [*self._title(self._one, one, look, cells), *column(one, look, cells)]
            return [*first, [], *self._title(self._other, other, look, cells), *column(other, look, cells)]
        half = min(_MEASURE, (cells - _SPACE) // 2)
        titles = [
            (self._title(place, said, look, half), half)
            for place, said in ((self._one, one), (self._other, other))
        ]
        return [*beside(titles, _SPACE), *side_by_side(self._blocks, look, half)]

    def _title(self, place: int, pieces: tuple[Piece, ...], look: Look, cells: int) -> list[Line]:
        message = self._siblings[place]
        name = f"‹{place + 1}/{len(self._siblings)}›"
        own = counted(own_words(pieces), "word") + " of its own"
        came = message.provenance.model_name or ("by you" if message.provenance.edited_from else "")
        left: Line = [gap(_MARGIN), (name, look.accent), gap(2), (came, look.muted)]
        return [ends(left, [(own, look.faint)], cells), []]


def side_by_side(blocks: list[Block], look: Look, cells: int) -> list[Line]:
    """Both texts in columns, what belongs together on the same row."""
    rows: list[Line] = []
    for block in blocks:
        rows += beside([(column(side, look, cells), cells) for side in (block.one, block.other)], _SPACE)
    return rows


def column(pieces: tuple[Piece, ...], look: Look, cells: int) -> list[Line]:
    """One text, wrapped; a bar in the margin marks the rows with words that the other does not have."""
    own = look.accent + Style(bold=True, underline=look.no_color)  # weight reads without colour
    rows: list[Line] = []
    for line in _lines_of(pieces):
        indent = len(line[0][0]) if line and not line[0][0].strip() else 0
        spans = [(word.replace("\t", "    "), look.muted if both else own) for word, both in line[bool(indent) :]]
        wrapped = flow(spans, max(8, cells - _MARGIN - indent)) if spans else [[]]
        for row in wrapped:
            mark: Line = (
                [("▎", look.accent), gap(_MARGIN - 1)] if any(style is own for _, style in row) else [gap(_MARGIN)]
            )
            rows.append([*mark, gap(min(indent, cells // 2)), *row])
    return rows


def _lines_of(pieces: tuple[Piece, ...]) -> list[list[Piece]]:
    lines: list[list[Piece]] = [[]]
    for word, both in pieces:
        if word == "\n":
            lines.append([])
        else:
            lines[-1].append((word, both))
    return lines if lines[-1] else lines[:-1]
