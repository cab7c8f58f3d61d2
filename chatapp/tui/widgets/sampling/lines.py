"""How the sampling column looks: a pure function from what is in force to lines, and where its rows are.

The panel turns keys into wishes; this module only draws. Both ask `slider_place` where a slider stands, so that a
click lands on the cell that was drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.style import Style

from chatapp.conversation.sampling import (
    FAMILIES,
    RANDOM_SEED,
    SETTINGS,
    Family,
    SamplingSettings,
    Setting,
    SettingName,
    TextSetting,
    overridden,
    typed_range,
)
from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, ends, fit, flow, gap, indent, meter, slider, width
from chatapp.tui.look import Look
from chatapp.tui.prompt_lines import part_lines
from chatapp.tui.widgets.sampling.token_lines import token_lines
from chatapp.tui.widgets.sampling.view import PRESET_ROW, View

_EDGE, _LABEL, _VALUE, _WORD = 2, 12, 8, 9
_RIGHT_MARGIN = 3
_WORDS_FROM = 44
"""From this width on, the source of a value is a word and not a mark."""
_GROUP_ENDS = {"min_p", "repeat_penalty"}
_METER = 8
_FOLDED_LINES = 3 + len(FAMILIES)
_TALL = 50
"""Lines from which the plan of the context window is shown."""
_BELOW_PLAN = 4
_WORKED = re.compile(r"\b((?:becomes|under|to|the|after) )(\d[\d.,/]*(?<![.,])(?: %)?)")
"""The number in a help sentence that follows from the value, by the word before it."""


@dataclass(slots=True)
class Picture:
    """The drawn column, one line for each of its rows, and which lines can be stood on."""

    lines: list[Line] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    """Line number to row."""


def slider_place(cells: int, value: str) -> tuple[int, int]:
    """First column and length of a row's slider, in a panel of so many cells; a long value shortens it."""
    start = _EDGE + _LABEL
    return start, max(2, _value_end(cells) - start - max(_VALUE, len(value) + 1))


def draw(view: View, look: Look, cells: int, height: int) -> Picture:
    """The column in its present size."""
    picture = Picture()
    lines = picture.lines
    lines += [[]] if height >= 30 else []
    lines += [[gap(_EDGE), ("Sampling", look.muted)], []]
    picture.rows[len(lines)] = PRESET_ROW
    lines += [_preset_line(view, look, cells), []]
    for row, setting in enumerate(SETTINGS, start=1):
        picture.rows[len(lines)] = row
        lines.append(_setting_line(view, setting, row == view.at, look, cells))
        lines += [[]] if setting.name in _GROUP_ENDS else []
    room = max(0, height - 3)
    deeper = view.at > len(SETTINGS)
    help_lines = [[], *_help(view, look, cells)]
    lines += [] if deeper else help_lines
    if view.token is not None and not deeper:
        token = indent(token_lines(view.token, look, cells - _EDGE - _RIGHT_MARGIN), _EDGE)
        lines += token if len(lines) + len(token) <= room else []
    whole = len(lines) + _FOLDED_LINES <= room
    if deeper or whole:
        _draw_families(picture, view, look, cells)
    lines += help_lines if deeper else []
    if deeper:
        _scroll(picture, view.at, len(help_lines), room)
    del lines[room:]
    lines += [[] for _ in range(height - len(lines))]
    if room and not (deeper or whole or lines[room - 1]):
        more: Line = [(f"{counted(len(FAMILIES), 'group')} ↓", look.faint)]
        lines[room - 1] = ends([gap(_EDGE), ("More", look.muted)], more, cells - _RIGHT_MARGIN)
    _draw_plan(lines, view, look, cells)
    if view.context is not None and height >= 2:
        lines[height - 2] = _context_line(*view.context, look)
    return picture


def _draw_plan(lines: list[Line], view: View, look: Look, cells: int) -> None:
    """What the context window holds, above its meter, where the column is tall and has room for it."""
    if view.plan is None or len(lines) < _TALL:
        return
    parts = indent(part_lines(view.plan, look, cells - _EDGE - _RIGHT_MARGIN), _EDGE)
    block: list[Line] = [[gap(_EDGE), ("Context", look.muted)], [], *parts]
    start = len(lines) - _BELOW_PLAN - len(block)
    if not any(lines[start - 1 : len(lines) - _BELOW_PLAN]):
        lines[start : start + len(block)] = block


def _draw_families(picture: Picture, view: View, look: Look, cells: int) -> None:
    """The families: folded to one line that says whether any of it acts, or with their settings."""
    lines = picture.lines
    lines += [[], [gap(_EDGE), ("More", look.muted)], []]
    for row, one in enumerate(view.rows):
        if row <= len(SETTINGS):
            continue
        picture.rows[len(lines)] = row
        if isinstance(one, Family):
            lines.append(_family_line(view, one, row == view.at, look, cells))
        elif isinstance(one, TextSetting):
            lines.append(_text_line(view, one, row == view.at, look, cells))
        elif one is not None:
            lines.append(_setting_line(view, one, row == view.at, look, cells))


