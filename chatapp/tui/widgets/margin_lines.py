"""Quiet lines above the composer, there only when there is something to say: commands, and what is due."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import display_line
from chatapp.tui.commands import Command
from chatapp.tui.lines import Line, clip, ends, flow, gap, keys, strip, width
from chatapp.tui.look import Look, look_of
from chatapp.tui.page import page_geometry

MOST_DUE = 3
_ROOMY = 64
"""Cells from which there is room for the key beside what a command does."""


class MarginLines(Widget):
    """Lines on the page's edges; takes no room without any."""

    DEFAULT_CSS = "MarginLines { height: 0; background: $background; }"

    def lines(self, look: Look, measure: int) -> list[Line]:
        """What there is to say, on so many cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Something else is to be said."""
        self._take_room()
        self.refresh()

    def on_resize(self) -> None:
        """On another measure there may be more lines, or fewer."""
        self._take_room()

    def _take_room(self) -> None:
        cells = self.container_size.width or self.app.size.width
        self.styles.height = len(self.lines(look_of(self.app), page_geometry(cells)[1]))

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        look = look_of(self.app)
        x, measure = page_geometry(self.size.width)
        lines = self.lines(look, measure)
        return strip([gap(x), *lines[y]] if y < len(lines) else [], self.size.width, look.ground)


class CommandLines(MarginLines):
    """The commands that what is being written may become."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._commands: Sequence[Command] = ()

    def show(self, commands: Sequence[Command]) -> None:
        """Offer these."""
        if list(commands) != list(self._commands):
            self._commands = commands
            self.redraw()

    def lines(self, look: Look, measure: int) -> list[Line]:
        """A name, what follows it, and what it does."""
        wide = max((len(one.name) + len(one.takes) for one in self._commands), default=0) + 2
        lines: list[Line] = []
        for place, one in enumerate(self._commands):
            name = f"/{one.name}"
            left: Line = [gap(2), (name, look.text), (f" {one.takes}" if one.takes else "", look.faint)]
            left.append(gap(wide + 2 - len(name) - len(one.takes) - bool(one.takes)))
            does = keys([("tab", "take")], look.muted, look.faint) if place == 0 and measure >= _ROOMY else []
            said = flow([(one.does, look.muted)], max(8, measure - wide - 5 - width(does)))
            lines.append(ends([*left, *said[0]], does, measure))
            lines += [[gap(wide + 4), *line] for line in said[1:]]
        return [*lines, []] if lines else []


class DueLines(MarginLines):
    """What has become due while the app runs, until it is dealt with."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._due: list[tuple[str, str]] = []

    def show(self, due: list[tuple[str, str]]) -> None:
        """Say when and what."""
        if due != self._due:
            self._due = due
            self.redraw()

    def lines(self, look: Look, measure: int) -> list[Line]:
        """One line each, and one for those that are more than a few."""
        lines: list[Line] = []
        for place, (when, text) in enumerate(self._due[:MOST_DUE]):
            does = keys([("F9", "agenda")], look.text, look.faint) if place == 0 else []
            room = max(0, measure - len(when) - 5 - width(does))
            left: Line = [("! ", look.warn), (display_line(when), look.warn), gap(2)]
            lines.append(ends([*left, (clip(display_line(text), room), look.strong)], does, measure))
        if (more := len(self._due) - MOST_DUE) > 0:
            lines.append([gap(2), (f"{more:,} more", look.faint)])
        return [*lines, []] if lines else []
