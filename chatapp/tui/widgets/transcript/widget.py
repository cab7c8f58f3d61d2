"""The transcript: the page that a chat is read on."""

from __future__ import annotations

from collections.abc import Sequence

from .citing import CitingView
from .column import Build
from .entry import Entry
from .row import Row
from .view import MessageView


class Transcript(CitingView):
    """Questions and replies, one below the other; a reply can grow while it is read."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._live: MessageView | None = None
        self._pending: list[str] = []

    # What is shown ------------------------------------------------------------------------------------------

    def show(self, entries: Sequence[Entry], *, follow: bool = True) -> None:
        """Replace everything. Without `follow`, what is at the top stays there, or what takes its place."""
        slot, line = self._anchor
        key = self.column.view(slot).entry.key if 1 <= slot <= self.column.last else None
        self._live, self._pending = None, []
        self.column.show(entries)
        self.clear_selection()
        same = self.column.slot(key) if key is not None else None
        self._anchor = (min(slot, self.column.last) if same is None else same, line)
        self.following = follow and bool(entries)  # a preface alone is read from its top
        self.place()
        self.refresh()

    def set_preface(self, build: Build | None) -> None:
        """Set the lines above the first message.

        Args:
            build: Gets the look and the measure, and is asked again when they change. Its lines begin at the
                page's edge, where marks hang.
        """
        if not self.column.last and not self.column.has_preface:
            self.following, self._anchor = False, (0, 0)
        self.column.set_preface(build)
        self.place()
        self.refresh()

    def add(self, entry: Entry) -> None:
        """Add a message at the end."""
        self._append(entry)
        self.arrived(len(self.column.rows(self.column.last)))
        self.place()
        self.refresh()

    def replace(self, entry: Entry) -> None:
        """Show another text, place, notice or details of a message.

        Raises:
            KeyError: There is no such message.
        """
        view, slot = self.message(entry.key)
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
        view, slot = self.message(key)
        if view is self._live:
            self._live, self._pending = None, []
        self.column.remove(key)
        self.clear_selection()
        anchored, line = self._anchor
        if slot <= anchored:
            self._anchor = (anchored - 1, line if slot < anchored else self.column.heights[anchored - 1])
        self.place()
        self.refresh()

    # A reply that is written --------------------------------------------------------------------------------

    def begin(self, entry: Entry) -> None:
        """Show a reply that goes on being written, at the end or, with a known key, in its place."""
        slot = self.column.slot(entry.key)
        if slot is None:
            self._append(entry)
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

    def _append(self, entry: Entry) -> None:
        """The first message is followed, however far the preface was scrolled."""
        self.following = self.following or not self.column.last
        self.column.append(entry)

    def _changed(self, slot: int, before: list[Row]) -> None:
        """A message is not as it was: correct its height, and paint what changed."""
        grown = len(self.column.rows(slot)) - len(before)
        self.arrived(grown)
        y = round(self.scroll_y)
        self.place()
        if grown and slot != self.column.last:
            self.refresh()
        elif round(self.scroll_y) == y:
            self.refresh_slot(slot, before)
