"""Several replies side by side, as lines: columns whose totals stand on one line, and the tree where they part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatapp.conversation.message import Message, Status, StopReason
from chatapp.conversation.parting import Parting, Word, part, shared, words
from chatapp.text import counted, display, display_line
from chatapp.tui.lines import PLAIN, Line, beside, clip, ends, fit, flow, gap, width
from chatapp.tui.look import Look

SPACE = 5
_STRETCH = 22
"""Cells of what replies have in common, from one parting to the next."""
_CHANCE = 4
_OWN_WORD = re.compile(r"\s*\S+")
_TREE_CELLS = 96


@dataclass
class Column:
    """One reply: how it is called, what differs, and how it stands."""

    letter: str
    title: str
    reply: Message
    rate: float = 0.0
    """Tokens per second, while it is written."""
    kept: bool = False
    """Whether it was marked to be kept."""
    scrolled: int = 0
    """Lines that its end is below the window."""

    @property
    def ended(self) -> bool:
        """Whether nothing is to come any more."""
        return self.reply.status is not Status.STREAMING

    @property
    def state(self) -> str:
        """How it stands, in a word."""
        if not self.ended:
            return f"{self.rate:.1f} tok/s" if self.rate else "waits"
        if self.reply.status is Status.ERROR:
            return "broke off"
        match self.reply.provenance.stop_reason:
            case StopReason.CANCELLED:
                return "stopped"
            case StopReason.MAX_TOKENS | StopReason.CONTEXT_FULL:
                return "cut off"
            case _:
                return "done"


def columns(
    shown: Sequence[Column], all_of_them: Sequence[Column], at: int, look: Look, size: tuple[int, int]
) -> list[Line]:
    """Columns set side by side, in so many cells and lines; `at` is the place of the one that is looked at."""
    cells, lines = size
    each = (cells - SPACE * (len(shown) - 1)) // len(shown)
    drawn = []
    for column in shown:
        others = [one.reply.text for one in all_of_them if one is not column]
        here = column is all_of_them[at]
        body = _body(column, others, look, each, lines - 5)
        total = ends(
            [(counted(len(column.reply.token_ids), "token"), look.faint)],
            [(column.state, look.muted if column.ended else look.faint)],
            each,
        )
        drawn.append(([*_head(column, look, each, here=here), [], *body, [], total], each))
    return beside(drawn, SPACE)


def _head(column: Column, look: Look, cells: int, *, here: bool) -> list[Line]:
    mark = [(" • kept" if cells > 20 else " •", look.accent)] if column.kept else []
    title = clip(display_line(column.title), cells - 3 - width(mark))
    name: Line = [
        (column.letter, look.accent if here else look.faint),
        gap(2),
        (title, look.strong if here else look.text),
    ]
    rule = ("━" * cells, look.accent) if here else ("─" * cells, look.rule)
    return [ends(name, mark, cells), [rule]]


def _body(column: Column, others: Sequence[str], look: Look, cells: int, lines: int) -> list[Line]:
    """The text: what others begin with too is faint, the first word of its own bold; its end is in view."""
    text = column.reply.text
    common = shared(text, others)
    match = _OWN_WORD.match(text, common)
    own = match.end() if match else common
    if own < len(text) and (end := text.find("\n", own)) >= 0:
        first, rest = text[:end], text[end + 1 :]
    else:
        first, rest = text, None
    spans = [(first[:common], look.faint), (first[common:own], look.strong), (first[own:], look.text)]
    rows = _paragraphs(spans, cells)
    if rest is not None:
        rows += [[(line, look.text)] for line in _wrapped(rest, cells)]
    if not column.ended:
        caret = ("▌", look.accent)
        if rows and width(rows[-1]) < cells:
            rows[-1] = [*rows[-1], caret]
        else:
            rows.append([caret])
    lines = max(1, lines)
    column.scrolled = max(0, min(column.scrolled, len(rows) - lines))
    top = max(0, len(rows) - lines - column.scrolled)
    window = rows[top : top + lines]
    return [*window, *([[]] * (lines - len(window)))]


def _paragraphs(spans: Line, cells: int) -> list[Line]:
    rows: list[Line] = []
    paragraph: Line = []
    for text, style in spans:
        pieces = text.split("\n")
        for place, piece in enumerate(pieces):
            if place:
                rows += flow(paragraph, cells)
                paragraph = []
            paragraph.append((display(piece), style))
    return rows + flow(paragraph, cells)


def _wrapped(text: str, cells: int) -> list[str]:
    """Lines of text in one style; a paragraph that is whole is wrapped once."""
    *whole, last = text.split("\n")
    return [line for one in whole for line in _wrap(one, cells)] + _lay(last, cells)


@lru_cache(maxsize=2000)
def _wrap(paragraph: str, cells: int) -> tuple[str, ...]:
    return tuple(_lay(paragraph, cells))


def _lay(paragraph: str, cells: int) -> list[str]:
    return ["".join(text for text, _ in line) for line in flow([(display(paragraph), PLAIN)], cells)]


# Where they part --------------------------------------------------------------------------------------------


def parting_lines(shown: Sequence[Column], at: int, look: Look, cells: int) -> list[Line]:
    """The tree of the first words of each, with the chance of the word with which a reply goes its own way."""
    spoken = {
        place: words(column.reply.text, column.reply.records, ended=column.ended)
        for place, column in enumerate(shown)
    }
    spoken = {place: said for place, said in spoken.items() if said}
    if len(spoken) < 2:
        return []
    cells = min(cells, _TREE_CELLS)
    rows = _rows(part(spoken), shown, at, look)
    head = ends([("where they part", look.muted)], [("chance of the word", look.faint)], cells)
    return [head, [], *(_dotted(line, chance, look, cells) for line, chance in rows)]


def _rows(node: Parting, shown: Sequence[Column], at: int, look: Look) -> list[tuple[Line, str]]:
    if not node.branches:
        return [_leaf(node, shown, at, look)]
    label = _stretch(node.common)
    rows: list[tuple[Line, str]] = []
    last = len(node.branches) - 1
    for place, branch in enumerate(node.branches):
        for line, (spans, chance) in enumerate(_rows(branch, shown, at, look)):
            if not line and not place:
                before: Line = [(label, look.text), (" ─┬─ " if label else "─┬─ ", look.rule)]
            else:
                joint = ("╰─ " if place == last else "├─ ") if not line else ("   " if place == last else "│  ")
                before = [gap(len(label) + (2 if label else 1)), (joint, look.rule)]
            rows.append(([*before, *spans], chance))
    return rows


def _leaf(node: Parting, shown: Sequence[Column], at: int, look: Look) -> tuple[Line, str]:
    here = at in node.texts
    letters = " ".join(shown[place].letter for place in node.texts)
    if node.word is None:
        what = "the same to the end" if len(node.texts) > 1 else "ends"
        return [(letters, look.accent if here else look.muted), gap(2), (what, look.faint)], ""
    word = clip(display_line(node.word.text.strip()), _STRETCH)
    spans: Line = [
        (letters, look.accent if here else look.muted),
        gap(2),
        (word, look.strong if here else look.text),
    ]
    return spans, _share(node.word.chance)


def _share(chance: float | None) -> str:
    if chance is None:
        return ""
    return "1" if chance > 0.995 else f"{chance:.2f}"[1:] if chance >= 0.005 else "<.01"


def _stretch(common: Sequence[Word]) -> str:
    """What some have in common; of a long stretch, its last words."""
    text = " ".join(display_line(word.text.strip()) for word in common)
    return text if len(text) <= _STRETCH else "…" + text[-(_STRETCH - 1) :].partition(" ")[2]


def _dotted(line: Line, chance: str, look: Look, cells: int) -> Line:
    room = cells - _CHANCE - 2
    dots = max(0, room - width(line) - 1)
    left = fit([*line, gap(1), ("·" * dots, look.rule)], room)
    return [*left, gap(_CHANCE - len(chance) + 2), (chance, look.muted)]
