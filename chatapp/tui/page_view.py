"""The page: the chat in view, and what is done there: writing, stopping, answering again, editing, branches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message as Event

from chatapp.chat import Chat
from chatapp.config import SettingsError
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.memory import ENTRY_LIMIT
from chatapp.conversation.message import Kind, Message, Role, StopReason
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.tui import entries as page
from chatapp.tui.attaching_page import AttachingPage
from chatapp.tui.commands import begun, parse, slip
from chatapp.tui.desk import Desk
from chatapp.tui.turns import Verb
from chatapp.tui.widgets.composer import Composer
from chatapp.tui.widgets.head import NewLines
from chatapp.tui.widgets.margin_lines import CommandLines
from chatapp.tui.widgets.transcript import Transcript
from chatapp.tui.widgets.writing_area import WritingArea

DRAFT_SECONDS = 0.8
DRAFT_PLAN_SECONDS = 0.25
"""Until the tokens of a draft are counted, once the keys rest."""


class PageView(AttachingPage):
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

    class Commanded(Event):
        """A slash command was written."""

        def __init__(self, name: str, text: str) -> None:
            super().__init__()
            self.name = name
            self.text = text

    def __init__(self, desk: Desk, *, temporary: bool, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(desk, temporary=temporary, id=id)
        self._editing: Message | None = None
        self._held_files: list[Attachment] = []
        """Those of the draft that an edit took the place of."""
        self._beginning = False
        """Whether what is written is the beginning of a reply, to the message that is held as edited."""

    def show_chat(self) -> None:
        """Another chat comes into view; an edit of the one before is left."""
        self._editing, self._beginning = None, False
        self.transcript.mark(None)
        super().show_chat()
        self._files_changed()

    def hint(self) -> str:
        """What enter does, where that is not plain."""
        if self._beginning:
            return "the reply's beginning; enter lets the model go on"
        return "editing, esc leaves it" if self._editing else super().hint()

    def _run(self, verb: Verb, on_refused: Callable[[], None] = lambda: None) -> bool:
        runs = self.desk.turns.run(self.chat, verb, on_refused)
        if not runs:
            self.notify("The model is busy; esc stops it.", markup=False, timeout=3)
        return runs

    # Writing ------------------------------------------------------------------------------------------------

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        tip = self.chat.session.tree.tip()
        if self.desk.store.read_only:
            self.composer.write(event.text)
            self.notify(self.desk.store.read_only, markup=False, severity="warning", timeout=6)
        elif not event.text.strip() and self.chat.files:
            self.notify("Write what you want of the file, then enter sends both.", markup=False, timeout=4)
        elif not event.text.strip():
            if self.desk.unsent.of(self.chat) and self.desk.turns.no_room(self.chat):
                self.desk.turns.make_fit(self.chat, Policy.STOP)  # that is: send it as it is
            elif tip is not None and page.can_go_on(tip):
                self._run(partial(self.chat.go_on, tip.id))
        elif (edited := self._editing) is not None:
            self._submit_edit(edited, event.text)
        elif (command := parse(event.text)) is not None:
            self.post_message(self.Commanded(*command))
        elif near := slip(event.text):
            self.composer.write(event.text)
            said = f"There is no such command. /{near} is one; with a blank before the slash it is sent as text."
            self.notify(said, markup=False, timeout=6)
        else:
            self._send(event.text)

    def _send(self, text: str) -> None:
        if self.chat.files:
            self._send_with_files(self.chat, text)
        else:
            self.desk.turns.submit(self.chat, text)

    @work(group="send")
    async def _send_with_files(self, chat: Chat, text: str) -> None:
        """Send, with the files as they are now; whoever has gone to another chat meanwhile has it as a draft."""
        await self.renew_files(chat, text)
        if chat is self.desk.chat:
            self.desk.turns.submit(self.chat, text)
            await self.show_files()
        else:
            chat.session.draft = text

    def _submit_edit(self, edited: Message, text: str) -> None:
        def give_back() -> None:
            self._edit(edited, beginning=begins)
            self.composer.write(text)

        begins = self._beginning
        if begins:
            runs = self._run(partial(self.chat.begin, edited.id, text), give_back)
        elif edited.kind is Kind.SAID and edited.role is Role.ASSISTANT:
            runs = True
            self.write_over(edited, text)
        elif edited.kind is Kind.SUMMARY:
            runs = True
            self._rewrite_summary(edited, text)
        else:
            runs = self._run(partial(self.chat.edit, edited.id, text, files=tuple(self.chat.files)), give_back)
        if runs:
            self._leave_editing()
        else:
            self.composer.write(text)

    @work(group="border", exit_on_error=False)
    async def _rewrite_summary(self, summary: Message, text: str) -> None:
        with self.trouble_told():
            border = await self.chat.room.rewrite_summary(summary.id, text)
            self._border_changed(border)

    @on(WritingArea.Written)
    def _changed(self, event: WritingArea.Written) -> None:
        event.stop()
        self.query_one(CommandLines).show([] if self._editing else begun(event.text))
        self.keep_draft()
        self.plan_context(DRAFT_PLAN_SECONDS)

    @work(group="draft", exclusive=True, exit_on_error=False)
    async def keep_draft(self) -> None:
        """Save what is being written, once the keys rest."""
        chat = self.chat
        await asyncio.sleep(DRAFT_SECONDS)
        await self.save_draft(chat)

    async def save_draft(self, chat: Chat) -> None:
        """Save what is being written now."""
        if self._editing is None and chat is self.desk.chat:
            chat.session.draft = self.composer.text
            with self.trouble_told():
                await self.desk.unsent.save_draft(chat, self.composer.text)

    @contextmanager
    def trouble_told(self) -> Iterator[None]:
        """What the disk or a refusal keeps from being done is said, and nothing else is lost by it."""
        try:
            yield
        except (StoreError, Refusal, SettingsError, OSError) as error:
            self.notify(str(error), markup=False, severity="error", timeout=6)

    @on(WritingArea.Recall)
    def _recall(self, event: WritingArea.Recall) -> None:
        event.stop()
        if (text := self.desk.turns.take_back(self.chat)) is not None:
            self.composer.write(text)
            self._files_changed()
            return
        own = [message for message in self.chat.session.tree.path() if message.role is Role.USER]
        if own:
            self._edit(own[-1])

    def _edit(self, message: Message, *, beginning: bool = False, text: str | None = None) -> None:
        if self._editing is None:
            self.chat.session.draft = self.composer.text  # it comes back when the edit is left
            self._held_files = self.chat.files
        self.chat.files = [] if beginning else list(message.files)
        self._editing, self._beginning = message, beginning
        self.composer.write(message.text if text is None else text)
        self._files_changed()
        self.composer.focus()
        self.show_names()

    def _leave_editing(self) -> None:
        self._editing, self._beginning = None, False
        self.chat.files = self._held_files
        self.composer.write(self.chat.session.draft)
        self._files_changed()
        self.show_names()

    @on(WritingArea.Scroll)
    def _scroll(self, event: WritingArea.Scroll) -> None:
        event.stop()
        self.transcript.scroll_pages(event.pages)

    @on(WritingArea.ToPage)
    def _to_page(self, event: WritingArea.ToPage) -> None:
        event.stop()
        self.transcript.focus()
        self.call_after_refresh(self.refresh_status)

    # On the page --------------------------------------------------------------------------------------------

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
        self._edit(message)

    @on(Transcript.Begin)
    def _begin_reply(self, event: Transcript.Begin) -> None:
        message = self.chat.session.tree.get(event.key)
        if message is None or message is self.chat.streaming or message.kind is not Kind.SAID:
            return
        question = self.question_of(message)
        if question is not None:
            self._edit(question, beginning=True, text=message.text if message.role is Role.ASSISTANT else "")

    @on(Transcript.Pin)
    async def _pin(self, event: Transcript.Pin) -> None:
        message = self.chat.session.tree.get(event.key)
        if message is None or message.kind is not Kind.SAID:
            return
        with self.trouble_told():
            await self.chat.room.pin(message.id, pinned=not message.pinned)
            self._border_changed(message)

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
            self._border_changed(border)

    def _border_changed(self, message: Message) -> None:
        """Other messages are in the window now; the reader stays where they are."""
        self.show_path(follow=False)
        if self.transcript.cursor is not None and self.transcript.column.slot(message.id) is not None:
            self.transcript.stand_on(message.id)
        self.desk.turns.try_again(self.chat)
        self.plan_context()

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
            self._run(partial(self.chat.again, message.id))

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
            if self._editing is not None:
                self._leave_editing()
        elif tip is not None:
            self._run(lambda _on_full: self.chat.go_on(tip.id, Policy(policy)))

    def _full_tip(self) -> Message | None:
        """The last reply, if it broke off because the context window was full."""
        tip = self.chat.session.tree.tip()
        full = tip is not None and tip.provenance.stop_reason is StopReason.CONTEXT_FULL
        return tip if full and self.chat.streaming is None else None

    def action_escape(self) -> None:
        """Stop the reply; with none, leave an edit; with none, stop a load; with none, go back to writing."""
        if self.chat.streaming is not None:
            self.chat.stop()
        elif self._editing is not None:
            self._leave_editing()
        elif not self.desk.loader.call_off():
            self.composer.focus()
