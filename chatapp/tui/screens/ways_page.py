"""The page on which several replies are written side by side."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, clip, ends, gap, keys, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.ways_lines import SPACE, Column, columns, parting_lines
from chatapp.tui.widgets.transcript.frame_clock import FrameClock

LOW, NARROW = 30, 100
AT_ONCE, AT_ONCE_NARROW = 4, 2
NUMBERS = ("", "", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
_DOES = (
    ("enter", "keep one"),
    ("space", "keep several"),
    ("← →", "look at"),
    ("x", "stop this"),
    ("w", "where they part"),
)


class WaysPage(Widget):
    """Draws the columns in view, at most 15 times a second."""

    def __init__(self, shown: Sequence[Column], question: str, alone: float) -> None:
        """A page.

        Args:
            shown: All the replies; they grow while they are shown.
            question: What they answer.
            alone: Tokens per second of one reply by itself, as far as that was measured; else 0.
        """
        super().__init__()
        self._all = shown
        self._question = question
        self._alone = alone
        self._drawn: list[Line] = []
        self._clock = FrameClock(self._draw, self.set_timer)
        self.at = 0
        self.rate = 0.0
        """Tokens per second of all together."""
        self.parting = False
        """Whether the tree of where they part takes the place of the columns."""
        self.said = ""
        """A sentence for people, in the place of the keys."""

    def ask(self) -> None:
        """Draw soon: something was said."""
        self._clock.ask()

    def redraw(self) -> None:
        """Draw now: a key was pressed."""
        self._draw()

    def on_resize(self) -> None:
        """Every line is another."""
        self._draw()

    def _draw(self) -> None:
        with self._clock.measure():
            self._drawn = self._lines(look_of(self.app))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        look = look_of(self.app)
        line = self._drawn[y] if y < len(self._drawn) else []
        return strip([gap(self._edge), *line], self.size.width, look.ground)

    @property
    def _edge(self) -> int:
        return 4 if self.size.width >= NARROW else 2

    @property
    def in_view(self) -> list[Column]:
        """The columns of the page that the one looked at is on."""
        each = AT_ONCE if self.size.width >= NARROW else AT_ONCE_NARROW
        first = self.at - self.at % each
        return list(self._all[first : first + each])

    def _lines(self, look: Look) -> list[Line]:
        cells, height = self.size.width - 2 * self._edge, self.size.height
        cells -= (cells - SPACE * (len(self.in_view) - 1)) % len(self.in_view)  # the columns' own right edge
        low = height < LOW
        head: list[Line] = [] if low else [[]]
        head += [self._title(look, cells), *([] if low else [[]]), self._asked(look, cells), []]
        foot: list[Line] = [[], self._keys(look, cells), *([] if low else [[]])]
        room = height - len(head) - len(foot)
        tree = parting_lines(self._all, self.at, look, cells) if self.parting or not low else []
        if self.parting:
            body = tree or [[("They have not parted yet.", look.faint)]]
        else:
            under = [[], [], *tree] if tree and room - len(tree) - 2 >= max(12, room // 2) else []
            body = columns(self.in_view, self._all, self.at, look, (cells, room - len(under))) + under
        body = body[:room]
        return [*head, *body, *([[]] * (room - len(body))), *foot]

    def _title(self, look: Look, cells: int) -> Line:
        left: Line = [
            (f"{NUMBERS[len(self._all)]} ways", look.strong),
            gap(3),
            ("one prompt, paid once", look.faint),
        ]
        pages = -(-len(self._all) // max(1, len(self.in_view)))
        if len(self.in_view) < len(self._all):
            here = "".join(column.letter for column in self.in_view)
            left += [gap(3), (f"{here[0]}–{here[-1]}" if pages > 1 else here, look.muted)]
        return ends(left, self._speed(look, cells), cells)

    def _speed(self, look: Look, cells: int) -> Line:
        if all(column.ended for column in self._all):
            total = sum(len(column.reply.token_ids) for column in self._all)
            return [(counted(total, "token"), look.muted)]
        if not self.rate:
            return [("◐ ", look.accent), ("reading", look.muted)]
        line: Line = [("● ", look.accent), (f"{self.rate:.1f} tok/s", look.text), (" together", look.faint)]
        if self._alone and cells >= NARROW - 8:
            line.append((f", {self.rate / self._alone:.1f} times one by one", look.faint))
        return line

    def _asked(self, look: Look, cells: int) -> Line:
        return [("› ", look.accent), (clip(display_line(self._question), cells - 2), look.strong)]

    def _keys(self, look: Look, cells: int) -> Line:
        if self.said:
            return [(clip(display_line(self.said), cells), look.warn)]
        going = not all(column.ended for column in self._all)
        does = [one for one in _DOES if going or one[0] != "x"]
        does.append(("esc", "stop all" if going else "keep all"))
        if cells < NARROW - 8:
            does = [one for one in does if one[0] not in {"w", "x"}]
        return keys(does, look.muted, look.faint)
