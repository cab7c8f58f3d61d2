"""All messages, one below the other: which rows they have, how high they are, and where each begins.

Only what is near the reader is laid out. The heights of the rest are estimated from their characters and
newlines, and corrected when they come near. Slot 0 is the preface, slot n the nth message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from chatapp.tui.lines import Line
from chatapp.tui.look import Look

from .entry import Entry
from .heights import HeightIndex
from .row import Row
from .view import FOLDED_LINES, MessageView, Place, Sheet

KEPT = 300
"""Messages whose rows are kept; older ones are laid out again when the reader comes back."""

Anchor = tuple[int, int]
"""A slot and a line in it: the place at the top of the window, whatever the heights above it are."""
Build = Callable[[Look, int], list[Line]]


class Column:
    """The messages of a transcript on a sheet."""

    def __init__(self) -> None:
        self.sheet: Sheet | None = None
        self.cursor: int | None = None
        self.laid_out = 0
        """How often a message was laid out, ever."""
        self._build: Build | None = None
        self._preface: list[Row] | None = None
        self._views: list[MessageView] = []
        self._slots: dict[int, int] = {}
        self._newest = 0
        self._kept: dict[MessageView, None] = {}
        self.heights = HeightIndex([0])

    @property
    def last(self) -> int:
        """The last slot."""
        return len(self._views)

    def slot(self, key: int) -> int | None:
        """Where a message stands."""
        return self._slots.get(key)

    def view(self, slot: int) -> MessageView:
        """The message in a slot, from 1."""
        return self._views[slot - 1]

    @property
    def slot_of_cursor(self) -> int | None:
        """Where the message stands that the reader stands on."""
        return None if self.cursor is None else self._slots.get(self.cursor)

    # What is shown ------------------------------------------------------------------------------------------

    def show(self, entries: Iterable[Entry]) -> None:
        """Replace all messages; those that are the same keep their rows."""
        before = {view.entry.key: view for view in self._views}
        self._views = []
        for entry in entries:
            view = before.get(entry.key)
            if view is None or view.entry != entry or view.streams:
                view = MessageView(entry)
            self._views.append(view)
        self._kept = {view: None for view in self._views if view in self._kept}
        self._renumber()
        self._estimate_all()

    @property
    def has_preface(self) -> bool:
        """Whether anything stands above the first message."""
        return self._build is not None

    def set_preface(self, build: Build | None) -> None:
        """Set what stands above the first message."""
        self._build, self._preface = build, None
        self.rows(0)

    def append(self, entry: Entry) -> None:
        """Add a message at the end."""
        view = MessageView(entry)
        self._views.append(view)
        self._slots[entry.key] = self.last
        self._newest = self.last if entry.asks else self._newest
        self.heights.append(self._estimate(self.last))

    def remove(self, key: int) -> None:
        """Take a message out."""
        slot = self._slots[key]
        self._kept.pop(self._views.pop(slot - 1), None)
        self._renumber()
        self.heights.remove(slot)

    def _renumber(self) -> None:
        self._slots = {view.entry.key: slot for slot, view in enumerate(self._views, 1)}
        questions = (slot for slot in range(self.last, 0, -1) if self.view(slot).entry.asks)
        self._newest = next(questions, 0)

    # Rows and heights ---------------------------------------------------------------------------------------

    def restyle(self, sheet: Sheet, anchor: Anchor) -> Anchor:
        """Lay out for another width or theme; returns where the same place is now."""
        slot, line = anchor
        before = self.rows(slot) if self.sheet is not None and slot <= self.last else []
        reflows = self.sheet is None or (sheet.measure, sheet.airy) != (self.sheet.measure, self.sheet.airy)
        self.sheet, self._preface = sheet, None
        if reflows:
            self._estimate_all()
        return (slot, _same_place(before, line, self.rows(slot))) if before else anchor

    def rows(self, slot: int) -> list[Row]:
        """The rows of a slot; its height is exact from now on."""
        if self.sheet is None:
            return []
        if slot == 0:
            rows = self._preface_rows(self.sheet)
        else:
            view = self.view(slot)
            self.laid_out += not view.is_laid_out
            rows = view.rows(self.sheet, self._place(slot))
            self._keep(view)
        self.heights.set(slot, len(rows))
        return rows

    def measure_down(self, slot: int, lines: int) -> None:
        """Lay out from a slot on, until so many lines are exact."""
        while lines > 0 and slot <= self.last:
            lines -= len(self.rows(slot))
            slot += 1

    def measure_up(self, slot: int, lines: int) -> None:
        """Lay out from a slot back, until so many lines are exact."""
        while lines > 0 and slot >= 0:
            lines -= len(self.rows(slot))
            slot -= 1

    def trim(self) -> None:
        """Let go of the rows that were not needed for the longest time; heights stay exact."""
        while len(self._kept) > KEPT:
            view = next(iter(self._kept))
            del self._kept[view]
            view.forget()

    def _keep(self, view: MessageView) -> None:
        self._kept.pop(view, None)
        self._kept[view] = None

    def _preface_rows(self, sheet: Sheet) -> list[Row]:
        if self._preface is None:
            lines = self._build(sheet.look, sheet.measure) if self._build else []
            self._preface = [Row(line, outdent=True, barred=False) for line in lines]
        return self._preface

    def _place(self, slot: int) -> Place:
        entry = self.view(slot).entry
        return Place(self._above(slot), slot >= self._newest, entry.key == self.cursor)

    def _above(self, slot: int) -> int:
        """Blank lines above a message: two between turns, one after a question, and one after a slab's edge."""
        if slot == 1:
            return self._turn if self.has_preface else 0
        if not self.view(slot).entry.asks:
            return 1
        edges = self.sheet is None or self.sheet.look.grounds
        return 1 if edges and self.view(slot - 1).entry.ends_in_code else self._turn

    @property
    def _turn(self) -> int:
        return 2 if self.sheet is None or self.sheet.airy else 1

    def _estimate_all(self) -> None:
        self.heights = HeightIndex([len(self._preface or ()), *map(self._estimate, range(1, self.last + 1))])

    def _estimate(self, slot: int) -> int:
        view = self.view(slot)
        cells = self.sheet.cells if self.sheet else 80
        text = view.source
        lines = 1 + text.count("\n") + len(text) // cells
        if view.entry.asks and not view.unfolded:
            lines = min(lines, FOLDED_LINES + 1)
        return self._above(slot) + lines


def _same_place(before: Sequence[Row], line: int, now: Sequence[Row]) -> int:
    """The row that begins with the character at which a row began before it was wrapped anew."""
    if not before[line : line + 1] or not before[line].runs:
        return max(0, min(line, len(now) - 1))
    rows = [place for place, row in enumerate(now) if row.runs and row.at <= before[line].at]
    return rows[-1] if rows else 0
