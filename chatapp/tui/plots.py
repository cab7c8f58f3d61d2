"""Curves in a terminal: a canvas of braille dots, two to a cell's width and four to its height."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from chatapp.tui.lines import PLAIN, Line

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot, by row and column."""


class Canvas:
    """Dots with styles. Where two curves share a cell, the one that is drawn last gives it its style."""

    def __init__(self, cells: int, lines: int) -> None:
        self.cells, self.lines = cells, lines
        self._bits = [[0] * cells for _ in range(lines)]
        self._styles = [[PLAIN] * cells for _ in range(lines)]

    @property
    def width(self) -> int:
        """Dots from left to right."""
        return 2 * self.cells

    @property
    def height(self) -> int:
        """Dots from top to bottom."""
        return 4 * self.lines

    def row_of(self, share: float) -> int:
        """The row of dots of a share of 1, which stands at the top."""
        return round((1 - max(0.0, min(1.0, share))) * (self.height - 1))

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set a dot; outside of the canvas there are none."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._bits[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            self._styles[y // 4][x // 2] = style

    def curve(self, shares: Sequence[float], style: Style) -> None:
        """Values at even distances over the whole width, with straight lines between them."""
        last = len(shares) - 1
        before: int | None = None
        for x in range(self.width):
            at = x / (self.width - 1) * last
            low = min(int(at), max(0, last - 1))
            high = min(low + 1, last)
            y = self.row_of(shares[low] + (shares[high] - shares[low]) * (at - low))
            top, bottom = sorted((y if before is None else before, y))
            for between in range(top + 1, bottom):  # a steep piece does not fall apart into dots
                self.dot(x, between, style)
            self.dot(x, y, style)
            before = y

    def level(self, share: float, style: Style, every: int = 4) -> None:
        """A dotted line from left to right."""
        for x in range(0, self.width, every):
            self.dot(x, self.row_of(share), style)

    def upright(self, share: float, style: Style, every: int = 2) -> None:
        """A dotted line from top to bottom, a share of the width from the left."""
        x = round(max(0.0, min(1.0, share)) * (self.width - 1))
        for y in range(0, self.height, every):
            self.dot(x, y, style)

    def drawn(self) -> list[Line]:
        """The canvas as lines."""
        return [
            [(chr(0x2800 + bits) if bits else " ", style) for bits, style in zip(row, styles, strict=True)]
            for row, styles in zip(self._bits, self._styles, strict=True)
        ]


def spread(rows: Sequence[int], lines: int) -> list[int]:
    """A line of its own for each label, as near as can be to where it belongs; the order is kept.

    Args:
        rows: The line that each label belongs to, from the top one down.
        lines: How many lines there are, at least as many as labels.
    """
    placed: list[int] = []
    for row in rows:
        placed.append(max(row, placed[-1] + 1) if placed else row)
    for place in reversed(range(len(placed))):
        most = lines - 1 if place == len(placed) - 1 else placed[place + 1] - 1
        placed[place] = min(placed[place], most)
    return placed
