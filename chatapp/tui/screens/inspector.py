"""The context inspector: the exact prompt as the model gets it, token by token, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from chatapp.conversation.context import PARTS, ContextPlan
from chatapp.tui.lines import Line, beside, flow, gap
from chatapp.tui.look import Look
from chatapp.tui.prompt_lines import PART_NAMES, Shown, part_lines, rows, summary
from chatapp.tui.screens.reading_page import LOW, NARROW, ReadingPage, ReadingScreen

_SPACE, _PARTS = 4, 36


class Inspector(ReadingScreen[None]):
    """A page of tokens, with the parts beside it where there is room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "boundaries", "where tokens begin", show=False, id="prompt.boundaries"),
        Binding("f8,i", "leave", "back to the page", show=False, id="prompt.leave"),
    ]

    def __init__(self, shown: Shown) -> None:
        self._body = PromptPage(shown)
        super().__init__(self._body)

    def action_boundaries(self) -> None:
        """Show where each token begins, or do not."""
        self._body.toggle_boundaries()


class PromptPage(ReadingPage):
    """Draws the rows of tokens, and above them what they come to."""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown
        self._boundaries = False

    def toggle_boundaries(self) -> None:
        """Show where each token begins, or do not."""
        self._boundaries = not self._boundaries
        self.redraw()

    def body(self, look: Look, cells: int) -> list[Line]:
        """The rows of tokens."""
        return rows(self._shown, look, max(8, min(96, cells - 2)), boundaries=self._boundaries)

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys of the page."""
        return (("↑ ↓", "scroll"), ("b", "token boundaries"), ("esc", "page"))

    def above(self, look: Look) -> list[Line]:
        """The figures, and the parts beside them where there is room."""
        plan, wide = self._shown.prompt.plan, self.size.width >= NARROW
        left = self.cells - (_PARTS + _SPACE if wide else 0)
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
