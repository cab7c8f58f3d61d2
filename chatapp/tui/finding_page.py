"""The chat in view with words marked on it, and a line to type them in."""

from __future__ import annotations

from textual import on

from chatapp.conversation.message import Message
from chatapp.conversation.query import read_query
from chatapp.tui.chat_view import ChatView
from chatapp.tui.widgets.find_bar import FindBar
from chatapp.tui.widgets.transcript import Transcript


class FindingPage(ChatView):
    """Finds words on the page, and brings a message into view that was found elsewhere."""

    async def bring_into_view(self, message: Message) -> bool:
        """Make the branch that a message is on the active one; not while a reply streams on another.

        Raises:
            StoreError: when the disk refuses to remember it.
        """
        tree = self.chat.session.tree
        if any(one.id == message.id for one in tree.path()):
            return True
        if self.chat.streaming is not None:
            return False
        await self.desk.store.activate(self.chat.session.id, tree.activate(message.id))
        self.show_path()
        self.plan_context()
        return True

    def mark(self, typed: str) -> None:
        """Mark words on the page, and say so in the line above the composer."""
        self.query_one(FindBar).show(typed)
        self.transcript.mark(read_query(typed, typing=True).pattern)

    @on(Transcript.Find)
    def _find(self, event: Transcript.Find) -> None:
        event.stop()
        self.query_one(FindBar).ask()

    @on(FindBar.Typed)
    def _find_typed(self, event: FindBar.Typed) -> None:
        event.stop()
        self.transcript.mark(read_query(event.text, typing=True).pattern)

    @on(FindBar.Accepted)
    def _find_accepted(self, event: FindBar.Accepted) -> None:
        event.stop()
        self.transcript.go_to_nearest_hit()
        self.transcript.focus()

    @on(FindBar.Left)
    def _find_left(self, event: FindBar.Left) -> None:
        event.stop()
        self.transcript.mark(None)
        self.transcript.focus()

    @on(Transcript.Marked)
    def _marked(self, event: Transcript.Marked) -> None:
        event.stop()
        bar = self.query_one(FindBar)
        bar.count(event.which, event.many)
        if not self.transcript.marks and not bar.has_focus_within:
            bar.close()
