"""Words marked on the page, and going from one to the next. Marks are laid on rows as they are painted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message

from chatapp.text import folded
from chatapp.tui.look import Look

from .branching import BranchingView
from .column import Column
from .row import Row, styled
from .view import MessageView

Span = tuple[int, int]
"""Characters of a message's rendered text, from and to."""


class Finds:
    """Where a pattern is found in the messages of a column."""

    def __init__(self, column: Column, pattern: re.Pattern[str]) -> None:
        self._column = column
        self._pattern = pattern
        self._spans: dict[MessageView, tuple[str, list[Span]]] = {}
        self.at: tuple[int, int] | None = None
        """The hit one stands on: its message's key, and which of the hits there."""

    def keys(self) -> list[int]:
        """The messages that have a hit in their source, from the top."""
        views = map(self._column.view, range(1, self._column.last + 1))
        return [view.entry.key for view in views if self._pattern.search(folded(view.source))]

    def spans(self, slot: int) -> list[Span]:
        """The hits in a message's rendered text."""
        view, sheet = self._column.view(slot), self._column.sheet
        if sheet is None:
            return []
        text = view.text(sheet)
        if view not in self._spans or self._spans[view][0] != text:
            self._spans[view] = text, [found.span() for found in self._pattern.finditer(folded(text))]
        return self._spans[view][1]

    def row_of_hit(self, slot: int) -> int:
        """The row of a message in which the hit one stands on begins."""
        spans = self.spans(slot)
        nth = self.at[1] if self.at else 0
        if nth >= len(spans):
            return 0
        begin = spans[nth][0]
        rows = self._column.rows(slot)
        held = (y for y, row in enumerate(rows) if any(start <= begin < start + n for _, start, n in row.runs))
        return next(held, 0)

    def marked(self, row: Row, slot: int, look: Look) -> Row:
        """The row with its hits marked, the one stood on set off."""
        line = row.line
        key = self._column.view(slot).entry.key
        for nth, (begin, end) in enumerate(self.spans(slot)):
            style = look.accent + Style(bold=True)
            if self.at == (key, nth):
                style = style + look.selection
            for cell, start, count in row.runs:
                first, last = max(begin, start), min(end, start + count)
                if first < last:
                    line = styled(line, row.line, cell, (first - start, last - start), style)
        return row if line is row.line else Row(line, row.runs, row.mark, row.at, row.barred, row.outdent)


class FindingView(BranchingView):
    """A column in which words can be found."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "find here", id="page.find"),
        Binding(
            "n", "next_hit_or_many", "next hit; where no words are marked, several replies", id="page.next_hit"
        ),
        Binding("N", "hit(-1)", "hit before", id="page.hit_before", show=False),
    ]

    class Many(Message):
        """Several replies at once are wanted."""

    class Find(Message):
        """The reader wants to find something here."""

    class Marked(Message):
        """Other words are marked, or the reader stands on another hit: which message of how many that have one."""

        def __init__(self, which: int, many: int) -> None:
            super().__init__()
            self.which = which
            self.many = many

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._finds: Finds | None = None

    @property
    def marks(self) -> bool:
        """Whether words are marked."""
        return self._finds is not None

    def mark(self, pattern: re.Pattern[str] | None) -> None:
        """Mark what a pattern for folded text finds, or nothing any more."""
        self._finds = Finds(self.column, pattern) if pattern else None
        self._tell()
        self.refresh()

    def go_to_hit(self, key: int) -> None:
        """Stand on the first hit in a message, or on the message where its words are not seen on the page."""
        self._stand_on_hit(key, 0)

    def go_to_nearest_hit(self) -> None:
        """Stand on the first hit from the top of the window on, or on the very first."""
        if self._finds is None or not (keys := self._finds.keys()):
            return
        top = self.column.heights.find(round(self.scroll_y))[0]
        below = (key for key in keys if (self.column.slot(key) or 0) >= top)
        self._stand_on_hit(next(below, keys[0]), 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys that go between hits are keys only while there are some."""
        return self.marks if action == "hit" else super().check_action(action, parameters)

    def action_find(self) -> None:
        """Ask for the words to find."""
        self.post_message(self.Find())

    def action_next_hit_or_many(self) -> None:
        """Go to the next hit; with no words marked, ask for several replies."""
        if self.marks:
            self.action_hit(1)
        else:
            self.post_message(self.Many())

    def action_hit(self, step: int) -> None:
        """Go to the next hit or the one before, around the ends."""
        finds = self._finds
        if finds is None or not (keys := finds.keys()):
            return
        key, nth = finds.at or (keys[0], -1 if step > 0 else 0)
        slot = self.column.slot(key)
        if slot is not None and 0 <= nth + step < len(finds.spans(slot)):
            self._stand_on_hit(key, nth + step)
            return
        slots = [slot for slot in map(self.column.slot, keys) if slot is not None]
        other = _next(slots, slot or 0, step)
        self._stand_on_hit(self.column.view(other).entry.key, 0 if step > 0 else len(finds.spans(other)) - 1)

    def action_to_composer(self) -> None:
        """Take the marks off first, if there are any."""
        if self.marks:
            self.mark(None)
        else:
            super().action_to_composer()

    def _stand_on_hit(self, key: int, nth: int) -> None:
        slot = self.column.slot(key)
        if slot is None or self._finds is None:
            return
        self._finds.at = key, max(0, nth)
        view = self.column.view(slot)
        if view.folds and not view.unfolded:
            view.toggle()
        self.stand_on(key)
        line = self._finds.row_of_hit(slot)
        top, height = self.column.heights.top(slot) + line, self.size.height
        if not round(self.scroll_y) <= top < round(self.scroll_y) + height:
            self.go_to(self.column.heights.find(max(0, top - height // 3)))
        self._tell()
        self.refresh()

    def _tell(self) -> None:
        keys = self._finds.keys() if self._finds else []
        at = self._finds.at[0] if self._finds and self._finds.at else None
        self.post_message(self.Marked(keys.index(at) + 1 if at in keys else 0, len(keys)))

    def overlay(self, slot: int, row: Row, look: Look) -> Row:
        """The row as it is painted: with the marks on it."""
        return row if self._finds is None or not slot or not row.runs else self._finds.marked(row, slot, look)


def _next(slots: list[int], slot: int, step: int) -> int:
    """The slot after another in a direction, around the ends."""
    beyond: Callable[[int], bool] = (lambda one: one > slot) if step > 0 else (lambda one: one < slot)
    ordered = slots if step > 0 else slots[::-1]
    return next(filter(beyond, ordered), ordered[0])
