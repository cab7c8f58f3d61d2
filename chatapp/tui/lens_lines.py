"""The lens in lines: the bars and the legend below the page, and the token beside it."""

from __future__ import annotations

import math

from rich.style import Style

from chatapp.conversation.decision import Candidate, TokenRecord
from chatapp.conversation.lens import SURPRISING, Measure
from chatapp.conversation.sampling import SETTINGS, SamplingSettings, Setting
from chatapp.text import counted, display_token
from chatapp.tui.lens_state import KEYED, Reading
from chatapp.tui.lines import Line, bar, clip, ends, fit, gap, width
from chatapp.tui.look import Look

AXIS = 3
"""Cells left of the bars for the scale."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_NO_SAMPLER = {"seed", "max_tokens", "repeat_last_n", "dry_last_n"}
_LEAST_TOP = 8.0
"""Bits that the bars reach at least, so that a calm text looks calm."""
_HOT, _WARM = 6.0, SURPRISING


def chance(p: float) -> str:
    """`.734`, `.0036`, `<1e-4`."""
    if p >= 0.9995:
        return "1.00"
    if p >= 0.0095:
        return f"{p:.3f}".lstrip("0")
    return f"{p:.4f}".lstrip("0") if p >= 0.00005 else "0" if p == 0 else "<1e-4"


def bits(value: float) -> str:
    """`8.1 bits`."""
    return f"{value:.1f} bits"


def token_text(record: TokenRecord | Candidate) -> str:
    """A token as it is shown by itself."""
    return display_token(record.data, special=record.special) or "(nothing)"


# Below the page ---------------------------------------------------------------------------------------------


def figures(look: Look, reading: Reading, cells: int) -> Line:
    """Perplexity, tokens and surprises of the whole message."""
    count = len(reading.trace)
    line: Line = []
    if reading.perplexity is not None:
        line += [("perplexity ", look.muted), (f"{reading.perplexity:.3g}", look.strong), gap(3)]
    line += [(counted(count, "token"), look.muted), gap(3)]
    line += [(f"{reading.surprises:,} above {SURPRISING:.0f} bits", look.muted)]
    said = "scored afterwards"
    return [*line, gap(3), (said, look.faint)] if reading.scored and width(line) + 3 + len(said) <= cells else line


def legend(look: Look, reading: Reading) -> Line:
    """What each level means, in its own style, so that it can be read without colour."""
    line: Line = []
    for words, style in zip(reading.legend.levels, look.heat, strict=False):
        line += [(f" {words} ", style), gap(1)]
    return [*line, (reading.legend.unit, look.faint)]


def bars(look: Look, reading: Reading, cells: int, height: int) -> list[Line]:
    """The surprise of each token as a bar, and a mark under the one that is stood on; as many as have room."""
    room = max(1, cells - AXIS)
    count = len(reading.trace)
    first = max(0, min(reading.at - room // 2, count - room))
    seen = list(enumerate(reading.trace))[first : first + room]
    top = max(_LEAST_TOP, *(math.ceil(one.surprise) for _, one in seen if one), 0)
    rows: list[Line] = []
    for row in range(height):
        said = f"{top:.0f}" if row == 0 else "0" if row == height - 1 else ""
        line: Line = [(f"{said:>{AXIS - 1}} ", look.faint)]
        for place, one in seen:
            eighths = 8 * height * one.surprise / top - 8 * (height - 1 - row) if one else 0
            least = 1 if one and row == height - 1 else 0
            glyph = _EIGHTHS[max(least, min(8, round(eighths)))]
            line.append((glyph, _bar_style(look, one, standing=place == reading.at)))
        rows.append(line)
    before, after = "‹" if first else " ", "›" if first + room < count else ""
    mark: Line = [gap(AXIS - 1), (before, look.faint), gap(reading.at - first), ("▲", look.accent)]
    rows.append([*fit(mark, AXIS + len(seen)), (after, look.faint)])
    return rows


def _bar_style(look: Look, record: TokenRecord | None, *, standing: bool) -> Style:
    if standing:
        return look.accent
    surprise = record.surprise if record else 0.0
    return look.err if surprise > _HOT else look.warn if surprise > _WARM else look.muted


def footer(look: Look, reading: Reading, cells: int, *, low: bool, brief: bool) -> list[Line]:
    """All that stands below the page; `brief` tells of the token too, for want of a column beside the page."""
    lines: list[Line] = [[]]
    if brief:
        lines += [token_line(look, reading, cells), *instead_lines(look, reading, cells, 1 if low else 2)]
        lines += [] if low else [[]]
    if low:
        lines += [figures(look, reading, cells), *bars(look, reading, cells, 1), legend(look, reading)]
    else:
        lines += [figures(look, reading, cells), [], *bars(look, reading, cells, 4), legend(look, reading), []]
    return lines


def token_line(look: Look, reading: Reading, cells: int) -> Line:
    """The token one stands on, on one line."""
    record = reading.record
    place = f"{reading.at + 1:,} of {len(reading.trace):,}"
    if record is None:
        return ends([("not recorded", look.muted)], [(place, look.faint)], cells)
    line: Line = [(clip(token_text(record), 16), look.strong)]
    for name, value in _facts(record)[:4]:
        fact: Line = [gap(3), (f"{name} ", look.faint), (value, look.text)]
        if width(line) + width(fact) + len(place) + 2 <= cells:
            line += fact
    return ends(line, [(place, look.faint)], cells)


def instead_lines(look: Look, reading: Reading, cells: int, count: int) -> list[Line]:
    """The alternatives, one after the other, with what the model gave them."""
    record = reading.record
    lines: list[Line] = [[]]
    for place, one in enumerate(record.candidates[:KEYED] if record else ()):
        chosen = place == reading.choice
        own = record is not None and one.id == record.id
        name = look.accent if own else look.strong if chosen else look.text
        share = chance(math.exp(one.logit - record.log_z)) if record else ""
        key = (f"{_key(place)} ", look.accent if chosen else look.faint)
        piece: Line = [key, (clip(token_text(one), 12), name), (f" {share}", look.muted)]
        if width(lines[-1]) + 3 + width(piece) > cells:
            if len(lines) == count:
                break
            lines.append([])
        lines[-1] += [gap(3), *piece] if lines[-1] else piece
    return lines


# Beside the page --------------------------------------------------------------------------------------------


def column(look: Look, reading: Reading, cells: int, height: int) -> list[Line]:
    """The token one stands on: what it is, what could have stood there, what was in force."""
    head: Line = [(f"Token {reading.at + 1:,} of {len(reading.trace):,}", look.muted)]
    record = reading.record
    if record is None:
        return [head, [], [("Not recorded.", look.muted)]]
    lines: list[Line] = [head, [], [(clip(token_text(record), cells), look.strong)], []]
    for name, value in _facts(record):
        hot = name == "surprise" and record.surprise > _HOT
        lines.append(_fact(look, name, value, cells, hot=hot))
    lines += [[], ends([("Instead", look.muted)], [("model drawn", look.muted)], cells), []]
    lines += _instead(look, reading, record, cells)
    force = _in_force(look, reading, cells)
    room = height - len(lines) - 3
    return [*lines, [], [("In force", look.muted)], [], *force[:room]] if force and room > 0 else lines


def _facts(record: TokenRecord) -> list[tuple[str, str]]:
    data = record.data.hex(" ")
    return [
        ("probability", chance(math.exp(record.logprob))),
        ("surprise", bits(max(0.0, record.surprise))),
        ("rank", f"{record.rank:,}"),
        ("entropy here", bits(record.entropy)),
        ("id", f"{record.id:,}"),
        ("bytes", data),
    ]


def _fact(look: Look, name: str, value: str, cells: int, *, hot: bool = False) -> Line:
    style = look.err if hot else look.text
    return ends([(name, look.faint)], [(clip(value, cells - len(name) - 1), style)], cells)


_NUMBERS = 11
"""Cells of the two columns of numbers."""


def _instead(look: Look, reading: Reading, record: TokenRecord, cells: int) -> list[Line]:
    name_cells = min(14, (cells - _NUMBERS - 4) * 3 // 5)
    bar_cells = cells - _NUMBERS - 4 - name_cells
    shares = [math.exp(one.logit - record.log_z) for one in record.candidates]
    most = max(shares, default=1.0)
    lines: list[Line] = []
    for place, (one, share) in enumerate(zip(record.candidates[:KEYED], shares, strict=False)):
        own, chosen = one.id == record.id, place == reading.choice
        name = look.accent if own else look.strong if chosen else look.text
        cut = clip(f"×{one.cut.replace('_', '-')}", bar_cells) if one.cut else ""
        middle: Line = [(cut, look.warn)] if cut else bar(share / most, bar_cells, look.muted)
        line: Line = [(f"{_key(place):>2} ", look.accent if chosen else look.faint)]
        line += [*fit([(clip(token_text(one), name_cells), name)], name_cells), gap(1), *fit(middle, bar_cells)]
        lines.append([*line, *_shares(look, share, one.p, own=own)])
    if all(one.id != record.id for one in record.candidates[:KEYED]):
        lines.append([gap(1), ("…", look.faint)])
        line = [(f"{record.rank:>2} " if record.rank < 100 else "   ", look.faint)]
        line += [*fit([(clip(token_text(record), name_cells), look.accent)], name_cells), gap(1 + bar_cells)]
        lines.append([*line, *_shares(look, math.exp(record.logprob), record.p, own=True)])
    return lines


def _shares(look: Look, model: float, drawn: float, *, own: bool) -> Line:
    last = chance(drawn) if drawn else "–"
    return [(f"{chance(model):>5}", look.muted), (f"{last:>6}", look.accent if own else look.text)]


def _in_force(look: Look, reading: Reading, cells: int) -> list[Line]:
    """The settings that acted on this token."""
    segment = reading.segment
    if segment is None:
        return []
    lines = [_fact(look, "chosen", "by you", cells)] if reading.by_hand else []
    preset = reading.message.provenance.preset
    lines += [_fact(look, "preset", preset, cells)] if preset else []
    lines += [
        _fact(look, one.label, one.format(getattr(segment.settings, one.name)), cells)
        for one in _turned(segment.settings)
    ]
    return [*lines, _fact(look, "seed, position", f"{segment.seed}, {reading.at:,}", cells)]


def _turned(settings: SamplingSettings) -> list[Setting]:
    """The temperature, and the other numbers that are not neutral."""
    return [
        one
        for one in SETTINGS
        if one.name == "temperature"
        or (one.name not in _NO_SAMPLER and getattr(settings, one.name) != one.neutral)
    ]


def _key(place: int) -> str:
    return str((place + 1) % 10)


def measure_words(measure: Measure) -> str:
    """What the head says."""
    return f"lens: {measure}"
