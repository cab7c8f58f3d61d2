"""The cut view as lines: pure functions from a decision to a table, the draw, and what stands around them.

Each number is the engine's. Only the rest row is made here: what the rows shown leave of 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from chatapp.conversation.decision import Decision, Row, Token
from chatapp.looking import Seen
from chatapp.text import display_line, display_token
from chatapp.tui.cut_stages import LABELS, idle, value
from chatapp.tui.lines import Line, bar, clip, ends, fit, flow, gap, width
from chatapp.tui.look import Look

_RANK, _CANDIDATE = 4, 14
_NAME, _GAP = 7, 2
"""Cells of a column up to the end of its numbers, at least; and between two columns."""
_BAR, _WIDEST_BAR = 4, 26
_NARROW, _NARROW_BAR = 100, 8
"""Under so many columns there are bars only where few stages leave room for long ones."""
_SCALES = (0.25, 0.5, 1.0)
_RANKED = 50
_LEAST = 9
"""The narrowest column."""


@dataclass(frozen=True)
class View:
    """All that the page shows."""

    seen: Seen
    at: str = "temperature"
    """The stage that is turned."""
    row: int = 0
    """The candidate stood on."""
    first: int = 0
    """The first candidate in view."""
    changed: tuple[str, ...] = ()
    """The settings that are tried, and not in force."""
    stepping: bool = False
    """Whether the reply is written from here, token by token."""


@dataclass(frozen=True)
class Columns:
    """Where the columns stand."""

    places: tuple[int, ...]
    """The stages shown, by their place in the decision."""
    each: int
    """Cells of a column."""
    name: int
    """Cells of it up to the end of its numbers."""
    bar: int
    """Cells of its bars; 0 for none."""
    left: int
    """Cells before the first."""


@dataclass(frozen=True)
class _Table:
    """What all rows share."""

    place: Columns
    scale: float
    """The probability of a whole bar."""
    cut: dict[int, int]
    """The first token in view that each stage cut: its threshold stands there."""


def columns(decision: Decision, at: str, cells: int) -> Columns:
    """The stages that there is room for: the first, the last, and those around the one stood on."""
    left = _RANK + _CANDIDATE
    names = [stage.sampler for stage in decision.stages]
    most = max(2, (cells - left) // _LEAST)
    places = list(range(len(names)))
    if len(places) > most:
        here = names.index(at) if at in names else len(names) - 1
        start = max(1, min(here - (most - 2) // 2, len(names) - 1 - (most - 2)))
        places = [0, *range(start, start + most - 2), len(names) - 1]
    name = max(_NAME, *(cell_len(LABELS.get(names[place], "")) for place in places))
    each = min(name + 1 + _WIDEST_BAR + _GAP, (cells - left + _GAP) // len(places))
    bars = each - name - 1 - _GAP
    if bars < (_NARROW_BAR if cells + 8 < _NARROW else _BAR):
        bars, name = 0, each - _GAP
    return Columns(tuple(places), each, name, bars, left)


# The table ------------------------------------------------------------------------------------------------------


def table(view: View, look: Look, cells: int, count: int) -> list[Line]:
    """The head, `count` candidates, all others, and what each stage left."""
    decision = view.seen.decision
    place = columns(decision, view.at, cells)
    numbered = shown_rows(view, count)
    shown = [row for _, row in numbered]
    cut: dict[int, int] = {}
    for row in shown:
        cut.setdefault(_cut_at(row), row.id)
    frame = _Table(place, _scale(decision), cut)
    lines = [_head(view, look, place), _rule(view, look, place, cells)]
    lines += [_row(view, n, row, look, frame) for n, row in numbered]
    lines += [[] for _ in range(count - len(shown))]
    lines += [_others(decision, shown, look, place), [("─" * cells, look.rule)]]
    return [*lines, *_left(decision, look, place)]


def shown_rows(view: View, count: int) -> list[tuple[int, Row]]:
    """The candidates in view, numbered from 0; the one drawn is always among them, at the end if need be."""
    rows, draw = view.seen.decision.rows, view.seen.decision.draw
    numbered = list(enumerate(rows))
    shown = numbered[view.first : view.first + count]
    drawn = next(one for one in numbered if one[1].id == draw.token.id)
    return shown if drawn[0] < view.first + count else [*shown[:-1], drawn]


def _head(view: View, look: Look, place: Columns) -> Line:
    line: Line = fit([gap(_RANK), ("candidate", look.faint)], place.left)
    stages = view.seen.decision.stages
    for index, at in enumerate(place.places):
        stage = stages[at].sampler
        last = at == len(stages) - 1
        name = LABELS.get(stage, stage)
        said = _short(value(stage, view.seen.settings)) if not place.bar else value(stage, view.seen.settings)
        tone = look.strong if stage == view.at else look.text if at else look.faint
        figure = look.accent if stage == view.at or (last and at) else look.muted
        skipped = index and at - place.places[index - 1] > 1
        mark: Line = [("…", look.faint)] if skipped else []
        if place.bar:
            head: Line = [*ends(mark, [(name, tone)], place.name), gap(1), (said, figure)]
        else:
            room = place.each - _GAP - len(mark)
            name = clip(name, max(3, room - len(said) - 1))
            head = ends(mark, [(name, tone), *([gap(1), (said, figure)] if said else [])], place.name)
        line += fit(head, place.each)
    return line


def _short(figure: str) -> str:
    """A setting in few cells."""
    return figure[1:] if figure.startswith("0.") else figure


def _rule(view: View, look: Look, place: Columns, cells: int) -> Line:
    """The rule below the head; it is heavy under the stage that is turned."""
    stages = view.seen.decision.stages
    here = next((n for n, at in enumerate(place.places) if stages[at].sampler == view.at), None)
    if here is None:
        return [("─" * cells, look.rule)]
    start = place.left + here * place.each + (0 if place.bar else 1)
    heavy = min(place.each - _GAP, cells - start)
    return [("─" * start, look.rule), ("━" * heavy, look.accent), ("─" * (cells - start - heavy), look.rule)]


def _row(view: View, number: int, row: Row, look: Look, table: _Table) -> Line:
    place, scale, cut = table.place, table.scale, table.cut
    decision, gone = view.seen.decision, _cut_at(row)
    drawn, here = row.id == decision.draw.token.id, number == view.row
    tone = look.strong if drawn else look.faint if gone < len(row.p) else look.text
    rank = str(number + 1) if number < _RANKED else ""  # behind them are those that a later stage raised
    mark = ("▎", look.accent) if here else (" ", look.faint)
    line: Line = [mark, (f"{rank:>2} ", look.accent if drawn or here else look.faint)]
    said = [*token_span(row, look, tone, _CANDIDATE - 2)]
    if view.seen.there is not None and row.id == view.seen.there.id and not drawn:
        said.append((" ‹", look.accent))  # what the reply has instead of the one drawn
    line += fit(said, place.left - _RANK)
    for at in place.places:
        p, last = row.p[at], at == len(row.p) - 1
        if p is not None:
            ink = look.strong if drawn and last else tone if gone < len(row.p) else look.text
            cell: Line = [*_figure(p, ink, place)]
            if place.bar:
                ink = look.accent if last and at else look.faint if gone < len(row.p) else look.muted
                cell += [gap(1), *bar(p / scale, place.bar, ink)]
        elif at == gone:
            cell = _cross(decision, at, look, place, first=cut.get(gone) == row.id)
        elif gone not in place.places and at == min(x for x in place.places if x > gone):
            cell = _cross(decision, gone, look, place, first=False)
        else:
            cell = []
        line += fit(cell, place.each)
    return line


def _cut_at(row: Row) -> int:
    """The stage that cut a candidate; past the end for none."""
    return next((place for place, p in enumerate(row.p) if p is None), len(row.p))


def _figure(p: float, style: Style, place: Columns) -> Line:
    return ends([], [(share(p), style)], place.name)


def _cross(decision: Decision, at: int, look: Look, place: Columns, *, first: bool) -> Line:
    cross = ends([], [("×", look.warn)], place.name)
    limit = threshold(decision, at) if first and place.bar else ""
    return [*cross, gap(1), (limit, look.warn)] if limit else cross


def threshold(decision: Decision, at: int) -> str:
    """Where a stage cut, in a few cells."""
    stage = decision.stages[at]
    if stage.threshold is None or stage.sampler not in _LIMITS:
        return ""
    return _LIMITS[stage.sampler](stage.threshold)


def _others(decision: Decision, shown: list[Row], look: Look, place: Columns) -> Line:
    """What the rows shown leave, and how many they are."""
    line: Line = fit([gap(_RANK), ("all others", look.muted)], place.left)
    before = 1
    for at in place.places:
        alive = [row.p[at] for row in shown if row.p[at] is not None]
        count = decision.stages[at].kept - len(alive)
        if count > 0:
            rest = max(0.0, 1.0 - sum(p for p in alive if p is not None))
            cell: Line = _figure(rest, look.faint, place)
            cell += [gap(1), (f"{count:,}", look.faint)] if place.bar else []
        else:
            cell = _cross(decision, at, look, place, first=False) if before > 0 and at else []
        before = count
        line += fit(cell, place.each)
    return line


def _left(decision: Decision, look: Look, place: Columns) -> list[Line]:
    """What each stage left: how many, their mass, and the doubt among them."""
    rows = {
        "kept": [f"{stage.kept:,}" for stage in decision.stages],
        "mass left": [share(stage.mass) for stage in decision.stages],
        "effective": [f"{stage.effective:,.1f}" for stage in decision.stages],
        "entropy": [f"{stage.entropy:.2f}" for stage in decision.stages],
    }
    lines: list[Line] = []
    for name, figures in rows.items():
        line: Line = fit([gap(_RANK), (name, look.muted)], place.left)
        for at in place.places:
            end = place.name
            unit: Line = [(" bits", look.faint)] if name == "entropy" and at == 0 and place.bar else []
            line += fit([*ends([], [(figures[at], look.text)], end), *unit], place.each)
        lines.append(line)
    return lines


def _scale(decision: Decision) -> float:
    """What a whole bar stands for: steady while a slider moves."""
    most = max((p for row in decision.rows for p in row.p if p is not None), default=1.0)
    return next(scale for scale in (*_SCALES, 1.01) if most <= scale + 0.01)


# Around the table -----------------------------------------------------------------------------------------------


def title(view: View, look: Look, cells: int, number: int) -> Line:
    """What is looked at: the text before, and which token of which reply."""
    seen = view.seen
    where = f"reply {number}, " if number else ""
    next_one = seen.index >= len(seen.reply.token_ids)
    right: Line = [(f"{where}{'the next token' if next_one else f'token {seen.index + 1:,}'}", look.faint)]
    name = "Step by step" if view.stepping else "Next token" if next_one else "This token"
    head: Line = [(name, look.strong), gap(3)]
    if not seen.before:
        head.append(("at the beginning of the reply", look.faint))
        return ends(head, right, cells)
    said = display_line(seen.before.replace("\n", "↵"))
    room = max(8, min(cells - width(head) - width(right) - 14, 64))
    cut = said if cell_len(said) <= room else "…" + said[-(room - 1) :]
    return ends([*head, ("after ", look.faint), gap(1), (f"“{cut}”", look.muted)], right, cells)


def stages_off(view: View, look: Look, cells: int) -> Line:
    """The stages that take no column; the one stood on can be turned on from here."""
    line: Line = []
    for stage, why in idle(view.seen.settings):
        label = LABELS.get(stage, stage) + ("" if why == "off" else f" ({why})")
        here = stage == view.at
        word = [("▎", look.accent), (label, look.strong), (f" {value(stage, view.seen.settings)}", look.accent)]
        line += [("  ", look.faint), *(word if here else [(label, look.faint)])]
    return fit([("off", look.muted), *line], cells) if line else []


def ruler(decision: Decision, look: Look, cells: int) -> list[Line]:
    """The numbers from 0 to 1 as they are shared out among the candidates, and where the draw fell."""
    blocks: Line = []
    used, total = 0, 0.0
    for place, row in enumerate(decision.top(-1, 50)):
        p = row.p[-1] or 0.0
        total += p
        end = min(cells, round(total * cells))
        room = end - used
        if room <= 0:
            continue
        drawn = row.id == decision.draw.token.id
        said = display_token(row.data, special=row.special).removeprefix("·") if room >= 4 else ""
        text = f" {clip(said, room - 2)}" if said else ""
        blocks += fit([(text, _block_ink(look, place, drawn=drawn))], room)[:1] if text else []
        rest = room - cell_len(text)
        edge = "│" if not look.grounds and not drawn else " "
        blocks.append((" " * (rest - 1) + edge if rest else "", _block_ink(look, place, drawn=drawn)))
        used = end
    if used < cells:
        blocks.append((" " * (cells - used), look.slab))
    return [blocks, [gap(min(cells - 1, int(decision.draw.chance * cells))), ("▲", look.accent)]]


def _block_ink(look: Look, place: int, *, drawn: bool) -> Style:
    if drawn:
        here = Style(color=look.ground_colour.rich_color, bgcolor=look.accent_colour.rich_color)
        return here if look.grounds else Style(reverse=True)
    return (look.alternate if place % 2 else look.slab) + look.text


def draw_sentence(view: View, look: Look, cells: int) -> Line:
    """Which number, from seed and position, fell to which token."""
    decision, settings = view.seen.decision, view.seen.settings
    draw = decision.draw
    token = token_span(draw.token, look, look.strong, 20)
    if not settings.temperature:
        return [("temperature ", look.faint), ("0", look.text), ("  takes the likeliest  ", look.faint), *token]
    line: Line = [("seed ", look.faint), (f"{draw.seed}", look.text), ("  position ", look.faint)]
    line += [(f"{draw.position:,}", look.text), ("  gives ", look.faint), (f"{draw.chance:.4f}", look.accent)]
    falls = "  which falls to " if cells > 60 else "  and so "
    line += [(falls, look.faint), *token]
    where: Line = [(f"  at {share(draw.low)}–{share(draw.high)}", look.faint)]
    return [*line, *where] if width(line) + width(where) <= cells else line


def notes(view: View, look: Look, cells: int) -> Line:
    """What else is to be said of it, the most important first."""
    seen = view.seen
    draw = seen.decision.draw
    said: list[str] = []
    if view.changed:
        said.append("Tried here only: a keeps it for the session, esc lets it go.")
    if seen.there is not None and seen.there.id != draw.token.id:
        token = display_token(seen.there.data, special=seen.there.special)
        said.append(f"The reply has {token} here. {'' if view.changed else seen.note}".strip())
    elif seen.note:
        said.append(seen.note)
    if draw.refused is not None:
        refused = display_token(draw.refused.data, special=draw.refused.special)
        said.append(f"{refused} was drawn first, and the grammar refused it.")
    if draw.xtc_chance is not None:
        most = seen.settings.xtc_probability
        word = "acts" if draw.xtc_chance <= most else "rests"
        said.append(f"XTC {word} this time: {share(draw.xtc_chance)} of {share(most)}.")
    lines = flow([("  ".join(said), look.muted)], cells) if said else []
    return lines[0] if lines else []


def token_span(token: Token, look: Look, style: Style, cells: int) -> Line:
    """A token, safe and short; a special one is told from text that looks the same."""
    text = clip(display_token(token.data, special=token.special), cells)
    if token.special:
        return [(text, look.third)]
    if text.startswith("·"):
        return [("·", look.muted), (text[1:], style)]
    return [(text, style)]


def share(p: float) -> str:
    """A probability: three digits, no zero before the point; less than all never reads as 1, nor a little as 0."""
    if p > 1 - 1e-6:  # the sum of a vocabulary
        return "1.000"
    if 0 < p < 0.0005:
        return "<.001"
    return f"{min(p, 0.999):.3f}".removeprefix("0")


def fine(p: float) -> str:
    """A probability with one digit more, for thresholds."""
    return f"{p:.4f}".removeprefix("0")


_LIMITS: dict[str, Callable[[float], str]] = {
    "min_p": lambda limit: f"< {fine(limit)}",
    "top_n_sigma": lambda limit: f"< {fine(limit)}",
    "top_k": lambda limit: f"past {limit:,.0f}",
    "top_p": lambda limit: f"past {limit:.3g}".replace("0.", "."),
    "xtc": lambda limit: f"≥ {share(limit)}",
    "typical_p": lambda limit: f"± {limit:.2f} bits",
    "mirostat": lambda limit: f"> {limit:.2f} bits",
}
"""How the threshold of a stage is written; see `Stage.threshold`."""
