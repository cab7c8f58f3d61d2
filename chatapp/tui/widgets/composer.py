"""Where you write: a slab that bleeds two cells into both margins, so that its text stands on the page's edges."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from chatapp.text import display_line
from chatapp.tui.look import look_of
from chatapp.tui.mentions import Mention
from chatapp.tui.page import page_geometry
from chatapp.tui.widgets.writing_area import WritingArea


class Composer(Widget):
    """The slab with its mark, its text and a quiet hint; speaks of what was written by messages."""

    class Submitted(Message):
        """Enter was pressed. The text is whole, folded pastes included; it may be empty."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._hint = ""
        self._addressee = ""
        self._history: list[str] = []
        self._place = 0
        self._unsent = ""

    def compose(self) -> ComposeResult:
        """A mark and a text area."""
        with Horizontal(id="slab"):
            yield Static("›", id="mark", markup=False)
            yield WritingArea(self, id="text")

    def on_mount(self) -> None:
        """Take the theme's slab."""
        self.watch(self.app, "theme", self._dress)

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        if self.is_mounted:
            self._dress()

    @property
    def text(self) -> str:
        """The whole draft, folded pastes included."""
        return self._area.unfolded()

    def write(self, text: str) -> None:
        """Put a draft in the place of the present one, the caret at its end."""
        self._area.fill(text)

    def insert(self, text: str) -> None:
        """Type something, as if by hand."""
        self._area.focus()
        self._area.insert(text)

    @property
    def mention(self) -> Mention | None:
        """The `@` before the caret, with what follows it."""
        return self._area.mention

    def offer(self, count: int) -> None:
        """So many files are offered for the mention."""
        self._area.offered, self._area.offer_at = count, 0

    def replace_mention(self, text: str) -> None:
        """Write something in the place of the mention."""
        self._area.replace_mention(text)

    def let_go(self, keys: Iterable[str]) -> None:
        """Give up keys that the user gave to something else; a text area has many of its own."""
        self._area.let_go(keys)

    def focus(self, scroll_visible: bool = True) -> Composer:
        """Put the caret into the text."""
        self._area.focus(scroll_visible)
        return self

    def address(self, name: str, hint: str = "") -> None:
        """Say who is written to, and what enter does where that is not plain."""
        if (name, hint) != (self._addressee, self._hint):
            self._addressee, self._hint = name, hint
            self._draw_placeholder()

    def remember(self, history: Iterable[str]) -> None:
        """What was written before, oldest first, for the history keys."""
        self._history = list(history)
        self._place = len(self._history)

    def step_history(self, step: int) -> None:
        """Go so many places back (negative) or forth in what was written before."""
        if self._place == len(self._history):
            self._unsent = self.text
        place = max(0, min(len(self._history), self._place + step))
        if place != self._place:
            self._place = place
            self.write(self._history[place] if place < len(self._history) else self._unsent)

    def submit(self) -> None:
        """Hand over the draft and start a new one."""
        text = self.text
        if text.strip():
            self._history.append(text)
        self._place = len(self._history)
        self._area.fill("")
        self.post_message(self.Submitted(text))

    def on_resize(self) -> None:
        """Stand on the page's edges, whatever the width."""
        x, measure = page_geometry(self.size.width)
        slab = self.query_one("#slab")
        slab.styles.margin = (0, 0, 0, max(0, x - 2))
        slab.styles.width = measure + 4
        self._area.styles.max_height = 6 if self.screen.size.height < 30 else 10
        self._draw_placeholder()

    @property
    def _area(self) -> WritingArea:
        return self.query_one(WritingArea)

    def _draw_placeholder(self) -> None:
        # The first cell is the caret's.
        line = f" Write to {display_line(self._addressee)}" if self._addressee else ""
        room = page_geometry(self.size.width)[1] - 2 - cell_len(line) - cell_len(self._hint)
        if self._hint and room > 2:
            line += " " * room + self._hint
        self._area.placeholder = Content(line)

    def _dress(self) -> None:
        look = look_of(self.app)
        slab = self.query_one("#slab")
        slab.styles.background = look.slab_colour if look.grounds else None
        self._area.styles.background = look.slab_colour if look.grounds else None
        slab.styles.border_top = ("inner", look.slab_colour) if look.grounds else ("solid", look.text_colour)
        slab.styles.border_bottom = ("inner", look.slab_colour) if look.grounds else ("blank", look.text_colour)
        mark = self.query_one("#mark", Static)
        mark.update(Content.assemble(("›", _content_style(look.accent))))


def _content_style(style: Style) -> str:
    """A Rich colour as Textual's content takes it."""
    colour = style.color.get_truecolor().hex if style.color and not style.color.is_default else ""
    return f"{'bold ' if style.bold else ''}{colour}".strip()
