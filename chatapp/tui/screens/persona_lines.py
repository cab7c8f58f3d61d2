"""The persona picker as lines: the list with its groups, and one persona laid out to be read. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style

from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import SETTINGS
from chatapp.home import short_path
from chatapp.personas import Listed, macro_spans
from chatapp.text import counted, display, display_line
from chatapp.tui.lines import Line, clip, ends, flow, gap, indent, width
from chatapp.tui.look import Look

MARGIN = 2
"""Cells left of the list, where the mark hangs."""
LONGEST_PROMPT = 20_000
"""Characters of a prompt that are laid out; the file has the rest."""
_NAME, _WIDEST_NAME = 14, 24
_FACT = 12
_PROBLEM_LINES = 2


@dataclass(frozen=True)
class Standing:
    """Where one stands in the list, the persona in use, and the one that new sessions take."""

    at: int
    current: str
    default: str


def by_origin(listed: Sequence[Listed]) -> str:
    """How many there are of each origin."""
    yours = sum(one.origin == "yours" for one in listed)
    return f"{len(listed) - yours} shipped, {yours} yours" if yours else f"{len(listed)} shipped"


# The list ---------------------------------------------------------------------------------------------------


def list_lines(
    listed: Sequence[Listed], standing: Standing, look: Look, cells: int, *, roomy: bool
) -> list[tuple[Line, int | None]]:
    """The list in its groups, each line with the index of its persona where it has one."""
    lines: list[tuple[Line, int | None]] = []
    name_cells = min(_WIDEST_NAME, max([_NAME, *(cell_len(display_line(one.name)) + 2 for one in listed)]))
    for index, one in enumerate(listed):
        if index == 0 or _group(listed[index - 1]) != _group(one):
            lines += [([], None)] if index else []
            lines += [([gap(MARGIN), (_group(one), look.faint)], None), *([([], None)] if roomy else [])]
        rows = _row(one, look, cells, name_cells, standing=standing, here=index == standing.at)
        lines += [(row, index) for row in rows]
    return lines


def _group(one: Listed) -> str:
    """What stands above personas of a kind: the user's own stay together."""
    return "tasks" if one.origin == "shipped" and one.persona and one.persona.task else one.origin


def _row(one: Listed, look: Look, cells: int, name_cells: int, *, standing: Standing, here: bool) -> list[Line]:
    mark = ("▎ ", look.accent) if here else gap(MARGIN)
    room = cells - MARGIN
    name = display_line(one.name)
    if one.problem:
        title = (clip(name, room - 8), look.err + Style(bold=True) if here else look.err)
        problem = flow([(display_line(one.problem), look.muted)], room - name_cells)[:_PROBLEM_LINES]
        return [ends([mark, title], [("broken", look.err)], cells), *indent(problem, MARGIN + name_cells)]
    state = _state(one, standing, look)
    room -= name_cells + (width(state) + 1 if state else 0)
    shown = clip(name, name_cells - 1)
    spaces = gap(name_cells - cell_len(shown))
    line = [mark, (shown, look.strong if here else look.text), spaces]
    return [ends([*line, (clip(display_line(one.description), room), look.muted)], state, cells)]


def _state(one: Listed, standing: Standing, look: Look) -> Line:
    name = one.name.casefold()
    if name == standing.current.casefold():
        return [("in use", look.accent)]
    return [("default", look.faint)] if name == standing.default.casefold() else []


# One persona ------------------------------------------------------------------------------------------------


def preview_lines(one: Listed, cost: int | None, context: int, look: Look, cells: int) -> list[Line]:
    """A persona to be read: who it is, its prompt as prose, its greeting, then facts."""
    lines: list[Line] = [[(clip(display_line(one.name), cells), look.err if one.problem else look.strong)]]
    if one.problem or one.persona is None:
        lines += [*flow([(display_line(one.problem), look.text)], cells), []]
        return [*lines, *_fact("file", _place(one), look.muted, look, cells)]
    lines += flow([(display_line(one.description), look.muted)], cells) if one.description else []
    lines += [[], *prompt_lines(one.persona.system, look, cells), []]
    if one.persona.greeting:
        italic = look.text + Style(italic=True)
        lines += [[("greeting", look.faint)], *_prose(one.persona.greeting, italic, look, cells), []]
    for label, value in facts(one.persona, cost, context):
        lines += _fact(label, value, look.text, look, cells)
    return [*lines, *_fact("file", _place(one), look.muted, look, cells)]


def prompt_lines(system: str, look: Look, cells: int) -> list[Line]:
    """The prompt as prose, macros in a colour of their own."""
    if not system.strip():
        return [[("No system prompt: the model is told nothing.", look.faint)]]
    lines = _prose(system[:LONGEST_PROMPT], look.text, look, cells)
    left = len(system) - LONGEST_PROMPT
    return [*lines, [(f"… {left:,} more characters", look.faint)]] if left > 0 else lines


def facts(persona: Persona, cost: int | None, context: int) -> list[tuple[str, str]]:
    """What else a persona brings along. The cost is left out until it is known."""
    turns = len(persona.examples)
    rows = [
        ("preset", persona.preset.name),
        ("overrides", _overrides(persona) or "none"),
        ("stops", "  ".join(f"“{stop}”" for stop in persona.sampling.get("stop", ())) or "none"),
        ("examples", counted(turns, "turn") if turns else "none"),
    ]
    if persona.prefill:
        rows.append(("begins", f"“{persona.prefill}”"))
    if persona.json_schema:
        rows.append(("replies", "JSON by a schema of its own"))
    if not persona.template:
        rows.append(("sent as", "plain text, without the chat template"))
    if cost is not None:
        rows.append(("costs", counted(cost, "token") + (f" of {context:,}" if context else "")))
    return rows


def _overrides(persona: Persona) -> str:
    values = persona.sampling
    known = [f"{one.label} {one.format(values[one.name])}" for one in SETTINGS if one.name in values]
    if "repeat_last_n" in values:
        known.append(f"repeat window {values['repeat_last_n']}")
    return ", ".join(known)


def _fact(label: str, value: str, style: Style, look: Look, cells: int) -> list[Line]:
    lines = flow([(display_line(value), style)], cells - _FACT)
    return [[(f"{label:<{_FACT}}", look.faint), *lines[0]], *indent(lines[1:], _FACT)]


def _place(one: Listed) -> str:
    """A shipped file by its folder, an own one by its whole path."""
    return str(Path(one.path.parent.name, one.path.name)) if one.origin == "shipped" else short_path(one.path)


def _prose(text: str, style: Style, look: Look, cells: int) -> list[Line]:
    """Paragraphs, each wrapped; the macros are marked."""
    lines: list[Line] = []
    for paragraph in display(text).expandtabs(4).split("\n"):
        spans: Line = []
        end = 0
        for start, stop in macro_spans(paragraph):
            spans += [(paragraph[end:start], style), (paragraph[start:stop], look.third)]
            end = stop
        lines += flow([*spans, (paragraph[end:], style)], cells)
    return lines
