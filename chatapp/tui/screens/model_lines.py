"""The model browser as lines: the list by places, and one model with the memory it needs. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style

from chatapp.engine.catalog import ModelFile
from chatapp.engine.experience import Seen
from chatapp.engine.fit import Fit, memory_size
from chatapp.engine.header import Header, advice
from chatapp.home import short_path
from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, bar, clip, ends, flow, gap, indent, width
from chatapp.tui.look import Look
from chatapp.tui.screens.list_page import Row

MARGIN = 2
"""Cells left of the list, where the mark hangs."""
OFFER = "SmolLM2 135M Instruct"
_OFFER_SOURCE = "from the Python package index"
_QUANTISATION = 9
_FACT = 12
_SIZE = 9
_BAR = 24
_PROBLEM_LINES = 2


@dataclass(frozen=True)
class Standing:
    """Where one stands, and the paths of the model in use and of the one that chatapp starts with."""

    at: int
    in_use: str
    default: str


def how_many(models: Sequence[ModelFile], *, looking: bool) -> str:
    """How many there are, and whether more may come."""
    sound = sum(not model.problem for model in models)
    return f"{sound:,} found" + (", looking on" if looking else "")


# The list ---------------------------------------------------------------------------------------------------


def list_lines(
    models: Sequence[ModelFile], standing: Standing, look: Look, cells: int, *, roomy: bool, offer: bool
) -> list[Row]:
    """The models in their groups, each line with the place of its model; last the one that could be fetched."""
    lines: list[Row] = []
    for index, one in enumerate(models):
        if index == 0 or models[index - 1].source != one.source:
            lines += _group(one.source, look, first=index == 0, roomy=roomy)
        here = index == standing.at
        lines += [(row, index) for row in _row(one, look, cells, standing=standing, here=here)]
    if offer:
        lines += _group(_OFFER_SOURCE, look, first=not models, roomy=roomy)
        here = standing.at == len(models)
        line = [_mark(look, here=here), (OFFER, look.strong if here else look.text)]
        lines.append((ends(line, [("98 MB", look.muted)], cells), len(models)))
    return lines


def _group(source: str, look: Look, *, first: bool, roomy: bool) -> list[Row]:
    before: list[Row] = [] if first else [([], None)]
    after: list[Row] = [([], None)] if roomy else []
    return [*before, ([gap(MARGIN), (source, look.faint)], None), *after]


def _mark(look: Look, *, here: bool) -> tuple[str, Style]:
    return ("▎ ", look.accent) if here else gap(MARGIN)


def _row(one: ModelFile, look: Look, cells: int, *, standing: Standing, here: bool) -> list[Line]:
    mark = _mark(look, here=here)
    room = cells - MARGIN
    if one.problem:
        title = (clip(display_line(one.name), room - 8), look.err + Style(bold=True) if here else look.err)
        problem = flow([(display_line(one.problem), look.muted)], room - MARGIN)[:_PROBLEM_LINES]
        return [ends([mark, title], [("broken", look.err)], cells), *indent(problem, 2 * MARGIN)]
    state = _state(one, standing, look)
    figures = f"{one.quantisation:<{_QUANTISATION}}{memory_size(one.size):>{_SIZE}}"
    right: Line = [gap(1), *state, gap(2), (figures, look.muted)]
    name = clip(display_line(one.name), room - width(right))
    return [ends([mark, (name, look.strong if here else look.text)], right, cells)]


def _state(one: ModelFile, standing: Standing, look: Look) -> Line:
    if str(one.path) == standing.in_use:
        return [("in use", look.accent)]
    return [("default", look.faint)] if str(one.path) == standing.default else []


# One model --------------------------------------------------------------------------------------------------


def offer_lines(look: Look, cells: int) -> list[Line]:
    """The model that could be fetched."""
    told = (
        "The small model that the first minute works with: 98 MB. It is the only thing here that uses the network."
    )
    return [[(OFFER, look.strong)], [], *flow([(told, look.text)], cells)]


def model_lines(one: ModelFile, fit: Fit | None, seen: Seen, look: Look, cells: int) -> list[Line]:
    """A model to be judged: what it is, the memory it needs, how fast it was, where it lies."""
    lines: list[Line] = [[(clip(display_line(one.name), cells), look.err if one.problem else look.strong)]]
    if one.problem or one.header is None:
        told = f"{one.path.name} {one.problem}"
        return [*lines, [], *flow([(display_line(told), look.text)], cells), [], *_places(one, look, cells)]
    lines.append([(clip(_kind(one.header), cells), look.muted)])
    lines += [[], *_memory(fit, seen, look, cells), []] if fit else [[]]
    for label, value in _facts(one, one.header, seen):
        lines += _fact(label, value, look.text, look, cells)
    lines += _places(one, look, cells)
    if told := advice(one.quantisation):
        lines += [[], *flow([(told, look.faint)], cells)]
    return lines


def _kind(header: Header) -> str:
    return f"{header.architecture}, {_amount(header.parameters)} parameters"


def _amount(number: int) -> str:
    for unit, word in ((10**9, "billion"), (10**6, "million")):
        if number >= unit:
            return f"{number / unit:,.{1 if number < 10 * unit else 0}f} {word}"
    return f"{number:,}"


def _memory(fit: Fit, seen: Seen, look: Look, cells: int) -> list[Line]:
    """The verdict, then each term with its share of the whole."""
    tone = look.text if fit.fits else look.warn
    lines: list[Line] = [[("memory", look.faint)], *flow([(fit.verdict, tone)], cells)]
    need = fit.need
    terms = (
        ("weights", need.weights),
        ("KV cache", need.cache),
        ("compute", need.compute),
        ("engine", need.engine),
    )
    room = min(_BAR, cells - _FACT - _SIZE - 2)
    for label, size in terms:
        line: Line = [(f"{label:<{_FACT}}", look.faint), (f"{memory_size(size):>{_SIZE}}", look.text), gap(2)]
        lines.append([*line, *bar(size / max(1, need.total), room, look.accent)] if room > 0 else line)
    if seen.memory is not None and seen.memory.resident:
        lines += _fact(
            "last time", f"{memory_size(seen.memory.resident)} in use after loading", look.text, look, cells
        )
    if fit.ways:
        lines += _fact("would help", ", ".join(fit.ways), look.text, look, cells)
    return lines


def _facts(one: ModelFile, header: Header, seen: Seen) -> list[tuple[str, str]]:
    rows = [
        ("stored as", f"{one.quantisation}, {memory_size(one.size)}"),
        ("context", f"{one.context:,} tokens" if one.context else "it does not say"),
        ("layers", f"{header.block_count}, {header.head_count} heads of {header.key_length}"),
        ("vocabulary", f"{header.vocabulary:,} tokens" if header.vocabulary else "it does not say"),
        ("template", "its own" if header.chat_template else "none: ChatML is used"),
    ]
    if len(header.files) > 1:
        rows.append(("files", f"{len(header.files)}"))
    if seen.tokens_per_s:
        threads = f", {counted(seen.n_threads, 'thread')}" if seen.n_threads else ""
        rows.append(("speed", f"{seen.tokens_per_s:,.1f} tok/s last time{threads}"))
    return rows


def _places(one: ModelFile, look: Look, cells: int) -> list[Line]:
    lines = _fact("file", short_path(one.path), look.muted, look, cells)
    for copy in one.copies:
        lines += _fact("also", short_path(copy), look.muted, look, cells)
    return lines


def _fact(label: str, value: str, style: Style, look: Look, cells: int) -> list[Line]:
    lines = flow([(display_line(value), style)], cells - _FACT)
    return [[(f"{label:<{_FACT}}", look.faint), *lines[0]], *indent(lines[1:], _FACT)]
