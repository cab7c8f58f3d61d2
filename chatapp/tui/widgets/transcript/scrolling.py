"""A window on a column of messages: scrolling, following the end, and painting.

The anchor, a message and a line in it, is the truth; the scroll position follows from it. So the text under a
reader stands still while heights above are corrected, while a reply grows below, and when the window changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.look import Look, look_of
from chatapp.tui.page import page_geometry

from .column import Anchor, Column
from .frame_clock import FrameClock
from .row import Row
from .selection import addressed, nowhere, selected_row, selected_text
from .view import Sheet

AHEAD = 1.5
"""Windows above and below the visible one that are laid out, so that a page is exact when it is turned to."""
AIRY_LINES = 30


class ColumnView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a column; knows nothing of what its messages are for."""

    DEFAULT_CSS = """
    ColumnView { background: $background; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "page up", id="page.page_up", show=False),
        Binding("pagedown", "page(1)", "page down", id="page.page_down", show=False),
        Binding("home,g", "top", "first message", id="page.top", show=False),
        Binding("end,G", "bottom", "newest message", id="page.bottom", show=False),
    ]

    following: var[bool] = var(True, init=False)
    """The end is in view, and stays there while it grows."""
    new_lines_below: var[int] = var(0, init=False)
    """Lines that came since the reader left the end, and are still below the window."""

    class Followed(Message):
        """The view follows the end, or does not any more, or so many new lines are below it."""

        def __init__(self, following: bool, below: int) -> None:
            super().__init__()
            self.following = following
            self.below = below

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.column = Column()
        self.clock = FrameClock(self.paint_frame, self._later)
        self._anchor: Anchor = (0, 0)
        self._placing = False
        self._placed_size = Size(0, 0)
        self._arrived = 0

    def paint_frame(self) -> None:
        """Show what has arrived since the last frame."""

    def overlay(self, slot: int, row: Row, look: Look) -> Row:  # noqa: ARG002  for those that lay something on it
        """The row as it is painted."""
        return row

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        # Not Textual's timer, which would be a task of its own for every frame.
        asyncio.get_running_loop().call_later(seconds, self.post_message, events.Callback(callback=call))

    # Where the window stands --------------------------------------------------------------------------------

    def place(self) -> None:
        """Make what is near the window exact, and put the window where its anchor is."""
        if self._placing or self.column.sheet is None or not self.size.height:
            return
        self._placing = True
        try:
            self._place()
        finally:
            self._placing = False
        self.column.trim()
        self.following = round(self.scroll_y) >= self.max_scroll_y
        self._count_below()

    def _place(self) -> None:
        column, height = self.column, self.size.height
        ahead = int(height * (1 + AHEAD))
        if self.following:
            column.measure_up(column.last, ahead)
            line = column.heights.total
        else:
            slot, line = self._anchor
            column.measure_down(slot, line + ahead)
            column.measure_up(slot - 1, ahead)
            line += column.heights.top(slot)
        self._set_height(column.heights.total)
        y = min(line, self.max_scroll_y)
        self.set_reactive(Widget.scroll_target_y, y)
        self.scroll_y = y
        self._anchor = column.heights.find(y)

    def _set_height(self, height: int) -> None:
        """Say how much there is to scroll, without the layout of the whole screen that Textual would do."""
        size = Size(self.size.width, height)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolled, unless we did."""
        # Not as ScrollView does: it would have the scrollbar painted, which is not even there.
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)
        # A clamp that comes before the resize event is no reader's doing either.
        if not self._placing and self.size == self._placed_size:
            self._anchor = self.column.heights.find(round(new_value))
            self.following = round(new_value) >= self.max_scroll_y
            self.place()

    def go_to(self, anchor: Anchor) -> None:
        """Put a line at the top of the window, or as near as there are lines below it."""
        self.following = False
        self._anchor = anchor
        self.place()

    def reveal(self, slot: int) -> None:
        """Bring a message into view; one that is higher than the window shows its first line."""
        top, height = self.column.heights.top(slot), self.column.heights[slot]
        begin, end = round(self.scroll_y), round(self.scroll_y) + self.size.height
        covers = top <= begin and top + height >= end
        if covers or (top >= begin and top + height <= end):
            return
        if top < begin or height > self.size.height:
            self.go_to((slot, 0))
        else:
            self.go_to(self.column.heights.find(top + height - self.size.height))

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self.place()

    def arrived(self, lines: int) -> None:
        """So many lines were added at the end."""
        if not self.following:
            self._arrived += max(0, lines)

    def _count_below(self) -> None:
        if self.following:
            self._arrived = 0
        below = self.column.heights.total - round(self.scroll_y) - self.size.height
        self.new_lines_below = max(0, min(self._arrived, below))

    def watch_following(self) -> None:
        """Tell those who show it."""
        self._count_below()
        self.post_message(self.Followed(self.following, self.new_lines_below))

    def watch_new_lines_below(self) -> None:
        """Tell those who show it."""
        self.post_message(self.Followed(self.following, self.new_lines_below))

    def action_page(self, pages: int) -> None:
        """Turn pages."""
        self.scroll_pages(pages)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by whole windows; one line stays in view."""
        self.scroll_to(y=round(self.scroll_y) + pages * max(1, self.size.height - 1), animate=False)

    def action_top(self) -> None:
        """Go to the first line."""
        self.go_to((0, 0))

    def action_bottom(self) -> None:
        """Go to the last line and follow."""
        self.follow()

    # Size and theme -----------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Wrap for another width; the place that was read stays at the top."""
        self._placed_size = event.size
        self.restyle()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        if self.column.sheet is not None:
            self.restyle()

    def restyle(self) -> None:
        """Lay out for the present width and theme, if they are other than before."""
        airy = self.screen.size.height >= AIRY_LINES
        sheet = Sheet(look_of(self.app), page_geometry(self.size.width)[1], airy)
        if sheet != self.column.sheet:
            self._anchor = self.column.restyle(sheet, self._anchor)
        self.place()
        self.refresh()

    # Painting -----------------------------------------------------------------------------------------------

    def refresh_slot(self, slot: int, before: list[Row]) -> None:
        """Paint again the rows of a message that are not as they were, if they are in view."""
        now = self.column.rows(slot)
        top = self.column.heights.top(slot) - round(self.scroll_y)
        for line in range(max(0, -top), min(max(len(now), len(before)), self.size.height - top)):
            if line >= len(now) or line >= len(before) or not now[line].same(before[line]):
                self.refresh(Region(0, top + line, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint. Strips are kept by their rows, filters and all, so this passes Textual's own cache by."""
        with self.clock.measure():
            filters, (_, background) = self.get_line_filters(), self.background_colors
            strips = self._painted(crop.y, crop.height)
            for line_filter in filters:
                strips = [strip.apply_filter(line_filter, background) for strip in strips]
            if crop.column_span != (0, self.size.width):
                strips = [strip.crop(*crop.column_span) for strip in strips]
            return strips

    def _painted(self, y: int, count: int) -> list[Strip]:
        """So many lines of the window; what is below the last message is blank."""
        look, width = look_of(self.app), self.size.width
        x, selection, standing = page_geometry(width)[0], self.text_selection, self.column.slot_of_cursor
        strips: list[Strip] = []
        for slot, row in self._rows_from(y, count):
            span = selection.get_span(slot) if selection is not None and row.runs else None
            shown = self.overlay(slot, row, look)
            shown = shown if span is None else selected_row(shown, span, look)
            strips.append(shown.paint(look, x, width, standing=slot == standing))
        return strips + [Strip.blank(width, look.ground)] * (count - len(strips))

    def _rows_from(self, y: int, count: int) -> list[tuple[int, Row]]:
        """The rows from a line of the window on, with their slots; fewer at the end."""
        first = round(self.scroll_y) + y
        if first >= self.column.heights.total:
            return []
        slot, line = self.column.heights.find(first)
        found: list[tuple[int, Row]] = []
        while len(found) < count and slot <= self.column.last:
            found += [(slot, row) for row in self.column.rows(slot)[line : line + count - len(found)]]
            slot, line = slot + 1, 0
        return found

    # Selection ----------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """What the cells of a line stand for; Textual asks for it to find what the mouse points at."""
        width = self.size.width
        found = self._rows_from(y, 1)
        if not found:
            return nowhere(self.column.last, width)
        slot, row = found[0]
        return addressed(row, slot, look_of(self.app), page_geometry(width)[0], width)

    def clear_selection(self) -> None:
        """Forget what is selected: its places may be others now."""
        if self.is_attached and self.text_selection is not None:
            self.screen.clear_selection()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, and what parts it from what other widgets have selected."""
        return selected_text(self.column, selection), "\n"
