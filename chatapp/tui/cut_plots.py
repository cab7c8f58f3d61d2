"""Two plots below the cut view: the mass of the first candidates, and how they fare at other temperatures."""

from __future__ import annotations

from itertools import accumulate

from rich.style import Style

from chatapp.conversation.decision import Decision
from chatapp.conversation.sampling import SamplingSettings
from chatapp.text import display_token
from chatapp.tui.lines import Line, beside, clip, ends, fit, gap
from chatapp.tui.look import Look
from chatapp.tui.plots import Canvas, spread

_SPACE, _AXIS, _LABEL = 6, 3, 14
_FIRST = 40
"""Candidates whose mass is plotted."""
_HOTTEST = 2.0


def plots(decision: Decision, settings: SamplingSettings, look: Look, cells: int, lines: int) -> list[Line]:
    """Both, side by side: a title, so many lines of dots, and an axis."""
    each = (cells - _SPACE) // 2
    mass = mass_plot(decision, settings, look, each, lines)
    return beside([(mass, each), (temperature_plot(decision, settings, look, each, lines), each)], _SPACE)


def mass_plot(decision: Decision, settings: SamplingSettings, look: Look, cells: int, lines: int) -> list[Line]:
    """The probabilities of the first n together, as top-p meets them, with its line, or of the softmax."""
    names = [stage.sampler for stage in decision.stages]
    acts = "top_p" in names
    stage = names.index("top_p") - 1 if acts else 0
    masses = list(accumulate(row.p[stage] or 0.0 for row in decision.top(stage, _FIRST)))
    canvas = Canvas(cells - _AXIS - 2, lines)
    if acts:
        canvas.level(settings.top_p, look.warn)
    canvas.curve(masses if len(masses) > 1 else masses * 2, look.text)
    title: Line = [("mass of the first n", look.muted)]
    if acts:
        title += [("   top-p ", look.faint), (f"{settings.top_p:g}", look.warn), (" dotted", look.faint)]
    axis: Line = ends([("n = 1", look.faint)], [(str(max(1, len(masses))), look.faint)], canvas.cells)
    return _framed(title, canvas, axis, look)


def temperature_plot(
    decision: Decision, settings: SamplingSettings, look: Look, cells: int, lines: int
) -> list[Line]:
    """The first five that reach the temperature, from 0 to 2, named where the curves end."""
    curves = decision.curves
    canvas = Canvas(cells - _AXIS - _LABEL - 2, lines)
    now = next((one.threshold for one in decision.stages if one.sampler == "temperature"), None)
    now = 1.0 if now is None else now
    inks = [_ink(place, curve.id == decision.draw.token.id, look) for place, curve in enumerate(curves)]
    for curve, ink in reversed(list(zip(curves, inks, strict=True))):
        canvas.curve(curve.p, ink)
    if now <= _HOTTEST:
        canvas.upright(now / _HOTTEST, look.warn)
    labels: dict[int, Line] = {}
    rows = [canvas.row_of(curve.p[-1]) // 4 for curve in curves]
    for row, curve, ink in zip(spread(rows, lines), curves, inks, strict=True):
        if row >= 0:
            labels[row] = [(clip(display_token(curve.data, special=curve.special), _LABEL), ink)]
    title: Line = [("as the temperature goes", look.muted), ("   now ", look.faint), (f"{now:.3g}", look.warn)]
    title.append((" dotted" if now <= _HOTTEST else " beyond", look.faint))
    axis: Line = ends([("0", look.faint)], [("2", look.faint)], canvas.cells)
    if settings.dynatemp_range:
        title.append(("  moves with the doubt", look.faint))
    return _framed(title, canvas, axis, look, labels)


def _framed(
    title: Line, canvas: Canvas, axis: Line, look: Look, labels: dict[int, Line] | None = None
) -> list[Line]:
    body: list[Line] = []
    for y, line in enumerate(canvas.drawn()):
        mark = "1" if y == 0 else "0" if y == canvas.lines - 1 else ""
        label = (labels or {}).get(y, [])
        body.append([*fit([(mark, look.faint)], _AXIS), *line, gap(2), *label])
    return [[gap(_AXIS), *title], *body, [gap(_AXIS), *axis]]


def _ink(place: int, drawn: bool, look: Look) -> Style:
    """The one that was drawn in accent, then by rank."""
    if drawn:
        return look.accent
    return look.text if place == 0 else look.muted if place < 3 else look.faint
