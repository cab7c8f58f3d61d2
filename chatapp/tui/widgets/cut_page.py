"""The cut view's page: the decision that is shown, the candidate stood on, and the lines that they make."""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.cut_lines import View
from chatapp.tui.cut_page import EDGE, page, sizes
from chatapp.tui.lines import Line, flow, gap, keys, strip
from chatapp.tui.look import Look, look_of


class CutPage(Widget):
    """Draws the page; all of it anew when something in it has changed, since everything may have."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.view: View | None = None
        self._number = number
        self._said = ""
        self._drawn: tuple[tuple[Look, Size, View | None, str], list[Line]] | None = None

    def show(self, view: View) -> None:
        """Show a decision; the cursor stays on its candidate."""
        if self.view is not None and self.view.seen.index == view.seen.index and self.view.seen is not view.seen:
            view = self._following(self.view, view)
        elif self.view is None or self.view.seen.index != view.seen.index:
            drawn = view.seen.decision.draw.token.id
            place = next(n for n, row in enumerate(view.seen.decision.rows) if row.id == drawn)
            view = replace(view, row=place, first=0)
        self.view, self._said = view, ""
        self.refresh()

    def _following(self, before: View, view: View) -> View:
        """The same candidate, wherever it stands now; in steps what is drawn, where one stood on that."""
        stood_on = before.seen.decision.rows[before.row].id
        if view.stepping and stood_on == before.seen.decision.draw.token.id:
            stood_on = view.seen.decision.draw.token.id
        rows = view.seen.decision.rows
        place = next((n for n, row in enumerate(rows) if row.id == stood_on), 0)
        return replace(view, row=place)

    def wait(self, sentence: str) -> None:
        """Say what is waited for; what was shown stays."""
        self._said = sentence
        self.refresh()

    def say(self, sentence: str) -> None:
        """Say why nothing can be shown."""
        self.view, self._said = None, sentence
        self.refresh()

    def go(self, step: int) -> None:
        """Move the cursor, and scroll where it leaves the table."""
        if (view := self.view) is not None:
            count, _ = sizes(self.size)
            row = max(0, min(view.row + step, len(view.seen.decision.rows) - 1))
            first = min(view.first, row) if row < view.first + count - 1 else row - count + 1
            self.view = replace(view, row=row, first=max(0, first))
            self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Candidates above."""
        event.stop()
        self.go(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Candidates below."""
        event.stop()
        self.go(1)

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        look = look_of(self.app)
        lines = self._lines(look)
        return strip([gap(EDGE), *(lines[y] if y < len(lines) else [])], self.size.width, look.ground)

    def _lines(self, look: Look) -> list[Line]:
        key = (look, self.size, self.view, self._said)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self._page(look)
        return self._drawn[1]

    def _page(self, look: Look) -> list[Line]:
        if self.view is not None:
            lines = page(self.view, look, self.size, number=self._number)
            if self._said and not self.view.stepping:
                lines[-1] = [("◐ ", look.accent), (self._said, look.muted)]
            return lines
        cells = self.size.width - 2 * EDGE
        said = flow([(self._said or "reading what stands before it", look.muted)], cells)
        return [[], [("Next token", look.strong)], [], *said, [], keys([("esc", "page")], look.muted, look.faint)]
