"""The transcript: the page that a chat is read on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from .column import Build
from .entry import Entry
from .scrolling import ColumnView
from .view import MessageView


class Transcript(ColumnView):
    """Questions and replies, one below the other; a reply can grow while it is read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "message above", id="page.up"),
        Binding("down", "step(1)", "message below", id="page.down"),
        Binding("left", "sibling(-1)", "sibling before", id="page.sibling_before"),
        Binding("right", "sibling(1)", "sibling after", id="page.sibling_after"),
        Binding("e", "edit", "edit", id="page.edit"),
        Binding("r", "again", "again", id="page.again"),
        Binding("c", "copy", "copy", id="page.copy"),
        Binding("d", "details", "details", id="page.details"),
        Binding("enter", "unfold", "open a long question", id="page.unfold", show=False),
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

    class Details(About):
        """How the message was made is wanted."""

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

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._live: MessageView | None = None
        self._pending: list[str] = []

    # What is shown ------------------------------------------------------------------------------------------

    def show(self, entries: Sequence[Entry], *, follow: bool = True) -> None:
        """Replace everything. Without `follow`, the message at the top stays there, if it is among them."""
        slot, line = self._anchor
        key = self.column.view(slot).entry.key if 1 <= slot <= self.column.last else None
        self._live, self._pending = None, []
        self.column.show(entries)
        self.clear_selection()
        self._anchor = (self.column.slot(key) or 0, line) if key is not None else (0, 0)
        self.following = follow
        self.place()
        self.refresh()

    def set_preface(self, build: Build | None) -> None:
        """Set the lines above the first message: `build` gets the look and the measure, and is asked again
        when they change. Lines begin at the page's edge, where marks hang."""
        self.column.set_preface(build)
        self.place()
        self.refresh()

    def add(self, entry: Entry) -> None:
        """Add a message at the end."""
        self.column.append(entry)
        self.arrived(len(self.column.rows(self.column.last)))
        self.place()
        self.refresh()

    def replace(self, entry: Entry) -> None:
        """Show another text, place, notice or details of a message.

        Raises:
            KeyError: There is no such message.
        """
        view, slot = self._view(entry.key)
        before = self.column.rows(slot)
        if view is self._live:
            self._live, self._pending = None, []
        view.replace(entry)
        self._changed(slot, before)

    def drop(self, key: int) -> None:
        """Take a message out.

        Raises:
            KeyError: There is no such message.
        """
        view, _ = self._view(key)
        if view is self._live:
            self._live, self._pending = None, []
        self.column.remove(key)
        self.clear_selection()
        self._anchor = (min(self._anchor[0], self.column.last), self._anchor[1])
        self.place()
        self.refresh()

    # A reply that is written --------------------------------------------------------------------------------

    def begin(self, entry: Entry) -> None:
        """Show a reply that goes on being written, at the end or, with a known key, in its place."""
        slot = self.column.slot(entry.key)
        if slot is None:
            self.column.append(entry)
            slot = self.column.last
        before = self.column.rows(slot)
        self._live, self._pending = self.column.view(slot), []
        self._live.begin(entry)
        self._changed(slot, before)

    def feed(self, text: str) -> None:
        """Take the next piece of the reply; it is painted when a frame is due."""
        if self._live is not None:
            self._pending.append(text)
            self.clock.ask()

    def settle(self, entry: Entry) -> None:
        """The reply is final: it is laid out once more, as a whole, without the caret.

        Raises:
            KeyError: There is no such message.
        """
        self.replace(entry)

    def paint_frame(self) -> None:
        """Show what was fed since the last frame; only rows that changed are painted."""
        if self._live is None or not self._pending:
            return
        slot = self.column.slot(self._live.entry.key)
        if slot is None:
            return
        before = self.column.rows(slot)
        self._live.feed("".join(self._pending))
        self._pending = []
        self._changed(slot, before)

    def _changed(self, slot: int, before: Sequence[object]) -> None:
        """A message is not as it was: correct its height, and paint what changed."""
        rows = list(before)
        self.arrived(len(self.column.rows(slot)) - len(rows))
        y = round(self.scroll_y)
        self.place()
        if len(self.column.rows(slot)) != len(rows) and slot != self.column.last:
            self.refresh()
        elif round(self.scroll_y) == y:
            self.refresh_slot(slot, rows)

    def _view(self, key: int) -> tuple[MessageView, int]:
        slot = self.column.slot(key)
        if slot is None:
            raise KeyError(key)
        return self.column.view(slot), slot

    # The message you stand on -------------------------------------------------------------------------------

    @property
    def cursor(self) -> int | None:
        """The key of the message that the reader stands on."""
        return self.column.cursor

    @cursor.setter
    def cursor(self, key: int | None) -> None:
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
            self.cursor = self.column.view(slot).entry.key

    def action_step(self, step: int) -> None:
        """Go to the message above or below."""
        slot = self.column.slot_of_cursor
        if slot is None:
            self.stand_on_last_in_view()
        elif 1 <= slot + step <= self.column.last:
            self.cursor = self.column.view(slot + step).entry.key

    def action_sibling(self, step: int) -> None:
        """Ask for another sibling."""
        self.post_message(self.Sibling(self._current(), step))

    def action_edit(self) -> None:
        """Ask to write the message anew."""
        self.post_message(self.Edit(self._current()))

    def action_again(self) -> None:
        """Ask for the reply once more."""
        self.post_message(self.Again(self._current()))

    def action_details(self) -> None:
        """Ask how the message was made."""
        self.post_message(self.Details(self._current()))

    def action_copy(self) -> None:
        """Put the message's source into the clipboard."""
        source = self._view(self._current())[0].source
        self.app.copy_to_clipboard(source)
        self.post_message(self.Copied(source))

    def action_unfold(self) -> None:
        """Open or fold the long question that one stands on."""
        slot = self.column.slot_of_cursor
        if slot is None or not self.column.view(slot).folds:
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
            self.cursor = None
