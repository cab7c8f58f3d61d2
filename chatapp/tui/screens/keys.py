"""Help: every key there is, read from the bindings themselves, so that it cannot lag behind."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from chatapp.text import display_line
from chatapp.tui.lines import Line, beside, flow, indent
from chatapp.tui.look import Look
from chatapp.tui.screens.reading_page import ReadingPage, ReadingScreen

Group = tuple[str, list[tuple[str, str]]]

_SPACE, _MARGIN = 4, 2
_COLUMN = 46
"""Cells from which a column is wide enough to read."""
_WIDEST_KEY, _KEY_GAP = 18, 2

_KEY_NAMES = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "delete": "del",
    "escape": "esc",
    "slash": "/",
    "minus": "-",
    "plus": "+",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def groups_from(
    widget_classes: Mapping[str, Iterable[type]], keymap: Mapping[str, str] | None = None
) -> list[Group]:
    """The keys of each area, from the bindings of its classes, those not shown elsewhere among them.

    Args:
        widget_classes: the classes of each area, in the order of the areas.
        keymap: the user's own keys, by the id of their binding.
    """
    groups = []
    for area, classes in widget_classes.items():
        rows = [row for cls in classes for row in _rows(cls, keymap or {})]
        groups.append((area, list(dict.fromkeys(rows))))
    return [(area, rows) for area, rows in groups if rows]


def described(cls: type) -> Iterator[Binding]:
    """The bindings of a class that say what they do."""
    for given in getattr(cls, "BINDINGS", ()):
        binding = given if isinstance(given, Binding) else Binding(*given)
        if binding.description:
            yield binding


def _rows(cls: type, keymap: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for binding in described(cls):
        written = keymap.get(binding.id or "", binding.key)
        yield binding.key_display or key_name(written), sentence_part(binding.description)


def sentence_part(text: str) -> str:
    """Without a capital at its beginning, save for a name in capitals."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def key_name(written: str) -> str:
    """A binding's key as people read it: `ctrl+l,f2` becomes `ctrl+l F2`."""
    return " ".join(dict.fromkeys(map(_one_key, written.split(","))))


def _one_key(written: str) -> str:
    *modifiers, key = written.strip().split("+") if written.strip() != "+" else ["+"]
    if key in _KEY_NAMES:
        key = _KEY_NAMES[key]
    elif key[:1] == "f" and key[1:].isdigit():
        key = key.upper()
    elif "_" in key:
        key = _character(key)
    if "shift" in modifiers and len(key) == 1 and key.isalpha():
        modifiers.remove("shift")
        key = key.upper()
    return "+".join([*modifiers, key])


def _character(name: str) -> str:
    """The character that Textual names by its Unicode name, such as question_mark."""
    try:
        return unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return name


class KeysScreen(ReadingScreen[None]):
    """A page with every key, in columns where there is room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "leave", "back to the page", show=False, id="keys.leave"),
    ]

    def __init__(self, groups: Sequence[Group], notes: Sequence[str] = ()) -> None:
        super().__init__(KeysPage(groups, notes))


class KeysPage(ReadingPage):
    """Draws the groups in columns, and the notes below them."""

    def __init__(self, groups: Sequence[Group], notes: Sequence[str]) -> None:
        super().__init__()
        self._groups, self._notes = groups, notes

    def title(self) -> tuple[str, str]:
        """It needs no more than a word."""
        return "Keys", ""

    def keys(self) -> tuple[tuple[str, str], ...]:
        """How to scroll, and back."""
        return (("↑ ↓", "scroll"), ("esc", "page"))

    def body(self, look: Look, cells: int) -> list[Line]:
        """All keys, and the notes."""
        return page_lines(self._groups, self._notes, look, cells)


def page_lines(groups: Sequence[Group], notes: Sequence[str], look: Look, cells: int) -> list[Line]:
    """All keys, in as many columns as there is room for, then the notes."""
    count = max(1, min(3, len(groups), (cells + _SPACE) // (_COLUMN + _SPACE)))
    column = min(_COLUMN + 16, (cells - (count - 1) * _SPACE) // count)
    names = [cell_len(name) for _, rows in groups for name, _ in rows]
    key_cells = min(_WIDEST_KEY, max(names, default=0))
    blocks = [_block(group, look, column, key_cells) for group in groups]
    columns = [(_stacked(part), column) for part in _shared_out(blocks, count)]
    lines = beside(columns, _SPACE) if columns else []
    for note in notes:
        lines += [[], *indent(flow([(display_line(note), look.muted)], cells - _MARGIN), _MARGIN)]
    return lines


def _block(group: Group, look: Look, cells: int, key_cells: int) -> list[Line]:
    """A heading and its keys; keys and what they do are wrapped beside each other, never cut."""
    area, rows = group
    lines: list[Line] = [[(display_line(area), look.faint)]]
    for name, does in rows:
        names = flow([(display_line(name), look.text)], key_cells)
        said = flow([(display_line(does), look.muted)], max(1, cells - _MARGIN - key_cells - _KEY_GAP))
        lines += beside([(names, key_cells), (said, cells - _MARGIN - key_cells - _KEY_GAP)], _KEY_GAP)
    return indent(lines, _MARGIN)


def _shared_out(blocks: list[list[Line]], count: int) -> list[list[list[Line]]]:
    """The blocks in their order over so many columns, the highest as low as it can be."""
    for height in range(1, sum(map(len, blocks)) + len(blocks) + 1):
        columns = _packed(blocks, height)
        if len(columns) <= count and all(len(_stacked(column)) <= height for column in columns):
            return columns
    return []


def _packed(blocks: list[list[Line]], height: int) -> list[list[list[Line]]]:
    columns: list[list[list[Line]]] = []
    for block in blocks:
        if columns and len(_stacked([*columns[-1], block])) <= height:
            columns[-1].append(block)
        else:
            columns.append([block])
    return columns


def _stacked(blocks: list[list[Line]]) -> list[Line]:
    """Blocks below each other, with a blank line between them."""
    blank: list[Line] = [[]]
    return [line for index, block in enumerate(blocks) for line in (blank if index else []) + block]
