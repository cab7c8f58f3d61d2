"""The page that the branches are drawn on: the tree at the left, the message one stands on at the right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import overload

from chatapp.conversation.message import Message
from chatapp.conversation.tree import Tree
from chatapp.text import counted
from chatapp.tui.lines import Line, keys, width
from chatapp.tui.look import Look
from chatapp.tui.screens.branch_layout import branch_rows
from chatapp.tui.screens.branch_lines import detail_lines, row_line
from chatapp.tui.screens.list_page import ListPage, Row

_SPACE, _EDGE = 7, 4
_SHARE, _LIST_MOST, _DETAIL_MOST = 0.615, 110, 78
KEYS = (
    ("↑ ↓", "message"),
    ("← →", "sibling"),
    ("enter", "go there"),
    ("d", "compare with sibling"),
    ("f", "fork"),
    ("x", "to the trash"),
    ("u", "undo"),
    ("esc", "page"),
)
_SHORT = {"compare with sibling": "compare", "to the trash": "trash"}


class BranchPage(ListPage):
    """Draws the rows in view of a tree of any size."""

    def __init__(self, tree: Tree, title: str, at: int | None) -> None:
        super().__init__()
        self.trashed = 0
        self._tree = tree
        self._title = title
        self.show(at)

    def show(self, message_id: int | None) -> None:
        """Take the tree as it is now, and stand on a message, or on the tip."""
        self._all = branch_rows(self._tree)
        self._lines_of = [line for line, row in enumerate(self._all) if row.message is not None]
        self._places = {self._message_at(place).id: place for place in range(len(self._lines_of))}
        self._index = {line: place for place, line in enumerate(self._lines_of)}
        self._leaves = self._tree.leaves()
        tip = self._tree.tip()
        wanted = message_id if message_id in self._places else tip.id if tip else None
        self.at = self._places.get(wanted, 0) if wanted is not None else 0
        self._follow = True
        self.redraw()

    @property
    def here(self) -> Message | None:
        """The message one stands on."""
        return self._message_at(self.at) if self.at < len(self._lines_of) else None

    def stand_on_message(self, message_id: int) -> None:
        """Go to a message."""
        if (place := self._places.get(message_id)) is not None:
            self.stand_on(place)

    def line(self, place: int, look: Look, cells: int, now: datetime) -> Row:
        """One line of the list, and what it belongs to."""
        row, index = self._all[place], self._index.get(place)
        return row_line(row, look, cells, now, stood_on=index == self.at), index

    def _message_at(self, place: int) -> Message:
        message = self._all[self._lines_of[place]].message
        assert message is not None  # noqa: S101  only lines with a message are counted
        return message

    # What the page is made of -------------------------------------------------------------------------------

    def count(self) -> int:
        """How many messages there are."""
        return len(self._lines_of)

    def head(self) -> tuple[str, str]:
        """The title, and how large the tree is."""
        leaves = "1 leaf" if self._leaves == 1 else f"{self._leaves:,} leaves"
        trash = f", {self.trashed:,} in the trash" if self.trashed else ""
        return "Branches", f"{counted(self.count(), 'message')}, {leaves}{trash}"

    def about(self) -> str:
        """The title of the session."""
        return self._title

    def rows(self, look: Look, cells: int, *, roomy: bool) -> Sequence[Row]:  # noqa: ARG002  a tree has one form
        """The tree, whose lines are drawn when they are looked at."""
        return _Drawn(self, len(self._all), look, cells)

    def places(self) -> Sequence[int]:
        """The line of the message one stands on."""
        return self._lines_of[self.at : self.at + 1]

    def detail(self, look: Look, cells: int) -> list[Line]:
        """The message one stands on, and how it was made."""
        return detail_lines(self._tree, self.here, look, cells, self.room) if self.here else []

    def key_line(self, look: Look, cells: int) -> Line:
        """The keys, in few words where the terminal is narrow."""
        line = keys(KEYS, look.muted, look.faint)
        if width(line) <= cells:
            return line
        short = [(key, _SHORT.get(does, does)) for key, does in KEYS]
        while width(line := keys(short, look.muted, look.faint)) > cells and len(short) > 1:
            short.pop(0 if len(short) > 6 else -2)
        return line

    @property
    def _columns(self) -> tuple[int, int]:
        left, right = super()._columns
        if not right:
            return left, 0
        cells = self.size.width - 2 * _EDGE
        left = min(_LIST_MOST, round(cells * _SHARE))
        return left, min(_DETAIL_MOST, cells - left - _SPACE)


class _Drawn(Sequence[Row]):
    """The lines of the list, each drawn when it is asked for."""

    def __init__(self, page: BranchPage, many: int, look: Look, cells: int) -> None:
        self._page, self._many, self._look, self._cells = page, many, look, cells
        self._now = datetime.now().astimezone()

    def __len__(self) -> int:
        return self._many

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """A line, or several."""
        if isinstance(place, int):
            return self._page.line(place, self._look, self._cells, self._now)
        return [self[one] for one in range(*place.indices(self._many))]
