"""The two quiet lines of the page: the running head above the transcript, and what is new below its edge."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, clip, ends, gap, strip, width
from chatapp.tui.look import look_of
from chatapp.tui.page import page_geometry
from chatapp.tui.widgets.session_lines import chips


class RunningHead(Widget):
    """The session's title and tags at the left, the persona at the right."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._title = ""
        self._persona = ""
        self._tags = ""
        self._note = ""

    def note(self, words: str) -> None:
        """Say, in place of the persona, in what way the page is shown; nothing for the usual one."""
        if words != self._note:
            self._note = words
            self.refresh()

    def show(self, title: str, persona: str, tags: Sequence[str] = ()) -> None:
        """Say what is on the page. A session without words has no title, and then no head."""
        self._title, self._persona = title, persona if title else ""
        self._tags = chips(tags) if title else ""
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of text among blank ones: the second, or the first on a low terminal."""
        look = look_of(self.app)
        if y != (1 if self.size.height > 2 else 0):
            return Strip.blank(self.size.width, look.ground)
        x, measure = page_geometry(self.size.width)
        right = self._note or clip(display_line(self._persona), measure // 3)
        tags: Line = [gap(2), (clip(self._tags, measure // 3), look.faint)] if self._tags else []
        left = clip(display_line(self._title), measure - len(right) - 4 - width(tags))
        said: Line = [gap(2), (left, look.muted), *tags]
        line = ends(said, [(right, look.accent if self._note else look.faint)], measure)
        return strip([gap(x), *line], self.size.width, look.ground)


class NewLines(Widget):
    """The blank line above the composer; says how much has come below while the reader was elsewhere."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._count = 0

    def show(self, count: int) -> None:
        """So many new lines below."""
        if count != self._count:
            self._count = count
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Blank, or the count."""
        look = look_of(self.app)
        x, _ = page_geometry(self.size.width)
        text = f"{counted(self._count, 'new line')} below" if self._count and not y else ""
        return strip([gap(x + 2), (text, look.faint)], self.size.width, look.ground)
