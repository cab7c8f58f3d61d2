"""The cut view as a page: what stands on it at which size of the terminal."""

from __future__ import annotations

from textual.geometry import Size

from chatapp.tui.cut_lines import View, draw_sentence, notes, ruler, stages_off, table, title
from chatapp.tui.cut_plots import plots
from chatapp.tui.lines import Line, fit, gap, keys, width
from chatapp.tui.look import Look

EDGE = 4
NARROW, LOW, HIGH = 100, 30, 40
_FEW_ROWS = 8
_FIXED = 23
"""Lines around the candidates and the plots, where there is room for all."""
_AROUND_PLOT = 3
_LEAST_PLOT, _TALLEST_PLOT = 5, 14
_LABEL = 13


def sizes(size: Size) -> tuple[int, int]:
    """How many candidates there are, and how many lines of dots the plots have; 0 for no plots."""
    free = size.height - _FIXED
    if size.width < NARROW:
        return (_FEW_ROWS if size.height < HIGH else min(20, free)), 0
    if size.height < HIGH:
        plot = free - _FEW_ROWS
        return _FEW_ROWS, plot if plot >= _LEAST_PLOT else 0
    plot = min(_TALLEST_PLOT, max(8, free // 3))
    return free - plot, plot


def page(view: View, look: Look, size: Size, *, number: int) -> list[Line]:
    """All lines of the page; `number` is the reply's place on the path."""
    cells = size.width - 2 * EDGE
    count, plot = sizes(size)
    tight = size.height < LOW
    blank: list[Line] = [] if tight else [[]]
    lines: list[Line] = [*blank, title(view, look, cells, number), []]
    lines += table(view, look, cells, count)
    lines += [*blank, stages_off(view, look, cells), *blank, *_draw(view, look, cells)]
    if not view.stepping:  # the steps have lines of their own
        lines += [notes(view, look, cells)]
    elif plot:
        lines.append([])
    if plot:
        lines += plots(view.seen.decision, view.seen.settings, look, cells, plot)
    bottom: list[Line] = [] if tight else [[]]
    if not view.stepping:
        bottom.insert(0, key_line(view, look, cells))
    room = size.height - len(bottom)
    del lines[room:]
    lines += [[] for _ in range(room - len(lines))]
    return [fit(line, cells) for line in [*lines, *bottom]]


def _draw(view: View, look: Look, cells: int) -> list[Line]:
    left = _LABEL if cells < NARROW else _LABEL + 5
    blocks, arrow = ruler(view.seen.decision, look, cells - left)
    sentence = draw_sentence(view, look, cells - left)
    return [
        [*fit([("the draw", look.muted)], left), *blocks],
        [gap(left), *arrow],
        [gap(left), *sentence],
    ]


def key_line(view: View, look: Look, cells: int) -> Line:
    """What the keys do here."""
    pairs = [("← →", "stage"), ("- +", "turn it"), ("↑ ↓", "candidate"), ("enter", "fork"), (", .", "token")]
    if view.changed:
        pairs.insert(2, ("a", "keep it"))
    pairs += [("s", "steps"), ("esc", "page")]
    for least in ("↑ ↓", ", .", "- +"):
        if width(keys(pairs, look.muted, look.faint)) > cells:
            pairs = [pair for pair in pairs if pair[0] != least]
    return fit(keys(pairs, look.muted, look.faint), cells)
