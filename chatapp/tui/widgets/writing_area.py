"""The text area of the composer: Enter sends, big pastes fold, the edges of the text reach for the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from chatapp.text import repair
from chatapp.tui.commands import begun
from chatapp.tui.look import look_of
from chatapp.tui.mentions import Mention, mention_in, pasted_path
from chatapp.tui.widgets.folds import CHIP, Folds

MAX_PASTE = 4 * 2**20
SCREENS_KEYS = ("f6", "f7")
"""Keys of Textual's text area that open something here."""


class Owner(Protocol):
    """What a writing area asks of the composer that it stands in, in the turn of the key."""

    def submit(self) -> None:
        """Hand over the draft and start a new one."""

    def step_history(self, step: int) -> None:
        """Go so many places back (negative) or forth in what was written before."""


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

    @dataclass
    class Written(Message):
        """The draft changed; pastes are unfolded in it."""

        text: str

    class Recall(Message):
        """Up was pressed on the first line of an empty draft: bring back what waits, or the last own message."""

    @dataclass
    class Mentioned(Message):
        """What stands behind an `@` before the caret has changed; none where there is no `@`."""

        typed: str | None

    @dataclass
    class OfferMoved(Message):
        """Another of the files that are offered is to be marked."""

        at: int

    @dataclass
    class OfferTaken(Message):
        """The marked file is wanted."""

        at: int

    class TakeOff(Message):
        """Something before the text is to be deleted: the last file that goes with it."""

    @dataclass
    class PathPasted(Message):
        """The paste looks like the path of a file."""

        path: str
        text: str

    class ToPage(Message):
        """The reader wants to stand on the page."""

    @dataclass
    class Scroll(Message):
        """The page is to be scrolled by so many pages, without leaving the composer."""

        pages: int

    def __init__(self, owner: Owner, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, soft_wrap=True, compact=True, highlight_cursor_line=False)
        self.cursor_blink = False
        self.let_go(SCREENS_KEYS)
        self._owner = owner
        self._folds = Folds()
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
        return self._folds.unfold(self.text)

    def fill(self, text: str) -> None:
        """Replace the whole text; a long one is folded as if it were pasted."""
        self._folds.clear()
        self.text = self._folds.fold(text)
        self.move_cursor(self.document.end)

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn: folded pastes stand out."""
        line = super().get_line(line_index)
        if self._folds:
            line.highlight_regex(CHIP, look_of(self.app).third)
        return line

    def action_send(self) -> None:
        """Hand the text to the composer."""
        self._owner.submit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Tab goes to the next column, but for a command that is being written."""
        return action != "complete" or bool(self.offered or begun(self.text))

    def action_complete(self) -> None:
        """Take the file that is marked, or write the first of the commands that begin like this."""
        if self.offered:
            self.post_message(self.OfferTaken(self.offer_at))
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
            self.post_message(self.Recall())

    def action_cursor_down(self, select: bool = False) -> None:
        """Down, in the text or in what is offered."""
        if self.offered and not select:
            self._mark_offer(1)
        else:
            super().action_cursor_down(select)

    def _mark_offer(self, step: int) -> None:
        self.offer_at = (self.offer_at + step) % self.offered
        self.post_message(self.OfferMoved(self.offer_at))

    def action_history(self, step: int) -> None:
        """Walk through what was written before."""
        self._owner.step_history(step)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll the page without leaving the text."""
        self.post_message(self.Scroll(pages))

    def action_to_page(self) -> None:
        """Leave for the page."""
        self.post_message(self.ToPage())

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
            self.post_message(self.PathPasted(path, text))
            return
        if len(text) > MAX_PASTE:
            self.notify(f"The paste was cut at {MAX_PASTE:,} characters.", markup=False, severity="warning")
        self.insert(self._folds.fold(text[:MAX_PASTE]))

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell the owner of the draft."""
        event.stop()
        self.post_message(self.Written(self.unfolded()))
        mention = self.mention
        typed = mention.typed if mention else None
        if typed != self._mentioned:
            self._mentioned = typed
            self.post_message(self.Mentioned(typed))

    def action_delete_left(self) -> None:
        """Delete a character; a folded paste is one."""
        row, column = self.cursor_location
        if (row, column) == (0, 0) and self.selection.is_empty:
            self.post_message(self.TakeOff())
            return
        before = self.document.get_line(row)[:column]
        chip = self._folds.at_end(before)
        if chip is not None and self.selection.is_empty:
            self.delete((row, column - len(chip)), (row, column))
        else:
            super().action_delete_left()
