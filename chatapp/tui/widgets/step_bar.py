"""Step mode's keys, and below the cut view the lines that tell of the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message as Event
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.message import Message
from chatapp.tui.cut_lines import View
from chatapp.tui.cut_page import EDGE, LOW
from chatapp.tui.lines import Line, gap, strip
from chatapp.tui.look import look_of
from chatapp.tui.step_lines import said, step_keys

_CHOICES = 10
"""Candidates that a digit takes: 1 to 9, and 0 for the tenth."""


class StepBar(Widget):
    """Has the keys while one steps; takes no room otherwise."""

    DEFAULT_CSS = "StepBar { display: none; dock: bottom; background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,full_stop", "take", "take the candidate: what is drawn, or another one", id="step.take"),
        *(
            Binding(
                str(digit),
                f"take({(digit or _CHOICES) - 1})",
                f"take candidate {digit or _CHOICES}",
                show=False,
                id=f"step.take_{digit}",
            )
            for digit in range(10)
        ),
        Binding("backspace,comma", "back", "a token back", id="step.back"),
        Binding("space", "run", "let the model go on by itself", id="step.run"),
        Binding("escape", "end", "keep what there is", id="step.end"),
    ]

    @dataclass
    class Take(Event):
        """A candidate is taken: the one at a place, or the one stood on."""

        place: int | None = None

    class Back(Event):
        """The last token is taken back."""

    class Run(Event):
        """The model goes on by itself."""

    class End(Event):
        """The steps end here."""

    def __init__(self) -> None:
        super().__init__()
        self._reply: Message | None = None
        self._begun = 0
        self._view: View | None = None

    def show(self, reply: Message, begun: int, view: View | None) -> None:
        """Tell of the steps: the reply, its tokens before the first of them, and what would come next."""
        self._reply, self._begun, self._view = reply, begun, view
        self.refresh()

    def on_resize(self) -> None:
        """A line of air where there is room."""
        self.styles.height = 2 if self.app.size.height < LOW else 3

    def render_line(self, y: int) -> Strip:
        """What was said, and the keys."""
        look, cells = look_of(self.app), self.size.width - 2 * EDGE
        lines: list[Line] = []
        if self._reply is not None:
            lines = [said(self._reply, self._begun, look, cells), step_keys(self._view, look, cells)]
        return strip([gap(EDGE), *(lines[y] if y < len(lines) else [])], self.size.width, look.ground)

    def action_take(self, place: int | None = None) -> None:
        """Take a candidate."""
        self.post_message(self.Take(place))

    def action_back(self) -> None:
        """Take the last token back."""
        self.post_message(self.Back())

    def action_run(self) -> None:
        """Go on without the person."""
        self.post_message(self.Run())

    def action_end(self) -> None:
        """End the steps."""
        self.post_message(self.End())
