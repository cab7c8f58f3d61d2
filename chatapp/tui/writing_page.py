"""The chat in view with what is written to it: sent, kept as a draft, or put in the place of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from textual import on, work
from textual.message import Message as Event

from chatapp.chat import Chat
from chatapp.config import SettingsError
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Kind, Message, Role
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.tui import entries as page
from chatapp.tui.attaching_page import AttachingPage
from chatapp.tui.commands import begun, parse, slip
from chatapp.tui.desk import Desk
from chatapp.tui.turns import Verb
from chatapp.tui.widgets.composer import Composer
from chatapp.tui.widgets.margin_lines import CommandLines
from chatapp.tui.widgets.writing_area import WritingArea

DRAFT_SECONDS = 0.8
DRAFT_PLAN_SECONDS = 0.25
"""Until the tokens of a draft are counted, once the keys rest."""


class WritingPage(AttachingPage):
    """Sends what is written, and keeps what is not sent."""

    class Commanded(Event):
        """A slash command was written."""

        def __init__(self, name: str, text: str) -> None:
            super().__init__()
            self.name = name
            self.text = text

    def __init__(self, desk: Desk, *, temporary: bool, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(desk, temporary=temporary, id=id)
        self.editing: Message | None = None
        self._edited_in: Chat | None = None
        """The chat of what is edited; the files of its draft come back when the edit is left."""
        self._beginning = False
        """Whether what is written is the beginning of a reply, to the message that is held as edited."""

    def show_chat(self) -> None:
        """Another chat comes into view; an edit of the one before is left."""
        if self._edited_in is not None:
            self._edited_in.files = list(self._edited_in.session.draft_files)
        self._edited_in = None
        self.editing, self._beginning = None, False
        self.transcript.mark(None)
        super().show_chat()
        self._files_changed()

    def hint(self) -> str:
        """What enter does, where that is not plain."""
        if self._beginning:
            return "the reply's beginning; enter lets the model go on"
        return "editing, esc leaves it" if self.editing else super().hint()

    def run_turn(self, verb: Verb, on_refused: Callable[[], None] = lambda: None) -> bool:
        """Run a turn of the chat in view, or say that the model is busy; whether it runs."""
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
                self.run_turn(partial(self.chat.go_on, tip.id))
        elif (edited := self.editing) is not None:
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
            chat.session.draft, chat.session.draft_files = text, tuple(chat.files)

    def _submit_edit(self, edited: Message, text: str) -> None:
        def give_back() -> None:
            self.edit(edited, beginning=begins)
            self.composer.write(text)

        begins = self._beginning
        if begins:
            runs = self.run_turn(partial(self.chat.begin, edited.id, text), give_back)
        elif edited.kind is Kind.SAID and edited.role is Role.ASSISTANT:
            runs = True
            self.write_over(edited, text)
        elif edited.kind is Kind.SUMMARY:
            runs = True
            self._rewrite_summary(edited, text)
        else:
            runs = self.run_turn(partial(self.chat.edit, edited.id, text, files=tuple(self.chat.files)), give_back)
        if runs:
            self.leave_editing()
        else:
            self.composer.write(text)

    @work(group="border", exit_on_error=False)
    async def _rewrite_summary(self, summary: Message, text: str) -> None:
        with self.trouble_told():
            border = await self.chat.room.rewrite_summary(summary.id, text)
            self.border_changed(border)

    def border_changed(self, message: Message) -> None:
        """Other messages are in the window now; the reader stays where they are."""
        self.show_path(follow=False)
        if self.transcript.cursor is not None and self.transcript.column.slot(message.id) is not None:
            self.transcript.stand_on(message.id)
        self.desk.turns.try_again(self.chat)
        self.plan_context()

    @on(WritingArea.Written)
    def _changed(self, event: WritingArea.Written) -> None:
        event.stop()
        self.query_one(CommandLines).show([] if self.editing else begun(event.text))
        self.keep_draft()
        self.plan_context(DRAFT_PLAN_SECONDS)

    @on(AttachingPage.FilesChanged)
    def _other_files(self, event: AttachingPage.FilesChanged) -> None:
        event.stop()
        self.keep_draft()

    @work(group="draft", exclusive=True, exit_on_error=False)
    async def keep_draft(self) -> None:
        """Save what is being written, once the keys rest."""
        chat = self.chat
        await asyncio.sleep(DRAFT_SECONDS)
        await self.save_draft(chat)

    async def save_draft(self, chat: Chat) -> None:
        """Save what is being written now."""
        if self.editing is None and chat is self.desk.chat:
            chat.session.draft, chat.session.draft_files = self.composer.text, tuple(chat.files)
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
            self.edit(own[-1])

    def edit(self, message: Message, *, beginning: bool = False, text: str | None = None) -> None:
        """Write in the place of a message, or the beginning of a reply to it."""
        if self.editing is None:
            session = self.chat.session  # the draft comes back when the edit is left
            session.draft, session.draft_files = self.composer.text, tuple(self.chat.files)
        self._edited_in = self.chat
        self.chat.files = [] if beginning else list(message.files)
        self.editing, self._beginning = message, beginning
        self.composer.write(message.text if text is None else text)
        self._files_changed()
        self.composer.focus()
        self.show_names()

    def leave_editing(self) -> None:
        """Leave the edit; the draft that it took the place of comes back."""
        self.editing, self._beginning, self._edited_in = None, False, None
        self.chat.files = list(self.chat.session.draft_files)
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
