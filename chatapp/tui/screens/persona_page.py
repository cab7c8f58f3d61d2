"""The page that the persona picker draws: the list at the left, and the persona one stands on at the right."""

from __future__ import annotations

from collections.abc import Sequence

from chatapp.personas import Listed
from chatapp.text import display_line
from chatapp.tui.lines import Line, keys, width
from chatapp.tui.look import Look
from chatapp.tui.screens.list_page import ListPage, Row
from chatapp.tui.screens.persona_lines import Standing, by_origin, list_lines, preview_lines


class PersonaPage(ListPage):
    """Draws the personas."""

    def __init__(self, listed: Sequence[Listed], *, current: str, default: str, context: int) -> None:
        super().__init__(next((i for i, one in enumerate(listed) if one.name.casefold() == current.casefold()), 0))
        self.listed = list(listed)
        self.costs: dict[str, int] = {}
        self._names = current, default
        self._room_in_model = context

    @property
    def here(self) -> Listed | None:
        """The persona one stands on."""
        return self.listed[self.at] if self.listed else None

    def count(self) -> int:
        """How many personas there are."""
        return len(self.listed)

    def head(self) -> tuple[str, str]:
        """The title, and how many there are of each origin."""
        return "Personas", by_origin(self.listed)

    def rows(self, look: Look, cells: int, *, roomy: bool) -> list[Row]:
        """The personas, in their groups."""
        return list_lines(self.listed, Standing(self.at, *self._names), look, cells, roomy=roomy)

    def detail(self, look: Look, cells: int) -> list[Line]:
        """The persona one stands on."""
        one = self.here
        if one is None:
            return []
        cost = self.costs.get(one.persona.digest) if one.persona else None
        return preview_lines(one, cost, self._room_in_model, look, cells)

    def key_line(self, look: Look, cells: int) -> Line:
        """The keys, in few words where the terminal is narrow."""
        one = self.here
        usable = one is not None and not one.problem
        name = display_line(one.name) if one else ""
        begin = [("enter", f"new session with {name}"), ("a", "apply here")] if usable else []
        line = keys([*begin, ("e", "edit the file"), ("n", "new"), ("esc", "page")], look.muted, look.faint)
        if width(line) <= cells:
            return line
        short = [("enter", "new session"), ("a", "apply here"), ("e", "edit"), ("n", "new"), ("esc", "page")]
        return keys(short, look.muted, look.faint)
