"""The chat in view with its branches: what is done to the message one stands on without asking the model."""

from __future__ import annotations

from textual import on, work

from chatapp.conversation.message import Kind, Message, Role
from chatapp.store import StoreError
from chatapp.text import counted
from chatapp.tui.finding_page import FindingPage
from chatapp.tui.widgets.transcript import Transcript


class BranchingPage(FindingPage):
    """Prunes and brings back, and keeps what a person wrote over a reply."""

    def show_tree(self, standing: int | None) -> None:
        """The tree has changed, or may have: show the active path, the reader on a message of it, if on any."""
        self.show_path(follow=standing is None)
        if standing is not None and self.transcript.column.slot(standing) is not None:
            self.transcript.focus()
            self.transcript.stand_on(standing)
        else:
            self.composer.focus()
        self.plan_context()

    @on(Transcript.Prune)
    def _prune(self, event: Transcript.Prune) -> None:
        event.stop()
        message = self.chat.session.tree.get(event.key)
        if message is not None and message.kind is Kind.SAID:
            self._throw_away(message)

    @work(group="branch")
    async def _throw_away(self, message: Message) -> None:
        tree = self.chat.session.tree
        if self.chat.streaming is not None:
            self.notify("A reply is being written here; esc stops it.", markup=False, timeout=3)
            return
        beside = tree.sibling(message.id, 1) or tree.sibling(message.id, -1)
        try:
            count = await self.chat.branches.prune(message.id)
        except StoreError as error:
            self.notify(str(error), markup=False, severity="error", timeout=6)
            return
        self.show_tree(beside.id if beside else message.parent)
        moved = "Moved" if count == 1 else f"{counted(count, 'message')} moved"
        self.notify(
            f"{moved} to the trash. u brings {'it' if count == 1 else 'them'} back.", markup=False, timeout=4
        )

    @work(group="branch")
    async def bring_back_last(self) -> None:
        """Undo what was thrown away last."""
        try:
            back = await self.chat.branches.undo()
        except StoreError as error:
            self.notify(str(error), markup=False, severity="error", timeout=6)
            return
        if back is not None:
            self.show_tree(back.id)

    @work(group="branch")
    async def write_over(self, reply: Message, text: str) -> None:
        """Keep what a person wrote in the place of a reply; where the disk refuses, it stays in the composer."""
        try:
            written = await self.chat.branches.write_over(reply.id, text)
        except StoreError as error:
            self.composer.write(text)
            self.notify(str(error), markup=False, severity="error", timeout=6)
            return
        self.show_tree(written.id)

    def question_of(self, message: Message) -> Message | None:
        """The message that a reply to it, or beside it, answers."""
        tree = self.chat.session.tree
        if message.role is Role.ASSISTANT:
            return tree.get(message.parent) if message.parent is not None else None
        return message
