"""Standing on a message: the reader's place among them, and the keys that do something with it."""

from __future__ import annotations

from typing import ClassVar, Self

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from .scrolling import ColumnView
from .view import MessageView


class ReadingView(ColumnView):
    """A column with a reader in it; what is wanted of a message is said by messages of Textual's kind."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "message above", id="page.up"),
        Binding("down", "step(1)", "message below", id="page.down"),
        Binding("left", "sibling(-1)", "sibling before", id="page.sibling_before"),
        Binding("right", "sibling(1)", "sibling after", id="page.sibling_after"),
        Binding("e", "edit", "edit", id="page.edit"),
        Binding("r", "again", "again", id="page.again"),
        Binding("c", "copy", "copy", id="page.copy"),
        Binding("m", "remember", "remember it", id="page.remember"),
        Binding("p", "pin", "keep in the window, or let go", id="page.pin"),
        Binding(
            "u",
            "undo_border",
            "undo: the border one stands on, or what was thrown away last",
            id="page.undo_border",
        ),
        Binding("o", "sources", "open what it cites", id="page.sources"),
        Binding("i", "inspect", "the prompt, token by token", id="page.inspect"),
        Binding("x", "cut", "how its tokens were decided", id="page.cut"),
        Binding("l", "lens", "lens: how each token was decided", id="page.lens"),
        Binding("enter", "unfold", "open a long question; a table as JSON", id="page.unfold", show=False),
        Binding("escape", "to_composer", "back to writing", id="page.to_composer", show=False),
    ]

    class Sibling(Message):
        """Another sibling of a message is wanted: the one before (-1) or after (1)."""

        def __init__(self, key: int, step: int) -> None:
            super().__init__()
            self.key = key
            self.step = step

    class About(Message):
        """Something is wanted of a message."""

        def __init__(self, key: int) -> None:
            super().__init__()
            self.key = key

    class Edit(About):
        """The message is to be written anew."""

    class Again(About):
        """The reply is to be generated once more."""

    class Remember(About):
        """Something of the message is to be remembered."""

    class Sources(About):
        """What it cites is to be shown."""

    class Pin(About):
        """The message is to stay in the context window, or need not any more."""

    class UndoBorder(About):
        """A border of the context window is to be undone, or to be put in force again."""

    class Cut(About):
        """It is to be shown how its tokens were decided."""

    class Lens(About):
        """How the message's tokens were decided is to be shown."""

    class Inspect(Message):
        """The prompt is to be shown."""

    class Copied(Message):
        """A message's source is in the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class ToComposer(Message):
        """The reader goes back to writing, and may have typed a character already."""

        def __init__(self, character: str | None) -> None:
            super().__init__()
            self.character = character

    # The message you stand on -------------------------------------------------------------------------------

    @property
    def cursor(self) -> int | None:
        """The key of the message that the reader stands on."""
        return self.column.cursor

    def stand_on(self, key: int | None) -> None:
        """Stand on a message and bring it into view; or on none."""
        left = self.column.slot_of_cursor
        self.column.cursor = key
        slot = self.column.slot_of_cursor
        for changed in (left, slot):
            if changed is not None:
                self.column.rows(changed)
        self.place()
        if slot is not None:
            self.reveal(slot)
        self.refresh()

    def stand_on_last_in_view(self) -> None:
        """Stand on the lowest message in view: where a reader comes from below."""
        if self.column.last:
            line = min(self.column.heights.total, round(self.scroll_y) + self.size.height) - 1
            slot = max(1, self.column.heights.find(line)[0])
            self.stand_on(self.column.view(slot).entry.key)

    def action_step(self, step: int) -> None:
        """Go to the message above or below."""
        slot = self.column.slot_of_cursor
        if slot is None:
            self.stand_on_last_in_view()
        elif 1 <= slot + step <= self.column.last:
            self.stand_on(self.column.view(slot + step).entry.key)

    def action_sibling(self, step: int) -> None:
        """Ask for another sibling."""
        self.post_message(self.Sibling(self._current(), step))

    def action_edit(self) -> None:
        """Ask to write the message anew."""
        self.post_message(self.Edit(self._current()))

    def action_again(self) -> None:
        """Ask for the reply once more."""
        self.post_message(self.Again(self._current()))

    def action_copy(self) -> None:
        """Put the message's source into the clipboard."""
        source = self.message(self._current())[0].source
        self.app.copy_to_clipboard(source)
        self.post_message(self.Copied(source))

    def action_remember(self) -> None:
        """Ask for something of the message to be remembered."""
        self.post_message(self.Remember(self._current()))

    def action_pin(self) -> None:
        """Ask to pin the message, or to let it go."""
        self.post_message(self.Pin(self._current()))

    def action_undo_border(self) -> None:
        """Ask to undo the border that one stands on."""
        self.post_message(self.UndoBorder(self._current()))

    def action_lens(self) -> None:
        """Ask how the message was decided."""
        self.post_message(self.Lens(self._current()))

    def action_sources(self) -> None:
        """Ask for what it cites."""
        self.post_message(self.Sources(self._current()))

    def action_inspect(self) -> None:
        """Ask for the prompt."""
        self.post_message(self.Inspect())

    def action_cut(self) -> None:
        """Ask how the tokens were decided."""
        self.post_message(self.Cut(self._current()))

    def action_unfold(self) -> None:
        """Open or fold the long question that one stands on; show a table, or the JSON that it was made of."""
        slot = self.column.slot_of_cursor
        if slot is None or not (self.column.view(slot).folds or self.column.view(slot).turns):
            raise SkipAction
        self.column.view(slot).toggle()
        self.column.rows(slot)
        self.place()
        self.refresh()

    def action_to_composer(self) -> None:
        """Go back to writing."""
        self.post_message(self.ToComposer(None))

    def _current(self) -> int:
        """The key of the message one stands on, or of the newest."""
        if not self.column.last:
            raise SkipAction
        return self.column.view(self.column.slot_of_cursor or self.column.last).entry.key

    def on_key(self, event: events.Key) -> None:
        """A character that is no key of the page is the beginning of a message."""
        if event.is_printable and event.character and event.key not in self.screen.active_bindings:
            event.stop()
            self.post_message(self.ToComposer(event.character))

    def on_blur(self) -> None:
        """The mark goes with the focus, unless the whole window lost it."""
        if self.app.app_focus:
            self.stand_on(None)

    def focus(self, scroll_visible: bool = True) -> Self:
        """Come to the page by a key: stand on the lowest message in view."""
        if self.cursor is None:
            self.stand_on_last_in_view()
        return super().focus(scroll_visible)

    def message(self, key: int) -> tuple[MessageView, int]:
        """A message and its slot.

        Raises:
            KeyError: There is no such message.
        """
        slot = self.column.slot(key)
        if slot is None:
            raise KeyError(key)
        return self.column.view(slot), slot
