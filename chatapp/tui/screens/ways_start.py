"""How many replies at once, and what they differ in: asked before they begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.variation import FEWEST, MOST, Differ, Variation
from chatapp.tui.lines import Line, fit, flow, gap, keys, strip
from chatapp.tui.lines import on as on_ground
from chatapp.tui.look import Look, look_of

WIDTH, LOW = 64, 30
_LABEL, _EDGE = 14, 3
Ways = Callable[[Differ, int], list[Variation]]
_NAMES = {Differ.SEED: "seeds", Differ.TEMPERATURE: "temperatures", Differ.PRESET: "presets"}


class WaysStart(ModalScreen[list[Variation] | None]):
    """Ends with the ways that were chosen, or with None."""

    CSS = "WaysStart { align: center top; background: $background 62%; } WaysStart > Widget { height: 10; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down,tab", "row", "the other question", show=False, id="ways_start.row"),
        Binding("left", "change(-1)", "fewer, or the one before", show=False, id="ways_start.less"),
        Binding("right", "change(1)", "more, or the next", show=False, id="ways_start.more"),
        *(
            Binding(str(count), f"count({count})", f"{count} replies", show=False, id=f"ways_start.{count}")
            for count in range(FEWEST, MOST + 1)
        ),
        Binding("enter", "start", "begin", show=False, id="ways_start.start"),
        Binding("escape,f6,q", "leave", "back", show=False, id="ways_start.leave"),
    ]

    def __init__(self, ways: Ways, differ: Differ) -> None:
        """`ways` makes them; they differ in `differ` at first."""
        super().__init__()
        self._question = _Question(ways, differ)

    def compose(self) -> ComposeResult:
        """One widget that draws it all."""
        yield self._question

    def on_resize(self) -> None:
        """Lie a little below the top."""
        self._question.styles.margin = (1 if self.size.height < LOW else 4, 0, 0, 0)
        self._question.styles.width = min(WIDTH, self.size.width - 4)

    def action_row(self) -> None:
        """Go to the other question."""
        self._question.row = 1 - self._question.row
        self._question.refresh()

    def action_change(self, step: int) -> None:
        """Take more or fewer, or let something else differ."""
        self._question.change(step)

    def action_count(self, count: int) -> None:
        """Take so many."""
        self._question.count = count
        self._question.refresh()

    def action_start(self) -> None:
        """Begin."""
        self.dismiss(self._question.chosen)

    def action_leave(self) -> None:
        """Begin nothing."""
        self.dismiss(None)


class _Question(Widget):
    """Two rows, and what they come to."""

    def __init__(self, ways: Ways, differ: Differ) -> None:
        super().__init__()
        self._ways = ways
        self.count = 4
        self.differ = differ
        self.row = 0

    @property
    def chosen(self) -> list[Variation]:
        """The ways, as the rows stand."""
        return self._ways(self.differ, self.count)

    def change(self, step: int) -> None:
        """Change the row that one stands on."""
        if self.row == 0:
            self.count = max(FEWEST, min(MOST, self.count + step))
        else:
            order = list(Differ)
            self.differ = order[(order.index(self.differ) + step) % len(order)]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the sheet."""
        look = look_of(self.app)
        lines = self._lines(look)
        line = lines[y] if y < len(lines) else []
        cells = self.size.width
        return strip(on_ground([gap(_EDGE), *fit(line, cells - 2 * _EDGE)], look.slab, cells), cells, look.slab)

    def _lines(self, look: Look) -> list[Line]:
        titles = [one.title for one in self.chosen]
        told = flow([(" · ".join(title.replace("temp ", "") for title in titles), look.muted)], WIDTH - 3 * _EDGE)
        return [
            [],
            [("Several replies at once", look.strong)],
            [],
            self._choice(look, 0, "replies", str(self.count)),
            self._choice(look, 1, "they differ in", _NAMES[self.differ]),
            [],
            *[told[place] if place < len(told) else [] for place in range(2)],
            keys((("enter", "begin"), ("← →", "change"), ("esc", "back")), look.muted, look.faint),
        ]

    def _choice(self, look: Look, row: int, label: str, value: str) -> Line:
        here = self.row == row
        return [
            ("▎" if here else " ", look.accent),
            (f"{label:<{_LABEL}}", look.strong if here else look.muted),
            ("  ‹ ", look.accent if here else look.faint),
            (value, look.strong if here else look.text),
            (" ›", look.accent if here else look.faint),
        ]
