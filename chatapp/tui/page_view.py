"""The page: the chat in view, and what is done with its messages: stopping, answering again, editing, branches."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from chatapp.conversation.context import Policy
from chatapp.conversation.memory import ENTRY_LIMIT
from chatapp.conversation.message import Kind, Message, Role, StopReason
from chatapp.tui.widgets.head import NewLines
from chatapp.tui.widgets.transcript import Transcript
from chatapp.tui.writing_page import WritingPage


class PageView(WritingPage):
    """Does what is asked of the chat in view and of its messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "stop, else write", id="chat.stop"),
        Binding("ctrl+r", "again", "again", id="chat.again"),
        Binding(
            "ctrl+d",
            "make_fit('drop')",
            "where it does not fit: leave out the oldest",
            id="chat.drop",
            priority=True,
        ),
        Binding(
            "ctrl+s",
            "make_fit('summarise')",
            "where it does not fit: sum it up",
            id="chat.sum_up",
            priority=True,
        ),
    ]

    @on(Transcript.Sibling)
    async def _sibling(self, event: Transcript.Sibling) -> None:
        tree = self.chat.session.tree
        if self.chat.streaming is not None or (other := tree.sibling(event.key, event.step)) is None:
            return
        changes = tree.activate(other.id)
        with self.trouble_told():
            await self.desk.store.activate(self.chat.session.id, changes)
        self.show_path()
        self.transcript.stand_on(other.id)
        self.plan_context()

    @on(Transcript.Edit)
    def _edit_message(self, event: Transcript.Edit) -> None:
        message = self.chat.session.tree.get(event.key)
        if message is None or message is self.chat.streaming or message.kind is Kind.CUT:
            return
        self.edit(message)

    @on(Transcript.Begin)
    def _begin_reply(self, event: Transcript.Begin) -> None:
        message = self.chat.session.tree.get(event.key)
        if message is None or message is self.chat.streaming or message.kind is not Kind.SAID:
            return
        question = self.question_of(message)
        if question is not None:
            self.edit(question, beginning=True, text=message.text if message.role is Role.ASSISTANT else "")

    @on(Transcript.Pin)
    async def _pin(self, event: Transcript.Pin) -> None:
        message = self.chat.session.tree.get(event.key)
        if message is None or message.kind is not Kind.SAID:
            return
        with self.trouble_told():
            await self.chat.room.pin(message.id, pinned=not message.pinned)
            self.border_changed(message)

    @on(Transcript.UndoBorder)
    async def _undo_border(self, event: Transcript.UndoBorder) -> None:
        border = self.chat.session.tree.get(event.key)
        if border is None or self.chat.streaming is not None:
            return
        if border.kind is Kind.SAID:
            self.bring_back_last()
            return
        with self.trouble_told():
            await self.chat.room.undo_border(border.id, undone=not border.undone)
            self.border_changed(border)

    @on(Transcript.Again)
    def _again_message(self, event: Transcript.Again) -> None:
        if (message := self.chat.session.tree.get(event.key)) is not None:
            self._answer_again(message)

    @on(Transcript.Remember)
    def _remember(self, event: Transcript.Remember) -> None:
        if self.composer.text.strip():
            self.notify("Send or clear what you are writing first.", markup=False, timeout=4)
            return
        said = " ".join(self.chat.session.tree[event.key].text.split())
        self.composer.write(f"/remember {said[:ENTRY_LIMIT]}")  # to be cut down to what matters, then sent
        self.composer.focus()

    @on(Transcript.Copied)
    def _copied(self, event: Transcript.Copied) -> None:
        self.notify(f"Copied {len(event.text):,} characters.", markup=False, timeout=3)

    @on(Transcript.ToComposer)
    def _to_composer(self, event: Transcript.ToComposer) -> None:
        self.composer.focus()
        if event.character:
            self.composer.insert(event.character)

    @on(Transcript.Followed)
    def _followed(self, event: Transcript.Followed) -> None:
        self.query_one(NewLines).show(0 if event.following else event.below)

    def action_again(self) -> None:
        """Another answer to the last question; without a model, another try to get it."""
        if self.desk.loader.again():
            return
        tip = self.chat.session.tree.tip()
        if tip is not None:
            self._answer_again(tip)

    def _answer_again(self, message: Message) -> None:
        if message.role is Role.ASSISTANT:
            self.run_turn(partial(self.chat.again, message.id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Making room is offered only where there is none."""
        if action != "make_fit":
            return super().check_action(action, parameters)
        return self.desk.chat is not None and (
            self.desk.turns.no_room(self.chat) is not None or self._full_tip() is not None
        )

    def action_make_fit(self, policy: str) -> None:
        """Make room once, for the message that waits for it or for the reply that filled the window."""
        tip = self._full_tip()
        if self.desk.turns.make_fit(self.chat, Policy(policy)):
            if self.editing is not None:
                self.leave_editing()
        elif tip is not None:
            self.run_turn(lambda _on_full: self.chat.go_on(tip.id, Policy(policy)))

    def _full_tip(self) -> Message | None:
        """The last reply, if it broke off because the context window was full."""
        tip = self.chat.session.tree.tip()
        full = tip is not None and tip.provenance.stop_reason is StopReason.CONTEXT_FULL
        return tip if full and self.chat.streaming is None else None

    def action_escape(self) -> None:
        """Stop the reply; with none, leave an edit; with none, stop a load; with none, go back to writing."""
        if self.chat.streaming is not None:
            self.chat.stop()
        elif self.editing is not None:
            self.leave_editing()
        elif not self.desk.loader.call_off():
            self.composer.focus()
