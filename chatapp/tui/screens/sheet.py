"""The sheet: one list to choose from by typing, for the palette, for models and for themes alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from chatapp.text import display_line
from chatapp.tui.lines import PLAIN, Line, clip, ends, gap, keys, strip, width
from chatapp.tui.lines import on as on_ground
from chatapp.tui.look import Look, look_of
from chatapp.tui.screens.sheet_rows import Finder, Item, Row
from chatapp.tui.widgets.field import Field

__all__ = ["Item", "Sheet"]

WIDTH, LOW = 76, 30
_EDGE = 3
_LIST_FROM, _BELOW = 3, 3
"""Lines above the list: edge, what is typed, a blank one; and below it: a blank one, the keys, the edge."""
_COUNT = 20
"""Cells kept free beside the field for how many items there are."""
_WHEEL = 3


Live = Callable[[str, bool], Awaitable[tuple[list[Row], str]]]
"""Finds rows for what was typed (all of them, where only they are shown), and says what it found."""


class Sheet(ModalScreen[Item | None]):
    """A list over the dimmed page, narrowed by typing; ends with the item chosen, or with None."""

    CSS_PATH = "../styles/sheet.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "item above", show=False, id="sheet.up", priority=True),
        Binding("down", "move(1)", "item below", show=False, id="sheet.down", priority=True),
        Binding("pageup", "page(-1)", "page up", show=False, id="sheet.page_up", priority=True),
        Binding("pagedown", "page(1)", "page down", show=False, id="sheet.page_down", priority=True),
        Binding("tab", "narrow(1)", "only the next group", show=False, id="sheet.narrow", priority=True),
        Binding("shift+tab", "narrow(-1)", "only the last group", show=False, id="sheet.widen", priority=True),
        Binding("enter", "choose", "go", show=False, id="sheet.choose", priority=True),
        Binding("escape", "close", "close", show=False, id="sheet.close", priority=True),
    ]

    def __init__(
        self,
        items: Sequence[Item],
        *,
        placeholder: str,
        verb: str = "go",
        free_text: Callable[[str], Item | None] | None = None,
        live: tuple[str, Live] | None = None,
    ) -> None:
        """Offer these items.

        Args:
            items: what there is to choose, in groups that keep their order.
            placeholder: what stands in the empty field.
            verb: what enter does, for the line of keys.
            free_text: makes an item of what was typed, such as a path, or None where it cannot be one.
            live: a group whose rows are found elsewhere as one types, and what finds them.
        """
        super().__init__()
        self._live = live[1] if live else None
        self._finder = Finder(items, free_text, live[0] if live else None)
        self._slab = Slab(self._finder, placeholder, verb)

    def compose(self) -> ComposeResult:
        """The slab, with the field on it."""
        yield self._slab

    def on_resize(self) -> None:
        """Lie at the fifth line, or higher where there are few."""
        top = 1 if self.size.height < LOW else 4
        self._slab.styles.margin = (top, 0, 0, 0)
        self._slab.place(min(WIDTH, self.size.width - 4), self.size.height - top - 1)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._finder.ask(event.value)
        self._look()
        self._slab.show_found()

    def _look(self) -> None:
        """Have others look for what was typed; nobody waits for them, and what was typed before is dropped."""
        if self._live is not None:
            self._finder.pending = True
            self.run_worker(self._show_live(self._live), group="live", exclusive=True)

    async def _show_live(self, live: Live) -> None:
        only = self._finder.only == self._finder.live
        self._finder.show_live(*await live(self._finder.typed, only))
        self._slab.show_found()

    def action_move(self, step: int) -> None:
        """Go up or down."""
        self._finder.move(step)
        self._slab.reveal()

    def action_page(self, direction: int) -> None:
        """Go up or down by what the list holds."""
        self.action_move(direction * max(1, self._slab.room - 1))

    def action_narrow(self, step: int) -> None:
        """Show the next group alone; after the last one, all of them."""
        self._finder.turn(step)
        self._look()
        self._slab.show_found()

    def action_choose(self) -> None:
        """Take the item, or open up its group."""
        row = self._finder.row
        if row is None:
            return
        if row.more:
            self._finder.narrow(row.group)
            self._look()
            self._slab.show_found()
        else:
            self.dismiss(row.item)

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """Choose what is under the pointer; beside the sheet, close it."""
        if event.widget is self:
            self.dismiss(None)
        elif event.widget is self._slab and self._slab.stand_at(event.y):
            self.action_choose()


class Slab(Widget):
    """Draws a finder's rows, with a field to type in above them and the keys below."""

    def __init__(self, finder: Finder, placeholder: str, verb: str) -> None:
        super().__init__()
        self._finder = finder
        self._placeholder, self._verb = display_line(placeholder), verb
        self._top = 0
        self._most = 0

    def compose(self) -> ComposeResult:
        """The field."""
        yield Field(self._placeholder)

    @property
    def room(self) -> int:
        """Rows that the list holds."""
        return max(1, self.size.height - _LIST_FROM - _BELOW)

    def place(self, cells: int, most: int) -> None:
        """Take a width, and a height up to so many lines."""
        self.styles.width = cells
        field, look = self.query_one(Field), look_of(self.app)
        field.styles.offset = (_EDGE + 2, 1)
        field.styles.width = max(1, cells - _EDGE * 2 - 2 - _COUNT)
        field.styles.background = look.slab_colour if look.grounds else None
        self._most = most
        self._fit_height()

    def show_found(self) -> None:
        """The finder has found something else."""
        self._top = 0
        self._fit_height()
        self.reveal()

    def _fit_height(self) -> None:
        self.styles.height = min(self._most, max(1, len(self._finder.rows)) + _LIST_FROM + _BELOW)
        self.call_after_refresh(self.reveal)

    def reveal(self) -> None:
        """Scroll so that the highlighted row is seen, and its heading with the first of a group."""
        at = self._finder.at
        above = at - 1 if at > 0 and self._finder.rows[at - 1].item is None else at
        last = max(0, len(self._finder.rows) - self.room)
        self._top = max(0, min(self._top, above, last) if above < self._top else min(self._top, last))
        self._top = max(self._top, at - self.room + 1)
        self.refresh()

    def stand_at(self, y: int) -> bool:
        """Stand on the row at a line of the slab; whether there is one that can be chosen."""
        place = self._top + y - _LIST_FROM
        inside = 0 <= y - _LIST_FROM < self.room and place < len(self._finder.rows)
        if inside and self._finder.rows[place].choosable:
            self._finder.at = place
            return True
        return False

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, -_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll; the highlight stays where it is."""
        self._scroll(event, _WHEEL)

    def _scroll(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        self._top = max(0, min(len(self._finder.rows) - self.room, self._top + rows))
        self.refresh()

    # Drawing ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the sheet."""
        look, cells, height = look_of(self.app), self.size.width, self.size.height
        if y in {0, height - 1}:
            return strip([(_edge(look, top=y == 0) * cells, look.slab_edge)], cells, look.ground)
        return strip(self._line(y, look, cells), cells, look.slab)

    def _line(self, y: int, look: Look, cells: int) -> Line:
        inner = cells - 2 * _EDGE
        if y == 1:
            return [gap(_EDGE), *self._field_line(look, inner)]
        if y == self.size.height - 2:
            return [gap(_EDGE), *self._keys_line(look, inner)]
        if y == self.size.height - 3:
            return [gap(_EDGE), *self._rest_line(look, inner)]
        place = self._top + y - _LIST_FROM
        if y < _LIST_FROM or (place >= len(self._finder.rows) > 0):
            return []
        if not self._finder.rows:
            return [gap(_EDGE), *nothing_line(self._finder, look, inner)] if y == _LIST_FROM else []
        return row_line(self._finder.rows[place], look, cells, highlighted=place == self._finder.at)

    def _field_line(self, look: Look, cells: int) -> Line:
        found, total = self._finder.found, self._finder.total
        count = f"{found:,} of {total:,}" if found != total else f"{total:,}"
        if not total:  # what is typed is all there is
            count = ""
        if self._finder.live and self._finder.query:
            count = self._finder.said
        return ends([("›", look.accent)], [(count, look.faint)], cells)

    def _rest_line(self, look: Look, cells: int) -> Line:
        below = len(self._finder.rows) - self._top - self.room
        return ends([], [(f"{below:,} more ↓", look.faint)] if below > 0 else [], cells)

    def _keys_line(self, look: Look, cells: int) -> Line:
        pairs = [("↑ ↓", "choose"), ("enter", self._verb)]
        if len(self._finder.groups) > 1:
            group = self._finder.next_group
            pairs.append(("tab", f"only {display_line(group)}" if group else "all"))
        return ends(keys(pairs, look.muted, look.faint), keys([("esc", "close")], look.muted, look.faint), cells)


