"""Where you write: a slab that bleeds two cells into both margins, so that its text stands on the page's edges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, TextArea

from chatapp.text import display, display_line, repair
from chatapp.tui.commands import begun
from chatapp.tui.look import look_of
from chatapp.tui.mentions import Mention, mention_in, pasted_path
from chatapp.tui.page import page_geometry

FOLD_BYTES = 8 * 1024
FOLD_LINE = 2 * 1024
"""A paste with a line this long makes each later key slow in a text area, whatever its size."""
MAX_PASTE = 4 * 2**20
_CHIP = re.compile(r"\[\d[\d,]* lines?, [\d.]+ [KM]B(?: #\d+)?\]")


class Composer(Widget):
    """The slab with its mark, its text and a quiet hint; speaks of what was written by messages."""

    class Submitted(Message):
        """Enter was pressed. The text is whole, folded pastes included; it may be empty."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Changed(Message):
        """The draft changed; pastes are unfolded in it."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Recall(Message):
        """Up was pressed on the first line of an empty draft: bring back what waits, or the last own message."""

    class Mentioned(Message):
        """What stands behind an `@` before the caret has changed; none where there is no `@`."""

        def __init__(self, typed: str | None) -> None:
            super().__init__()
            self.typed = typed

    class OfferMoved(Message):
        """Another of the files that are offered is to be marked."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    class OfferTaken(OfferMoved):
        """The marked file is wanted."""

    class TakeOff(Message):
        """Something before the text is to be deleted: the last file that goes with it."""

    class PathPasted(Message):
        """The paste looks like the path of a file."""

        def __init__(self, path: str, text: str) -> None:
            super().__init__()
            self.path = path
            self.text = text

    class ToPage(Message):
        """The reader wants to stand on the page."""

    class Scroll(Message):
        """The page is to be scrolled by so many pages, without leaving the composer."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

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
            yield WritingArea(id="text")

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


class WritingArea(TextArea):
    """The text area itself: Enter sends, big pastes fold, the edges of the text reach for the page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "send", id="composer.send"),
        Binding("shift+enter,ctrl+j,alt+enter", "newline", "new line", id="composer.newline"),
        Binding("tab", "complete", "take the command", id="composer.complete", show=False),
        Binding("up", "up", "take back, or edit the last", id="composer.up", show=False),
        Binding("ctrl+up", "history(-1)", "older", id="composer.older"),
        Binding("ctrl+down", "history(1)", "newer", id="composer.newer"),
        Binding("pageup", "scroll_page(-1)", "scroll the page up", id="composer.page_up"),
        Binding("pagedown", "scroll_page(1)", "scroll the page down", id="composer.page_down"),
        Binding("shift+up", "to_page", "go to the page", id="composer.to_page"),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, soft_wrap=True, compact=True, highlight_cursor_line=False)
        self.cursor_blink = False
        self._folded: dict[str, str] = {}
        self._mentioned: str | None = None
        self.offered = 0
        """How many files are offered for what stands behind an `@`, and which of them is marked."""
        self.offer_at = 0

    @property
    def mention(self) -> Mention | None:
        """The `@` before the caret, with what follows it."""
        row, column = self.cursor_location
        return mention_in(self.document.get_line(row)[:column])

    def replace_mention(self, text: str) -> None:
        """Write something in the place of the mention."""
        if (mention := self.mention) is not None:
            row, column = self.cursor_location
            self.replace(text, (row, column - mention.length), (row, column))

    def let_go(self, keys: Iterable[str]) -> None:
        """Give up the keys that a text area has by itself; those of the app yield by their names."""
        taken = self._bindings.key_to_bindings
        for key in ",".join(keys).split(","):
            taken[key.strip()] = [binding for binding in taken.get(key.strip(), []) if binding.id]

    def unfolded(self) -> str:
        """The text with every folded paste in its place."""
        return _unfold(self.text, self._folded)

    def fill(self, text: str) -> None:
        """Replace the whole text; a long one is folded as if it were pasted."""
        self._folded.clear()
        self.text = self._fold(text)
        self.move_cursor(self.document.end)

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn: folded pastes stand out."""
        line = super().get_line(line_index)
        if self._folded:
            line.highlight_regex(_CHIP, look_of(self.app).third)
        return line

    def action_send(self) -> None:
        """Hand the text to the composer."""
        self._composer.submit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Tab goes to the next column, but for a command that is being written."""
        return action != "complete" or bool(self.offered or begun(self.text))

    def action_complete(self) -> None:
        """Take the file that is marked, or write the first of the commands that begin like this."""
        if self.offered:
            self.post_message(Composer.OfferTaken(self.offer_at))
            return
        first = begun(self.text)[0]
        self.fill(f"/{first.name} " if first.takes else f"/{first.name}")

    def action_newline(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_up(self) -> None:
        """Up, or on the first line of an empty draft: ask for what was written before."""
        if self.offered:
            self._mark_offer(-1)
        elif self.text:
            self.action_cursor_up()
        else:
            self.post_message(Composer.Recall())

    def action_cursor_down(self, select: bool = False) -> None:
        """Down, in the text or in what is offered."""
        if self.offered and not select:
            self._mark_offer(1)
        else:
            super().action_cursor_down(select)

    def _mark_offer(self, step: int) -> None:
        self.offer_at = (self.offer_at + step) % self.offered
        self.post_message(Composer.OfferMoved(self.offer_at))

    def action_history(self, step: int) -> None:
        """Walk through what was written before."""
        self._composer.step_history(step)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll the page without leaving the text."""
        self.post_message(Composer.Scroll(pages))

    def action_to_page(self) -> None:
        """Leave for the page."""
        self.post_message(Composer.ToPage())

    async def _on_key(self, event: events.Key) -> None:
        if not event.is_printable and await self._act(event.key):
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)

    async def _act(self, key: str) -> bool:
        """Do what a key is bound to here, in its turn: bindings that bubble are overtaken by later letters."""
        bound = self.screen.active_bindings.get(key)
        if bound is None or bound.node is not self or not bound.enabled:
            return False
        await self.run_action(bound.binding.action)
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = repair(event.text)
        if path := pasted_path(text):
            self.post_message(Composer.PathPasted(path, text))
            return
        if len(text) > MAX_PASTE:
            self.notify(f"The paste was cut at {MAX_PASTE:,} characters.", markup=False, severity="warning")
        self.insert(self._fold(text[:MAX_PASTE]))

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell the owner of the draft."""
        event.stop()
        self.post_message(Composer.Changed(self.unfolded()))
        mention = self.mention
        typed = mention.typed if mention else None
        if typed != self._mentioned:
            self._mentioned = typed
            self.post_message(Composer.Mentioned(typed))

    def action_delete_left(self) -> None:
        """Delete a character; a folded paste is one."""
        row, column = self.cursor_location
        if (row, column) == (0, 0) and self.selection.is_empty:
            self.post_message(Composer.TakeOff())
            return
        before = self.document.get_line(row)[:column]
        chip = next((chip for chip in self._folded if before.endswith(chip)), None)
        if chip is not None and self.selection.is_empty:
            self.delete((row, column - len(chip)), (row, column))
        else:
            super().action_delete_left()

    def _fold(self, text: str) -> str:
        """A chip in the place of a paste that is big, or that holds what cannot be shown as it is."""
        longest = max(map(len, text.split("\n")), default=0)
        if len(text) <= FOLD_BYTES and longest <= FOLD_LINE and display(text) == text:
            return text
        chip = _chip(text, self._folded)
        self._folded[chip] = text
        return chip

    @property
    def _composer(self) -> Composer:
        return next(node for node in self.ancestors if isinstance(node, Composer))


def _chip(text: str, taken: Mapping[str, str]) -> str:
    lines = text.count("\n") + 1
    size = len(text.encode())
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} KB"
    name = f"[{lines:,} line{'s' if lines > 1 else ''}, {amount}]"
    count = 2
    while name in taken:
        name = f"{name.removesuffix(']').partition(' #')[0]} #{count}]"
        count += 1
    return name


def _unfold(text: str, folded: Mapping[str, str]) -> str:
    for chip, whole in folded.items():
        text = text.replace(chip, whole, 1)
    return text


def _content_style(style: Style) -> str:
    """A Rich colour as Textual's content takes it."""
    colour = style.color.get_truecolor().hex if style.color and not style.color.is_default else ""
    return f"{'bold ' if style.bold else ''}{colour}".strip()
