"""The last line of defence before the terminal: no control character and no link leaves in a painted segment.

Text is made safe by `text.display` when it is laid out, so that widths are right. This filter stands behind all
of it, Textual's own widgets included, and would catch what was forgotten.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chatapp.text import display_line


class Guard(LineFilter):
    """Replaces control, escape and BiDi characters in every segment, and drops terminal hyperlinks."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  the filter's signature
        """Clean one line of segments; a clean line is returned as it is."""
        if all(_harmless(segment) for segment in segments):
            return segments
        return [
            segment
            if segment.control or _harmless(segment)
            else Segment(display_line(segment.text), segment.style and segment.style.update_link(None))
            for segment in segments
        ]


def _harmless(segment: Segment) -> bool:
    text, style, _ = segment
    return text.isprintable() and not (style and style.link)
