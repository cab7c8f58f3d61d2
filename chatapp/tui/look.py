"""The colour roles. Widgets ask for a role, never for a colour.

Greys are found by contrast ratio, not by alpha: the background is blended towards the foreground until the ratio
is reached, measured on the slab (the ground of the composer and of code), so that it holds there too. So every
theme is as quiet as every other. Ratios are those of WCAG 2 (relative luminance).
"""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.app import App
from textual.color import Color

_WHITE, _BLACK = Color.parse("#ffffff"), Color.parse("#000000")

TEXT_CONTRAST = 6.0
MUTED_CONTRAST, SOFT_MUTED_CONTRAST = 4.9, 4.5
FAINT_CONTRAST = 3.05
COLOUR_CONTRAST = 4.5
HEAT = (0.13, 0.30, 0.48, 0.62)
"""How far each ground of surprise is blended: three towards the warning colour, the last towards the error's."""
SOFT_THEME = 8.0
"""A theme whose text has less contrast than this is soft, and its muted tone steps back with it."""


class Look:
    """The roles of one theme, as Rich styles; `*_colour` are the colours behind them."""

    def __init__(self, app: App[object]) -> None:
        self.ansi = bool(app.current_theme.ansi)
        self.no_color = app.no_color
        self.dark = app.current_theme.dark
        if self.ansi:
            self._take_terminal_colours()
        else:
            self._take_theme(app.theme_variables)

    def _take_theme(self, variables: dict[str, str]) -> None:
        ground, text = Color.parse(variables["background"]), Color.parse(variables["foreground"])
        pole = _WHITE if self.dark else _BLACK
        text = _towards(text, pole, TEXT_CONTRAST, ground)
        soft = contrast(text, ground) <= SOFT_THEME
        self.ground_colour, self.text_colour = ground, text
        self.slab_colour = _towards(ground, text, 1.14, ground)
        self.alternate_colour = _towards(ground, text, 1.22, ground)
        self.selection_colour = _towards(ground, text, 1.34, ground)

        def grey(ratio: float) -> Style:
            return _ink(_towards(ground, text, ratio, self.slab_colour))

        def colour(name: str) -> Color:
            if self.no_color:
                return text
            return _towards(Color.parse(variables[name]), pole, COLOUR_CONTRAST, self.slab_colour)

        self.ground = _paper(ground)
        self.text = _ink(text)
        self.strong = _ink(text.blend(pole, 0.35)) + Style(bold=True)
        self.muted = grey(SOFT_MUTED_CONTRAST if soft else MUTED_CONTRAST)
        self.faint = grey(FAINT_CONTRAST)
        self.track = _ink(_towards(ground, text, 2.1, ground))
        self.rule = _ink(_towards(ground, text, 1.7, ground))
        self.accent_colour, self.warn_colour, self.err_colour = map(colour, ("primary", "warning", "error"))
        self.accent = self.strong if self.no_color else _ink(self.accent_colour)
        self.warn, self.err = _ink(self.warn_colour), _ink(self.err_colour)
        self.ok, self.second, self.third = (_ink(colour(name)) for name in ("success", "secondary", "accent"))
        self.slab, self.alternate = _paper(self.slab_colour), _paper(self.alternate_colour)
        self.selection = _paper(self.selection_colour)
        self.slab_edge, self.selection_edge = _ink(self.slab_colour), _ink(self.selection_colour)
        self.heat = self._without_colours() if self.no_color else self._heat(pole)
        self.cursor = Style(bold=True) + (Style(reverse=True) if self.no_color else _ink(ground) + _paper(text))

    def _heat(self, pole: Color) -> tuple[Style, ...]:
        """Grounds from cool to hot, the ink on them readable; what was expected steps back without one."""
        warm, hot = self.warn_colour, self.err_colour
        tones = [
            self.ground_colour.blend(tone, share)
            for tone, share in zip((warm, warm, warm, hot), HEAT, strict=True)
        ]
        inks = [_towards(self.text_colour, pole, COLOUR_CONTRAST, tone) for tone in tones]
        levels = [_ink(ink) + _paper(tone) for ink, tone in zip(inks, tones, strict=True)]
        levels[-1] += Style(bold=True)
        return self.muted, *levels

    def _without_colours(self) -> tuple[Style, ...]:
        """The same steps by weight and line."""
        plain = self.text
        return (
            self.faint,
            plain,
            plain + Style(underline=True),
            self.strong + Style(underline=True),
            plain + Style(reverse=True),
        )

    def _take_terminal_colours(self) -> None:
        """Sixteen colours that are not ours: brightness by `dim` and `bold`, grounds left alone."""
        self.ground_colour = self.slab_colour = self.alternate_colour = self.selection_colour = _BLACK
        self.text_colour = self.accent_colour = self.warn_colour = self.err_colour = _WHITE
        self.ground = self.text = self.slab = self.alternate = Style()
        self.strong, self.muted, self.faint = Style(bold=True), Style(dim=True), Style(dim=True)
        self.rule = self.track = self.slab_edge = self.selection_edge = Style(color="bright_black")
        self.accent, self.ok, self.warn = Style(color="cyan"), Style(color="green"), Style(color="yellow")
        self.err, self.second, self.third = Style(color="red"), Style(color="cyan"), Style(color="magenta")
        self.selection = Style(reverse=True)
        self.heat = self._without_colours()
        self.cursor = Style(bold=True, reverse=True)

    @property
    def grounds(self) -> bool:
        """Whether slabs are drawn by their ground; otherwise they are drawn by rules."""
        return not self.ansi


def look_of(app: App[object]) -> Look:
    """The look of the app's present theme, built once for each."""
    key = (app.theme, app.no_color)
    cached: tuple[tuple[str, bool], Look] | None = getattr(app, "_chatapp_look", None)
    if cached is None or cached[0] != key:
        cached = (key, Look(app))
        app._chatapp_look = cached  # type: ignore[attr-defined]  # noqa: SLF001  the app is where a theme lives
    return cached[1]


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=512)
def _luminance(colour: Color) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.03928 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(value) for value in colour.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _towards(start: Color, end: Color, ratio: float, against: Color) -> Color:
    """The first blend of start towards end that reaches a contrast ratio against a third colour."""
    if contrast(start, against) >= ratio:
        return start
    low, high = 0.0, 1.0
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if contrast(start.blend(end, middle), against) < ratio else (low, middle)
    return start.blend(end, high)


def _ink(colour: Color) -> Style:
    return Style(color=colour.rich_color)


def _paper(colour: Color) -> Style:
    return Style(bgcolor=colour.rich_color)
