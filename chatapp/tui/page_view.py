"""The page: the chat in view, and what is done there: writing, stopping, answering again, editing, branches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from chatapp.chat import Chat, TurnEvent
from chatapp.config import SettingsError
from chatapp.conversation.message import Message, Role
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.tui import entries as page
from chatapp.tui.chat_view import ChatView
from chatapp.tui.desk import Desk
from chatapp.tui.widgets.composer import Composer
from chatapp.tui.widgets.head import NewLines
from chatapp.tui.widgets.transcript import Transcript

DRAFT_SECONDS = 0.8


class PageView(ChatView):
    """Does what is asked of the chat in view and of its messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "stop, else write", id="chat.stop"),
        Binding("ctrl+r", "again", "again", id="chat.again"),
    ]

    def __init__(self, desk: Desk, *, temporary: bool, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(desk, temporary=temporary, id=id)
        self._editing: Message | None = None

    def show_chat(self) -> None:
        """Another chat comes into view; an edit of the one before is left."""
        self._editing = None
        super().show_chat()

    def hint(self) -> str:
        """What enter does, where that is not plain."""
        return "editing, esc leaves it" if self._editing else super().hint()

    def _run(self, events: Callable[[], AsyncGenerator[TurnEvent, None]]) -> bool:
        runs = self.desk.run(events)
        if not runs:
            self.notify("The model is busy; esc stops it.", markup=False, timeout=3)
        return runs

    # Writing ------------------------------------------------------------------------------------------------

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        tip = self.chat.session.tree.tip()
        if not event.text.strip():
            if tip is not None and page.can_go_on(tip):
                self._run(lambda: self.chat.go_on(tip.id))
        elif (edited := self._editing) is not None:
            if self._run(lambda: self.chat.edit(edited.id, event.text)):
                self._leave_editing()
            else:
                self.composer.write(event.text)
        else:
            self.desk.submit(event.text)

    @on(Composer.Changed)
    def _changed(self, event: Composer.Changed) -> None:
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
        if self._editing is None and chat is self.desk.chat:
            chat.session.draft = self.composer.text
            with self.trouble_told():
                await self.desk.save_draft(chat, self.composer.text)

    @contextmanager
    def trouble_told(self) -> Iterator[None]:
        """What the disk or a refusal keeps from being done is said, and nothing else is lost by it."""
        try:
            yield
        except (StoreError, Refusal, SettingsError, OSError) as error:
            self.notify(str(error), markup=False, severity="error", timeout=6)

    @on(Composer.Recall)
    def _recall(self, event: Composer.Recall) -> None:
        event.stop()
        if (text := self.desk.take_back()) is not None:
            self.composer.write(text)
            return
        own = [message for message in self.chat.session.tree.path() if message.role is Role.USER]
        if own:
            self._edit(own[-1])

    def _edit(self, message: Message) -> None:
        if self._editing is None:
            self.chat.session.draft = self.composer.text  # it comes back when the edit is left
        self._editing = message
        self.composer.write(message.text)
        self.composer.focus()
        self.show_names()

    def _leave_editing(self) -> None:
        self._editing = None
        self.composer.write(self.chat.session.draft)
        self.show_names()

    @on(Composer.Scroll)
    def _scroll(self, event: Composer.Scroll) -> None:
        event.stop()
        self.transcript.scroll_pages(event.pages)

    @on(Composer.ToPage)
    def _to_page(self, event: Composer.ToPage) -> None:
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
        self.count_context()

    @on(Transcript.Edit)
    def _edit_message(self, event: Transcript.Edit) -> None:
        message = self.chat.session.tree[event.key]
        if message.role is Role.USER:
            self._edit(message)

    @on(Transcript.Again)
    def _again_message(self, event: Transcript.Again) -> None:
        self._answer_again(self.chat.session.tree[event.key])

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
            self._run(lambda: self.chat.again(message.id))

    def action_escape(self) -> None:
        """Stop the reply; with none, leave an edit; with none, stop a load; with none, go back to writing."""
        if self.chat.streaming is not None:
            self.chat.stop()
        elif self._editing is not None:
            self._leave_editing()
        elif not self.desk.loader.call_off():
            self.composer.focus()
