"""The lens at work: its keys, and below the page the bars, the legend and, on a narrow terminal, the token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.lens_lines import footer
from chatapp.tui.lens_state import KEYED, Reading
from chatapp.tui.lines import Line, gap, strip
from chatapp.tui.look import look_of
from chatapp.tui.page import page_geometry

LOW = 30


class LensBar(Widget, can_focus=True):
    """Takes the composer's place while one looks at tokens, and says what is wanted there."""

    DEFAULT_CSS = "LensBar { display: none; background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "go(-1)", "token before", id="lens.before"),
        Binding("right", "go(1)", "next token", id="lens.after"),
        Binding("comma", "go(-1)", "token before", show=False, id="lens.before_too"),
        Binding("full_stop", "go(1)", "next token", show=False, id="lens.after_too"),
        Binding("home,g", "go(-1000000)", "first token", show=False, id="lens.first"),
        Binding("end,G", "go(1000000)", "last token", show=False, id="lens.last"),
        Binding("n", "surprise(1)", "next surprise", id="lens.surprise"),
        Binding("N", "surprise(-1)", "surprise before", id="lens.surprise_before"),
        Binding("c", "recolour", "colour by", id="lens.colour"),
        Binding("up", "message(-1)", "message above", id="lens.above"),
        Binding("down", "message(1)", "message below", id="lens.below"),
        *(
            Binding(
                str(digit),
                f"choose({(digit or KEYED) - 1})",
                f"choose alternative {digit or KEYED}",
                show=False,
                id=f"lens.choose_{digit}",
            )
            for digit in range(10)
        ),
        Binding("enter", "fork", "fork with the chosen token", id="lens.fork"),
        Binding("x", "cut", "the decision, stage by stage", id="lens.cut"),
        Binding("s", "steps", "token by token from here", id="lens.steps"),
        Binding("pageup", "page(-1)", "page up", show=False, id="lens.page_up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="lens.page_down"),
        Binding("escape", "leave", "back to the page", id="lens.leave"),
    ]

    @dataclass
    class Go(Message):
        """Another token, so many further."""

        step: int

    @dataclass
    class Surprise(Message):
        """The next surprise (1), or the one before (-1)."""

        step: int

    class Recolour(Message):
        """Colours by another measure."""

    @dataclass
    class OtherMessage(Message):
        """The message below (1) or above (-1) under the lens."""

        step: int

    @dataclass
    class Choose(Message):
        """An alternative, by its place."""

        place: int

    class Fork(Message):
        """The chosen alternative in the token's place."""

    @dataclass
    class Cut(Message):
        """How the token was decided, stage by stage; to go on from it token by token, if so wished."""

        stepping: bool = False

    @dataclass
    class Page(Message):
        """Other lines of the page in view."""

        pages: int

    class Leave(Message):
        """The page without the lens."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._reading: Reading | None = None
        self._brief = False
        self._lines: list[Line] = []

    def show(self, reading: Reading | None, *, brief: bool) -> None:
        """Show a reading; `brief` where no column beside the page tells of the token."""
        self._reading, self._brief = reading, brief
        self._draw()

    def _draw(self) -> None:
        if self._reading is None:
            self._lines = []
        else:
            _, measure = page_geometry(self.size.width or self.app.size.width)
            low = self.app.size.height < LOW
            self._lines = footer(look_of(self.app), self._reading, measure - 2, low=low, brief=self._brief)
        self.styles.height = max(1, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Bars for another width."""
        self._draw()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        if self.is_attached:
            self._draw()

    def render_line(self, y: int) -> Strip:
        """One line on the page's edges."""
        x, _ = page_geometry(self.size.width)
        line = self._lines[y] if y < len(self._lines) else []
        return strip([gap(x + 2), *line], self.size.width, look_of(self.app).ground)

    def action_go(self, step: int) -> None:
        """Another token."""
        self.post_message(self.Go(step))

    def action_surprise(self, step: int) -> None:
        """The next surprise."""
        self.post_message(self.Surprise(step))

    def action_recolour(self) -> None:
        """Another measure."""
        self.post_message(self.Recolour())

    def action_message(self, step: int) -> None:
        """Another message."""
        self.post_message(self.OtherMessage(step))

    def action_choose(self, place: int) -> None:
        """An alternative."""
        self.post_message(self.Choose(place))

    def action_fork(self) -> None:
        """Take it."""
        self.post_message(self.Fork())

    def action_cut(self) -> None:
        """The cut view."""
        self.post_message(self.Cut())

    def action_steps(self) -> None:
        """Token by token from here."""
        self.post_message(self.Cut(stepping=True))

    def action_page(self, pages: int) -> None:
        """Turn pages."""
        self.post_message(self.Page(pages))

    def action_leave(self) -> None:
        """Take the lens away."""
        self.post_message(self.Leave())
