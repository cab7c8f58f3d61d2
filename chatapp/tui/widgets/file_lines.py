"""Lines above the composer for files: those that a mention may mean, and those that go with the next message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.text import display_line
from chatapp.tui.lines import Line, clip, ends, gap, keys, width
from chatapp.tui.look import Look
from chatapp.tui.widgets.margin_lines import MarginLines

_ROOMY = 64
MARK = "▤"


@dataclass(frozen=True)
class Chip:
    """A file as people are shown it: its name, and what there is to say of it."""

    name: str
    facts: str
    warns: str = ""


class OfferLines(MarginLines):
    """The files that fit what stands behind the `@`."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._offered: Sequence[str] = ()
        self._at = 0

    def show(self, offered: Sequence[str], at: int = 0) -> None:
        """Offer these, the one that Tab takes marked."""
        if (list(offered), at) != (list(self._offered), self._at):
            self._offered, self._at = offered, at
            self.redraw()

    def lines(self, look: Look, measure: int) -> list[Line]:
        """A path on each line."""
        lines: list[Line] = []
        for place, written in enumerate(self._offered):
            here = place == self._at
            does = keys([("tab", "take"), ("↑↓", "")], look.muted, look.faint) if place == 0 else []
            does = does if measure >= _ROOMY else []
            name = clip(display_line(written), measure - 5 - width(does))
            lines.append(
                ends(
                    [("▎ " if here else "  ", look.accent), (name, look.strong if here else look.text)],
                    does,
                    measure,
                )
            )
        return [*lines, []] if lines else []


class AttachedLines(MarginLines):
    """The files that go with what is being written."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._chips: Sequence[Chip] = ()

    def show(self, chips: Sequence[Chip]) -> None:
        """Show these."""
        if list(chips) != list(self._chips):
            self._chips = chips
            self.redraw()

    def lines(self, look: Look, measure: int) -> list[Line]:
        """A mark, the name and what there is to say of it; the key that takes the last one off."""
        lines: list[Line] = []
        for place, chip in enumerate(self._chips):
            facts: Line = [gap(3), (chip.facts, look.muted), gap(3), (chip.warns, look.warn)]
            name = clip(display_line(chip.name), max(8, measure - 2 - width(facts)))
            left: Line = [(f"{MARK} ", look.third), (name, look.text), *facts]
            does = keys([("⌫ at the start", "takes it off")], look.muted, look.faint)
            last = place == len(self._chips) - 1
            lines.append(ends(left, does if last and width(left) + width(does) < measure else [], measure))
        return [*lines, []] if lines else []