def _edge(look: Look, *, top: bool) -> str:
    return "─" if not look.grounds else "▄" if top else "▀"


def nothing_line(finder: Finder, look: Look, cells: int) -> Line:
    """What is said when nothing was found."""
    if finder.pending:
        return []
    if not finder.query:
        return [("There is nothing to choose.", look.muted)]
    line: Line = [("Nothing with “", look.muted), (clip(finder.query, cells // 3), look.text), ("”.", look.muted)]
    if near := finder.nearest:
        said = [*line, (" Nearest: ", look.muted)]
        return [*said, (clip(near, cells - width(said) - 1), look.text), (".", look.muted)]
    return line


def row_line(row: Row, look: Look, cells: int, *, highlighted: bool) -> Line:
    """One row, over the whole width of the sheet."""
    inner = cells - 2 * _EDGE
    if row.more:
        body: Line = [gap(row.indent), (f"{row.more:,} more", look.muted if highlighted else look.faint)]
    elif row.item is None:
        return [gap(_EDGE), (clip(display_line(row.group), inner), look.faint)]
    else:
        body = _item_line(row, row.item, look, inner, highlighted=highlighted)
    if not highlighted:
        return [gap(_EDGE), *body]
    return on_ground([(" ▎ ", look.accent), *body], look.selection, cells)


def _item_line(row: Row, item: Item, look: Look, cells: int, *, highlighted: bool) -> Line:
    quiet = look.muted if highlighted else look.faint
    right = clip(display_line(item.right), cells // 3)
    room = cells - width([(right, PLAIN)]) - (2 if right else 0) - row.indent
    hit = look.accent + Style(bold=True)
    title = clip(row.title, room)
    name = look.strong if highlighted else look.text
    if item.problem:
        name = look.err
    elif row.indent:  # what was said is quoted, and only what was found in it stands out
        name = look.text if highlighted else look.muted
    line = [gap(row.indent), *_marked(title, row.fit.title, name, hit)]
    room -= width(line) + _EDGE
    if row.detail and room > 4:
        line += [gap(_EDGE), *_marked(clip(row.detail, room), row.fit.detail, quiet, hit)]
    return ends(line, [(right, quiet)], cells)


def _marked(text: str, places: frozenset[int], plain: Style, hit: Style) -> Line:
    """The text with the matched characters marked, in as few spans as there are changes."""
    line: Line = []
    for place, letter in enumerate(text):
        style = hit if place in places else plain
        if line and line[-1][1] is style:
            line[-1] = (line[-1][0] + letter, style)
        else:
            line.append((letter, style))
    return line
