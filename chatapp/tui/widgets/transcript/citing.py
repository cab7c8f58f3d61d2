"""A click on a citation: which one it is, and that its passage is to be shown."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip

from .cited import spans_of
from .lensing import LensView


class CitingView(LensView):
    """A column in which a click on a citation asks for its passage."""

    class Cited(Message):
        """The passage that a citation names is to be shown."""

        def __init__(self, key: int, citation: str) -> None:
            super().__init__()
            self.key = key
            self.citation = citation

    def on_click(self, event: events.Click) -> None:
        """Ask for the passage of the citation under the mouse, if there is one."""
        sheet = self.column.sheet
        place = _place_at(self.render_line(event.y), event.x)
        if place is None or sheet is None or event.button != 1 or not 1 <= place[1] <= self.column.last:
            return
        view = self.column.view(place[1])
        text = view.text(sheet) if view.entry.cited else ""
        for begin, end in spans_of(view.entry.cited, text):
            if begin <= place[0] < end:
                event.stop()
                self.post_message(self.Cited(view.entry.key, text[begin:end]))


def _place_at(strip: Strip, cell: int) -> tuple[int, int] | None:
    """The character and the message that a cell of an addressed line stands for."""
    for segment in strip:
        cell -= segment.cell_length
        if cell < 0:
            place: tuple[int, int] | None = segment.style.meta.get("offset") if segment.style else None
            return place
    return None
