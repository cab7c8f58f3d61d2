"""What a sheet shows: items found by what was typed, in groups, and the row one stands on. No widget in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatapp.text import display_line
from chatapp.tui.matching import NO_FIT, WEAK, Fit, match, nearest

FEW = 6
"""Rows that a group shows beside other groups; the rest is counted."""


@dataclass(frozen=True)
class Item:
    """Something to choose. `right` stands at the right end; one with a problem is shown, but cannot be chosen."""

    group: str
    title: str
    detail: str = ""
    right: str = ""
    value: object = None
    keywords: str = ""
    problem: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the list: a group's heading, an item with how it fits, or how many more there are."""

    group: str
    item: Item | None = None
    title: str = ""
    detail: str = ""
    fit: Fit = NO_FIT
    more: int = 0
    indent: int = 0
    """Cells that it stands in from its group's other rows."""

    @property
    def choosable(self) -> bool:
        """Whether one can stand on it."""
        return self.more > 0 or (self.item is not None and not self.item.problem)

    @property
    def blank(self) -> bool:
        """Whether it only separates two groups."""
        return not self.group


class Finder:
    """The items, what was typed, and the rows that come of it."""

    def __init__(
        self,
        items: Sequence[Item],
        free_text: Callable[[str], Item | None] | None = None,
        live: str | None = None,
    ) -> None:
        """Find among items, and beside them show a group of rows that others find, `live`."""
        self.groups = list(dict.fromkeys([*filter(None, [live]), *(item.group for item in items)]))
        self.live = live
        self.pending = False
        """Whether others are still looking."""
        self.said = ""
        """What they say that they found."""
        self._live_rows: list[Row] = []
        self.only: str | None = None
        self.query = self.typed = ""
        self.rows: list[Row] = []
        self.found = 0
        self.at = -1
        self._all = [_row(item) for item in items]
        self._free_text = free_text
        self._find()

    @property
    def total(self) -> int:
        """How many items there are."""
        return len(self._all)

    @property
    def row(self) -> Row | None:
        """The row one stands on."""
        return self.rows[self.at] if self.at >= 0 else None

    @property
    def next_group(self) -> str | None:
        """The group that narrowing goes to next; None stands for all of them."""
        return self._after(1)

    @property
    def nearest(self) -> str:
        """The title that is most like what was typed."""
        return nearest(self.query, [row.title for row in self._in_view()])

    def ask(self, query: str) -> None:
        """Find what was typed."""
        self.typed = query
        self.query = display_line(query).strip()
        self._find()

    def show_live(self, rows: list[Row], said: str) -> None:
        """Others have found something."""
        self._live_rows, self.said, self.pending = rows, said, False
        self._find()

    def narrow(self, group: str | None) -> None:
        """Show one group only, or all of them again."""
        self.only = group
        self._find()

    def turn(self, step: int) -> None:
        """Narrow to the next or the last group."""
        self.narrow(self._after(step))

    def move(self, step: int) -> None:
        """Go so many choosable rows down or up, and stay at the ends."""
        places = [place for place, row in enumerate(self.rows) if row.choosable]
        if places:
            index = places.index(self.at) + step
            self.at = places[max(0, min(len(places) - 1, index))]

    def _after(self, step: int) -> str | None:
        round_trip: list[str | None] = [None, *self.groups]
        return round_trip[(round_trip.index(self.only) + step) % len(round_trip)]

    def _in_view(self) -> list[Row]:
        return [row for row in self._all if self.only in {None, row.group}]

    def _find(self) -> None:
        hits = self._hits()
        self.found = len(hits)
        by_group: dict[str, list[Row]] = {}
        for hit in hits:
            by_group.setdefault(hit.group, []).append(hit)
        self.rows = []
        if self.live and self._live_rows and self.only in {None, self.live}:
            self.rows = [Row(self.live), *self._live_rows]
        for group, rows in by_group.items():
            self.rows += [Row("")] if self.rows else []
            self.rows += [Row(group), *_few(rows, cut=len(by_group) > 1)]
        self.at = self._best()

    def _hits(self) -> list[Row]:
        """The rows that fit, groups in their order, the best of each first."""
        if not self.query:
            return self._in_view()
        typed = self._free_text(self.query) if self._free_text else None
        fits = [(row, match(self.query, row.title, row.detail, _said_of(row))) for row in self._in_view()]
        hits = [Row(row.group, row.item, row.title, row.detail, fit) for row, fit in fits if fit]
        if any(hit.fit.score > WEAK for hit in hits):
            hits = [hit for hit in hits if hit.fit.score > WEAK]
        order = {group: place for place, group in enumerate(self.groups)}
        hits.sort(key=lambda hit: (order[hit.group], -hit.fit.score))
        return [_row(typed), *hits] if typed else hits

    def _best(self) -> int:
        hit = next((place for place, row in enumerate(self.rows) if row.indent and row.choosable), None)
        if hit is not None:
            return hit
        places = [place for place, row in enumerate(self.rows) if row.choosable]
        return max(places, key=lambda place: self.rows[place].fit.score, default=-1)


def _row(item: Item) -> Row:
    return Row(item.group, item, display_line(item.title), display_line(item.detail))


def _said_of(row: Row) -> str:
    return f"{row.group} {row.item.keywords}" if row.item else row.group


def _few(rows: list[Row], *, cut: bool) -> list[Row]:
    """The first rows, and how many more there are; one more is shown, not counted."""
    if not cut or len(rows) <= FEW + 1:
        return rows
    return [*rows[:FEW], Row(rows[0].group, more=len(rows) - FEW)]
