"""A running app's screen as a PNG: the very strips that go to the terminal, drawn on a strict cell grid."""

from __future__ import annotations

import io
import os
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App

CELL, LINE, SIZE, BASELINE = 12, 26, 20, 20
SIXTEEN = [
    (0, 0, 0),
    (205, 80, 80),
    (110, 170, 90),
    (200, 160, 80),
    (90, 130, 200),
    (170, 110, 180),
    (90, 175, 175),
]
SIXTEEN_BRIGHT = [(95, 95, 95)] + [(220, 220, 220)] * 7
Colour = tuple[int, int, int]


class Pen:
    """Draws cells: letters from the font, lines, blocks and marks as shapes, so that they meet."""

    def __init__(self) -> None:
        upright, italic = (
            _font_file(name) for name in ("JetBrainsMono[wght].ttf", "JetBrainsMono-Italic[wght].ttf")
        )
        self._fonts = {
            (bold, slanted): _weighted(italic if slanted else upright, 700 if bold else 400)
            for bold in (False, True)
            for slanted in (False, True)
        }
        self._known = set(TTFont(upright).getBestCmap())
        self._fallback = ImageFont.truetype(str(_fallback_file(upright)), SIZE - 1)

    def cell(
        self, draw: ImageDraw.ImageDraw, at: tuple[int, int], character: str, style: Style, ink: Colour
    ) -> None:
        """One character in the cell at this pixel; its ground is painted already."""
        x, y = at
        if not self._shape(draw, x, y, character, ink):
            known = ord(character) in self._known
            font = self._fonts[bool(style.bold), bool(style.italic)] if known else self._fallback
            draw.text((x, y + BASELINE), character, font=font, fill=ink, anchor="ls")
        if style.underline:
            draw.line((x, y + 23, x + CELL - 1, y + 23), fill=ink)

    def _shape(self, draw: ImageDraw.ImageDraw, x: int, y: int, character: str, ink: Colour) -> bool:
        middle = y + LINE / 2
        code = ord(character)

        def box(left: float, top: float, right: float, bottom: float) -> None:
            draw.rectangle((x + round(left), round(top), x + round(right) - 1, round(bottom) - 1), fill=ink)

        if character in "─━╸╺╴":
            thick = 3 if character in "━╸╺" else 1
            left, right = {"╸": (0, CELL / 2), "╴": (0, CELL / 2), "╺": (CELL / 2, CELL)}.get(character, (0, CELL))
            box(left, middle - thick / 2, right, middle + thick / 2 + 0.5)
        elif character in "┼┿":
            thick = 3 if character == "┿" else 1
            box(0, middle - thick / 2, CELL, middle + thick / 2 + 0.5)
            box(CELL / 2 - 0.5, middle - 5, CELL / 2 + 0.6, middle + 6)
        elif character == "│":
            box(CELL / 2 - 0.5, y, CELL / 2 + 0.6, y + LINE)
        elif character == "●":
            draw.ellipse((x + 1, middle - 5, x + 11, middle + 5), fill=ink)
        elif character == "▀":
            box(0, y, CELL, middle)
        elif 0x2801 <= code <= 0x28FF:
            for bit in range(8):
                if (code - 0x2800) >> bit & 1:
                    column, row = (bit // 3, bit % 3) if bit < 6 else (bit - 6, 3)
                    across, down = x + 3 + 6 * column, y + LINE * (2 * row + 1) / 8
                    draw.ellipse((across - 1, down - 1, across + 1, down + 1), fill=ink)
        elif 0x2581 <= code <= 0x2588:
            box(0, y + LINE * (1 - (code - 0x2580) / 8), CELL, y + LINE)
        elif 0x2589 <= code <= 0x258F:
            box(0, y, CELL * (1 - (code - 0x2588) / 8), y + LINE)
        else:
            return False
        return True


def take(app: App[Any], path: Path) -> None:
    """Draw the app's present screen into a PNG."""
    width, height = app.size
    theme = _terminal_theme(app)
    image = Image.new("RGB", (width * CELL, height * LINE), tuple(theme.background_color))
    draw = ImageDraw.Draw(image)
    pen = Pen()
    for y, row in enumerate(_rows(app, width, height)):
        x = 0
        for text, style, _ in row:
            ink, ground = _colours(style or Style(), theme)
            for character in text:
                cells = cell_len(character)
                draw.rectangle((x * CELL, y * LINE, (x + cells) * CELL - 1, (y + 1) * LINE - 1), fill=ground)
                pen.cell(draw, (x * CELL, y * LINE), character, style or Style(), ink)
                x += cells
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _rows(app: App[Any], width: int, height: int) -> list[list[Segment]]:
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True,
        legacy_windows=False,
    )  # fmt: skip
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))  # noqa: SLF001
    segments = Segment.filter_control(console._record_buffer)  # noqa: SLF001  what export_screenshot reads too
    return list(Segment.split_and_crop_lines(segments, length=width, include_new_lines=False))[:height]


def _terminal_theme(app: App[Any]) -> TerminalTheme:
    ground, ink = (app.theme_variables[name].lstrip("#") for name in ("background", "foreground"))
    back, fore = ((int(c[:2], 16), int(c[2:4], 16), int(c[4:6], 16)) for c in (ground, ink))
    return TerminalTheme(back, fore, [*SIXTEEN, (200, 200, 200)], SIXTEEN_BRIGHT)


def _colours(style: Style, theme: TerminalTheme) -> tuple[Colour, Colour]:
    ink: Colour = tuple(style.color.get_truecolor(theme)) if style.color else tuple(theme.foreground_color)  # type: ignore[assignment]
    ground: Colour = (
        tuple(style.bgcolor.get_truecolor(theme, foreground=False))
        if style.bgcolor
        else tuple(theme.background_color)  # type: ignore[assignment]
    )
    if style.reverse:
        ink, ground = ground, ink
    if style.dim:
        ink = tuple(round(0.6 * a + 0.4 * b) for a, b in zip(ink, ground, strict=True))  # type: ignore[assignment]
    return ink, ground


def _font_file(name: str) -> Path:
    fonts = distribution("fontpkg-jetbrains-mono")
    return next(Path(str(fonts.locate_file(file))) for file in fonts.files or () if file.name == name)


def _fallback_file(otherwise: Path) -> Path:
    """DejaVu Sans Mono has the few marks that JetBrains Mono lacks."""
    found = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
    chosen = Path(os.environ.get("FALLBACK_FONT", found))
    return chosen if chosen.exists() else otherwise


def _weighted(file: Path, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(file), SIZE)
    font.set_variation_by_axes([weight])
    return font
