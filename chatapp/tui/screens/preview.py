"""A question before something is written: every value in full, Cancel by default, and no answer by a held key."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import display_line
from chatapp.tui.lines import Line, ends, flow, gap, indent, keys, strip
from chatapp.tui.lines import on as on_ground
from chatapp.tui.look import Look, look_of

GUARD_SECONDS = 0.5
"""Enter is not an answer so soon after the question: the key may still be held from before."""
WIDTH, LOW = 76, 30
_EDGE, _LABEL = 3, 9
_AROUND = 6
"""Lines around the values: edge, title, a blank one; a blank one, the choices, edge."""


class Preview(ModalScreen[bool]):
    """Shows values that the app made; ends with whether a person wants them."""

    CSS = (
        "Preview { align: center top; background: $background 62%; } Preview > Widget { background: transparent; }"
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,right,tab,shift+tab", "other", "cancel or do it", show=False, id="preview.other", priority=True
        ),
        Binding("up", "scroll(-1)", "up", show=False, id="preview.up", priority=True),
        Binding("down", "scroll(1)", "down", show=False, id="preview.down", priority=True),
        Binding("enter", "choose", "take the choice", show=False, id="preview.choose", priority=True),
        Binding("escape", "cancel", "cancel", show=False, id="preview.cancel", priority=True),
    ]

    def __init__(
        self,
        title: str,
        facts: Sequence[tuple[str, str]],
        verb: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask.

        Args:
            title: what would be made.
            facts: its values, as label and value.
            verb: the word for doing it.
            clock: tells how long the question has been there.
        """
        super().__init__()
        self._values = _Values(title, facts, verb)
        self._clock = clock
        self._asked = clock()

    def compose(self) -> ComposeResult:
        """One widget that draws it all."""
        yield self._values

    def on_mount(self) -> None:
        """The time counts from when it can be seen."""
        self._asked = self._clock()

    def on_resize(self) -> None:
        """Lie at the fifth line, or higher where there are few."""
        top = 1 if self.size.height < LOW else 4
        self._values.styles.margin = (top, 0, 0, 0)
        self._values.place(min(WIDTH, self.size.width - 4), self.size.height - top - 1)

    def action_other(self) -> None:
        """Go to the other choice; to doing it only when everything was seen."""
        self._values.turn()

    def action_scroll(self, lines: int) -> None:
        """See the rest."""
        self._values.scroll_lines(lines)

    def action_choose(self) -> None:
        """Take the choice one stands on."""
        if self._clock() - self._asked >= GUARD_SECONDS:
            self.dismiss(self._values.doing)

    def action_cancel(self) -> None:
        """Do nothing."""
        self.dismiss(False)

    def on_click(self, event: events.Click) -> None:
        """A click beside it cancels."""
        if event.widget is self:
            self.dismiss(False)


class _Values(Widget):
    """Draws the values and the two choices."""

    def __init__(self, title: str, facts: Sequence[tuple[str, str]], verb: str) -> None:
        super().__init__()
        self._title, self._facts, self._verb = title, list(facts), verb
        self._top = 0
        self._most = 0
        self._seen = False
        self.doing = False

    def place(self, cells: int, most: int) -> None:
        """Take a width, and a height up to so many lines."""
        self.styles.width, self._most = cells, most
        self.styles.height = min(most, len(self._values(look_of(self.app), cells)) + _AROUND)
        self.call_after_refresh(self.scroll_lines, 0)

    def scroll_lines(self, lines: int) -> None:
        """Move on; the end is seen when it was on the screen."""
        last = max(0, len(self._values(look_of(self.app), self.size.width)) - self._room)
        self._top = max(0, min(last, self._top + lines))
        self._seen = self._seen or self._top == last
        self.refresh()

    def turn(self) -> None:
        """Stand on the other choice."""
        self.doing = not self.doing and self._seen
        self.refresh()

    @property
    def _room(self) -> int:
        return max(1, self.size.height - _AROUND)

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        look, (cells, height) = look_of(self.app), self.size
        if y in {0, height - 1}:
            edge = "─" if not look.grounds else "▄" if y == 0 else "▀"
            return strip([(edge * cells, look.slab_edge)], cells, look.ground)
        lines: dict[int, Line] = {
            1: [gap(_EDGE), (self._title, look.strong)],
            height - 2: self._choices(look, cells),
        }
        values = self._values(look, cells)
        if 3 <= y < 3 + self._room and y - 3 + self._top < len(values):
            lines[y] = values[y - 3 + self._top]
        return strip(lines.get(y, []), cells, look.slab)

    def _values(self, look: Look, cells: int) -> list[Line]:
        lines: list[Line] = []
        for label, value in self._facts:
            style = look.text if label else look.warn
            wrapped = flow([(display_line(value), style)], max(8, cells - 2 * _EDGE - _LABEL))
            lines.append([gap(_EDGE), (f"{label:<{_LABEL}}", look.faint), *wrapped[0]])
            lines += indent(wrapped[1:], _EDGE + _LABEL)
        return lines

    def _choices(self, look: Look, cells: int) -> Line:
        line: Line = [gap(_EDGE - 2)]
        for word, here in (("cancel", not self.doing), (self._verb, self.doing)):
            body: Line = [("▎" if here else " ", look.accent), (f" {word} ", look.strong if here else look.muted)]
            line += on_ground(body, look.selection, len(word) + 3) if here else body
            line.append(gap(2))
        pairs = [("← →", "choose"), ("enter", self._verb if self.doing else "cancel")]
        if not self._seen:
            pairs = [("↓", "the rest first")]
        return ends(line, [*keys(pairs, look.muted, look.faint), gap(_EDGE)], cells)
