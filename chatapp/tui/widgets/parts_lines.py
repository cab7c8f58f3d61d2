"""Lines above the composer while a document is read part by part: which part, how far, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from chatapp.parts import Step
from chatapp.text import display_line
from chatapp.tui.lines import Line, clip, ends, gap, keys, width
from chatapp.tui.look import Look
from chatapp.tui.widgets.file_lines import MARK
from chatapp.tui.widgets.margin_lines import MarginLines

_BAR = 24
_ROOMY = 64


@dataclass(frozen=True)
class Working:
    """A step as people are shown it, with the places of its part in words."""

    step: Step
    where: str
    left: str = ""
    """The time that is left, in words."""


class PartsLines(MarginLines):
    """Where the reading of a document stands; as many lines whatever there is to say."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._working: Working | None = None

    def show(self, working: Working | None) -> None:
        """Show this; none takes the lines away."""
        if working == self._working:
            return
        appears = (working is None) != (self._working is None)
        self._working = working
        if appears:
            self.redraw()
        else:
            self.refresh()

    def lines(self, look: Look, measure: int) -> list[Line]:
        """The file and the step, the bar and the time, and the end of what was said so far."""
        if self._working is None:
            return []
        step, wide = self._working.step, measure >= _ROOMY
        does = keys([("esc", "stops, what is done is kept" if wide else "stops")], look.muted, look.faint)
        name = clip(display_line(step.file), max(8, measure - 16 - width(does)))
        head: Line = [(f"{MARK} ", look.third), (name, look.text), gap(2), ("by parts", look.muted)]
        said = " ".join(display_line(step.said).split())
        return [
            ends(head, does, measure),
            self._how_far(self._working, look, measure),
            [gap(2), (_tail(said, measure - 2), look.faint)],
            [],
        ]

    def _how_far(self, working: Working, look: Look, measure: int) -> Line:
        step = working.step
        bar = min(_BAR, measure // 4)
        filled = bar * step.done // max(1, step.total)
        word = f"part {step.place:,} of {step.of:,}" if step.round == 0 else "bringing together"
        if step.round and step.of > 1:
            word = f"{word}, {step.place:,} of {step.of:,}"
        right: Line = [(working.left, look.muted)]
        left: Line = [
            gap(2),
            ("━" * filled, look.accent),
            ("─" * (bar - filled), look.faint),
            gap(2),
            (word, look.strong),
        ]
        where = clip(working.where, max(0, measure - width(left) - width(right) - 4))
        return ends([*left, gap(2), (where, look.muted)], right, measure)


def _tail(text: str, cells: int) -> str:
    """The end of a text, as much as has room."""
    if cell_len(text) <= cells:
        return text
    while text and cell_len(text) > cells - 1:
        text = text[max(1, (len(text) - cells) // 2) :]
    return f"…{text}"