def _scroll(picture: Picture, at: int, help_lines: int, room: int) -> None:
    """Leave so many lines that fit: those around the row stood on, and the help below them."""
    lines = picture.lines
    body, kept = len(lines) - help_lines, max(1, room - help_lines)
    line = next((line for line, row in picture.rows.items() if row == at), 0)
    first = max(0, min(line - kept // 2, body - kept))
    del lines[first + kept : body]
    del lines[:first]
    picture.rows = {place - first: row for place, row in picture.rows.items() if first <= place < first + kept}


def _family_line(view: View, family: Family, at: bool, look: Look, cells: int) -> Line:
    names = [setting.name for setting in family.settings]
    changed = sum(view.force.sources[name] in {"persona", "session"} for name in names)
    in_use = sum(not _is_neutral(view, setting) for setting in family.settings)
    word = f"{changed} changed" if changed else "in use" if in_use else family.off
    mark = "-" if family.name in view.unfolded else "+"
    tone = look.strong if at and view.focused else look.muted
    head = [*_mark(view, at, look), (f"{mark} ", look.faint), (family.name, tone)]
    return ends(head, [(word, look.accent if changed else look.faint)], cells - _RIGHT_MARGIN)


def _is_neutral(view: View, setting: Setting | TextSetting) -> bool:
    """Whether a setting of a family does nothing by its value, or only bends one that does nothing."""
    value = getattr(view.force.settings, setting.name)
    return value in (setting.neutral, SamplingSettings.model_fields[setting.name].default)


def _text_line(view: View, setting: TextSetting, at: bool, look: Look, cells: int) -> Line:
    tone = look.faint if setting.name in overridden(view.force.settings) else look.muted
    tone = look.strong if at and view.focused else tone
    head = [*_mark(view, at, look), (setting.label, tone)]
    shown = setting.format(getattr(view.force.settings, setting.name))
    return [*ends(head, [(shown, look.text)], _value_end(cells)), *_source(view, setting, look, cells)]


def _value_end(cells: int) -> int:
    return cells - _RIGHT_MARGIN - (_WORD if cells >= _WORDS_FROM else 0)


def _mark(view: View, at: bool, look: Look) -> Line:
    """The margin of a row: where you are, and that a value was refused."""
    if not at:
        return [gap(_EDGE)]
    if view.refused:
        return [("! ", look.err)]
    return [("▎ ", look.accent if view.focused else look.track)]


def _preset_line(view: View, look: Look, cells: int) -> Line:
    at = view.at == PRESET_ROW
    if view.naming:
        head = [*_mark(view, at, look), (f"{view.naming}  ", look.muted)]
        tone = look.err if view.refused else look.strong
        end = cells - _RIGHT_MARGIN
        return [*head, *_tail((view.typed or ""), tone, end - width(head) - 1), ("▏", look.accent)]
    changed = view.changed()
    name = [*_mark(view, at, look), (display_line(view.force.preset.name), look.strong)]
    if changed:
        name.append((f"  {changed} changed", look.accent))
    arrows = look.text if at and view.focused else look.faint
    return ends(name, [("‹ ›", arrows)], cells - _RIGHT_MARGIN)


def _tail(text: str, tone: Style, room: int) -> Line:
    """The end of a text that is being typed, as much as there is room for."""
    shown = display_line(text)
    while cell_len(shown) > room:
        shown = shown[1:]
    return [(shown, tone)]


def _setting_line(view: View, setting: Setting, at: bool, look: Look, cells: int) -> Line:
    changed = view.force.sources[setting.name] in {"persona", "session"}
    current = at and view.focused
    idle = setting.name in overridden(view.force.settings)
    tone = look.strong if current else look.faint if idle else look.text if changed else look.muted
    head = [*_mark(view, at, look), *fit([(setting.label, tone)], _LABEL)]
    if at and view.typed is not None:
        return _typed_line(view, setting, head, look, cells)
    value: float | None = getattr(view.force.settings, setting.name)
    shown = setting.format(value)
    if setting.slides and value is not None:
        head += _slider(view, setting, value, slider_place(cells, shown)[1], look)
        tone = look.strong if current else look.faint if idle else look.text
    return [*ends(head, [(shown, tone)], _value_end(cells)), *_source(view, setting, look, cells)]


def _slider(view: View, setting: Setting, value: float, cells: int, look: Look) -> Line:
    changed = view.force.sources[setting.name] in {"persona", "session"}
    notch = view.baseline(setting.name) if changed else None
    return slider(
        share_of(setting, value),
        cells,
        look.accent if changed else look.muted,
        look.track,
        None if notch is None else share_of(setting, notch),
    )


def share_of(setting: Setting, value: float) -> float:
    """How far along its slider a value stands, 0 to 1; values typed past its ends stand on them."""
    return max(0.0, min(1.0, (value - setting.low) / (setting.high - setting.low)))


def _source(view: View, setting: Setting | TextSetting, look: Look, cells: int) -> Line:
    """Where the value comes from: a word where there is room, else a mark outside the right edge."""
    source = view.force.sources[setting.name]
    if cells >= _WORDS_FROM:
        tones = {"session": look.accent, "persona": look.muted}
        return [gap(1), (source, tones.get(source, look.faint))]
    return [gap(1), ({"session": "•", "persona": "◦"}.get(source, " "), look.accent)]


def _typed_line(view: View, setting: Setting, head: Line, look: Look, cells: int) -> Line:
    """A value being typed. When it was refused, the range stands in the slider's place."""
    end = _value_end(cells)
    if not view.refused:
        typed = (view.typed or "")[-(end - width(head) - 1) :]
        return [*ends(head, [(typed, look.text)], end), ("▏", look.accent)]
    allowed = range_text(setting.name)
    room = end - width(head)
    typed = display_line(view.typed or "")
    if len(allowed) + 1 + len(typed) > room:
        # The range is what helps now: the label gives way to it.
        head, room = head[:1], end - _EDGE
    typed = typed[-max(1, room - len(allowed) - 1) :]
    return ends([*head, (allowed, look.muted)], [(typed, look.err)], end)


def range_text(name: SettingName) -> str:
    """What may be typed, in a few cells: `0 to 5`."""
    low, high = typed_range(name)
    top = f"{high:,g}" if high < 1e5 else f"{int(high):,}" if high < 1e9 else f"2^{int(high).bit_length()}-1"
    return f"{low:g} to {top}"


def _help(view: View, look: Look, cells: int) -> list[Line]:
    """What the row stood on does, with a worked number, and what it was before it was changed."""
    room = cells - _RIGHT_MARGIN - _EDGE
    if view.at == PRESET_ROW:
        return indent(_preset_help(view, look, room), _EDGE)
    row = view.row
    if isinstance(row, Family):
        names = ", ".join(setting.label for setting in row.settings)
        return indent(flow([(f"enter shows {names}.", look.muted)], room), _EDGE)
    if isinstance(row, TextSetting):
        return indent(flow([(f"{row.help} enter edits.", look.muted)], room), _EDGE)
    assert isinstance(row, Setting)  # noqa: S101  the preset line was answered above
    if view.typed is not None:
        return indent(flow([(f"{range_text(row.name)}. enter takes it, esc leaves it.", look.muted)], room), _EDGE)
    lines = flow(_worked(row.explain(getattr(view.force.settings, row.name)), look), room)
    if by := overridden(view.force.settings).get(row.name):
        lines.append([("! ", look.text), (f"idle: {by}", look.muted)])
    return indent([*lines, *_origin(view, row, look, room)], _EDGE)


def _preset_help(view: View, look: Look, room: int) -> list[Line]:
    if view.naming:
        tone = look.text if view.word else look.muted
        return flow([(view.word or "enter takes the name, esc leaves.", tone)], room)
    purpose = display_line(view.force.preset.purpose)
    says = flow([(f"{purpose}.", look.muted)], room) if purpose else []
    if word := view.preset_word():
        says += flow([("! ", look.text), (word, look.muted)], room)
    return [*says, *flow([("s saves them as a preset.", look.faint)], room)]


def _worked(sentence: str, look: Look) -> Line:
    """The sentence in muted, its worked number in the tone of text."""
    spans: Line = []
    end = 0
    for match in _WORKED.finditer(sentence):
        spans += [(sentence[end : match.start(2)], look.muted), (match[2], look.text)]
        end = match.end()
    return [*spans, (sentence[end:], look.muted)]


def _origin(view: View, setting: Setting, look: Look, room: int) -> list[Line]:
    """Who changed the value, and what it was before; for a seed that was drawn, which one it was."""
    source = view.force.sources[setting.name]
    if source in {"session", "persona"}:
        before = view.baseline(setting.name)
        by_persona = source == "session" and before != view.preset_value(setting.name)
        speaker = "persona" if by_persona else display_line(view.force.preset.name)
        who: Line = [("•" if source == "session" else "◦", look.accent), (f" {source}", look.muted)]
        says: Line = [gap(2), (f"{speaker} says ", look.faint), (setting.format(before), look.muted)]
        return [[*who, *says]] if width(who) + width(says) <= room else [who, says]
    if setting.name == "seed" and view.used_seed is not None and view.force.settings.seed == RANDOM_SEED:
        return [[("→", look.text), (" last ", look.faint), (str(view.used_seed), look.muted)]]
    return []


def _context_line(used: int, total: int, look: Look) -> Line:
    share = used / total if total else 0.0
    tone = look.muted if used <= total else look.warn
    return [
        gap(_EDGE),
        *meter(share, _METER, tone, look.track),
        gap(2),
        (f"{used:,}", look.text),
        (f" / {total:,}", look.faint),
    ]
