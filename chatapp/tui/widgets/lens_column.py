"""The token under the lens, beside the page: as wide as the sampling column that it hides."""

from __future__ import annotations

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.lens_lines import column
from chatapp.tui.lens_state import Reading
from chatapp.tui.lines import Line, indent, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.widgets.lens_bar import LOW
from chatapp.tui.widgets.sampling.column import WIDE, WIDE_FROM, WIDTH

_MARGIN = 2


class LensColumn(Widget):
    """Shows a reading; its keys are those of the bar."""

    DEFAULT_CSS = "LensColumn { width: auto; height: 100%; background: $background; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._reading: Reading | None = None
        self._drawn: tuple[tuple[object, ...], list[Line]] | None = None

    def show(self, reading: Reading | None) -> None:
        """Show a reading."""
        if reading is not self._reading:
            self._reading = reading
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """As wide as the sampling column would be."""
        return WIDE if viewport.width >= WIDE_FROM else WIDTH

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of a drawing that is kept until something in it changes."""
        look = look_of(self.app)
        lines = self._lines(look)
        return strip(lines[y] if y < len(lines) else [], self.size.width, look.ground)

    def _lines(self, look: Look) -> list[Line]:
        key = (look, self._reading, self.size)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self._draw(look)
        return self._drawn[1]

    def _draw(self, look: Look) -> list[Line]:
        if self._reading is None:
            return []
        top = 1 if self.app.size.height >= LOW else 0
        lines = column(look, self._reading, self.size.width - 2 * _MARGIN, self.size.height - top - 1)
        return [*([[]] * top), *indent(lines, _MARGIN)]
