"""The context inspector: the exact prompt as the model gets it, token by token, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.context import PARTS, ContextPlan
from chatapp.tui.lines import Line, beside, ends, flow, gap, keys, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.prompt_lines import PART_NAMES, Shown, part_lines, rows, summary

LOW, NARROW = 30, 100
_EDGE, _SPACE, _PARTS = 4, 4, 36
_WHEEL = 3


class Inspector(Screen[None]):
    """A page of tokens, with the parts beside it where there is room."""

    CSS_PATH = "../styles/inspector.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "line up", show=False, id="prompt.up"),
        Binding("down", "scroll(1)", "line down", show=False, id="prompt.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="prompt.page_up"),
        Binding("pagedown,space", "page(1)", "page down", show=False, id="prompt.page_down"),
        Binding("home,g", "scroll(-1000000)", "top", show=False, id="prompt.top"),
        Binding("end,G", "scroll(1000000)", "bottom", show=False, id="prompt.bottom"),
        Binding("b", "boundaries", "where tokens begin", show=False, id="prompt.boundaries"),
        Binding("escape,f8,q,i", "leave", "back to the page", show=False, id="prompt.leave"),
    ]

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._body = PromptPage(shown)

    def compose(self) -> ComposeResult:
        """The page."""
        yield self._body

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self._body.scroll_lines(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by what the screen holds."""
        self._body.scroll_lines(pages * max(1, self._body.room - 1))

    def action_boundaries(self) -> None:
        """Show where each token begins, or do not."""
        self._body.toggle_boundaries()

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)


class PromptPage(Widget):
    """Draws the lines in view; all rows are laid out once for each width and theme."""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown
        self._boundaries = False
        self._top = 0
        self._rows: tuple[tuple[Look, Size, bool], list[Line], list[Line]] | None = None

    @property
    def room(self) -> int:
        """Lines for the tokens."""
        return max(1, self.size.height - len(self._laid_out()[1]) - 3)

    def scroll_lines(self, lines: int) -> None:
        """Scroll, and stay within the prompt."""
        self._top = max(0, min(self._top + lines, len(self._laid_out()[0]) - self.room))
        self.refresh()

    def toggle_boundaries(self) -> None:
        """Show where each token begins, or do not."""
        self._boundaries = not self._boundaries
        self.scroll_lines(0)

    def on_resize(self) -> None:
        """The rows are others now."""
        self.scroll_lines(0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(-_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(_WHEEL)

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        look = look_of(self.app)
        return strip([gap(_EDGE), *self._line(y, look)], self.size.width, look.ground)

    def _line(self, y: int, look: Look) -> Line:
        body, head = self._laid_out()
        cells = self.size.width - 2 * _EDGE
        if y < len(head):
            return head[y]
        if y == self.size.height - 2:
            below = len(body) - self._top - self.room
            more: Line = [(f"{below:,} more lines ↓", look.faint)] if below > 0 else []
            does = (("↑ ↓", "scroll"), ("b", "token boundaries"), ("esc", "page"))
            return ends(keys(does, look.muted, look.faint), more, cells)
        place = y - len(head)
        return body[self._top + place] if 0 <= place < self.room and self._top + place < len(body) else []

    def _laid_out(self) -> tuple[list[Line], list[Line]]:
        """The rows of tokens, and the lines above them."""
        look = look_of(self.app)
        key = (look, self.size, self._boundaries)
        if self._rows is None or self._rows[0] != key:
            cells = max(8, min(96, self._width - 2))
            body = rows(self._shown, look, cells, boundaries=self._boundaries)
            self._rows = (key, body, self._head(look))
        return self._rows[1], self._rows[2]

    @property
    def _width(self) -> int:
        return self.size.width - 2 * _EDGE

    def _head(self, look: Look) -> list[Line]:
        plan, wide = self._shown.prompt.plan, self.size.width >= NARROW
        left = self._width - (_PARTS + _SPACE if wide else 0)
        said: list[Line] = [[(summary(self._shown), look.muted)]]
        said += flow([(self._shown.why, look.muted)], left) if self._shown.why else []
        said += [] if wide else flow([(_figures(plan), look.faint)], left)
        legend: Line = [("▎", look.accent), (" read for the last reply   ", look.faint)]
        legend.append(("· since then   no mark: reused", look.faint))
        if self._shown.read:
            said += [[], legend] if wide else [legend]
        parts = part_lines(plan, look, _PARTS) if wide else []
        title: Line = [("Prompt", look.strong), gap(3), ("as the model gets it", look.faint)]
        above: list[Line] = [[], title, []] if self.size.height >= LOW else [title]
        return [*above, *beside([(said, left), (parts, _PARTS)], _SPACE), []]


def _figures(plan: ContextPlan) -> str:
    """The parts of the prompt on one line."""
    parts = [(PART_NAMES[part], getattr(plan, part)) for part in PARTS]
    return " · ".join(f"{name} {tokens:,}" for name, tokens in [*parts, ("free", plan.free)] if tokens)
