"""The first frame: the empty page, with the composer and the status line where they will be."""

from __future__ import annotations

from rich.segment import Segment
from textual.app import ComposeResult
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.lines import Line, gap, on, strip
from chatapp.tui.look import look_of
from chatapp.tui.page import page_geometry


class Curtain(Screen[None]):
    """Shown for the moment that the rooms take to open."""

    def compose(self) -> ComposeResult:
        """One widget that draws it all."""
        yield _EmptyPage()


class _EmptyPage(Widget):
    DEFAULT_CSS = "_EmptyPage { width: 100%; height: 100%; background: $background; }"

    def render_line(self, y: int) -> Strip:
        """The slab of the composer, three lines high, and the status line below it."""
        look = look_of(self.app)
        width, height = self.size
        x, measure = page_geometry(width)
        left = max(0, x - 2)
        lines: dict[int, Line] = {
            height - 5: [gap(left), ("▄" * (measure + 4), look.slab_edge)],
            height - 4: [gap(left), *on([gap(2), ("›", look.accent)], look.slab, measure + 4)],
            height - 3: [gap(left), ("▀" * (measure + 4), look.slab_edge)],
            height - 2: [gap(x + 2), ("○ ", look.accent), ("starting", look.text)],
        }
        if not look.grounds and y in {height - 5, height - 3}:
            return Strip([Segment(" " * width)], width)
        return strip(lines.get(y, []), width, look.ground)
