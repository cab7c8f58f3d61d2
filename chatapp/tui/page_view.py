"""The page: the chat in view with its head, transcript, composer and status line, and what is done there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message as Event

from chatapp.chat import Began, Chat, Ended, Saving, TurnEvent, Unsaved
from chatapp.conversation.message import Message, Role
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.tui import entries as page
from chatapp.tui.desk import Desk
from chatapp.tui.lines import Line
from chatapp.tui.look import Look
from chatapp.tui.progress import Progress, state_of
from chatapp.tui.welcome import greeting, welcome
from chatapp.tui.widgets.composer import Composer
from chatapp.tui.widgets.head import NewLines, RunningHead
from chatapp.tui.widgets.status import STANDING, Context, StatusLine
from chatapp.tui.widgets.transcript import Transcript

DRAFT_SECONDS = 0.8
STATUS_SECONDS = 0.25
LOW = 30
"""A terminal with fewer lines saves its blank ones."""


class PageView(Vertical):
    """Shows the chat in view and does what is asked of its messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "stop, else write", id="chat.stop"),
        Binding("ctrl+r", "again", "again", id="chat.again"),
    ]

    class ContextCounted(Event):
        """The tokens used of the context window, for whoever shows them."""

        def __init__(self, context: Context | None) -> None:
            super().__init__()
            self.context = context

    def __init__(self, desk: Desk, *, temporary: bool, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.desk = desk
        self.transcript = Transcript(id="transcript")
        self.composer = Composer(id="composer")
        self.context_in_column = False
        self._temporary = temporary
        self._progress = Progress()
        self._unsaved = ""
        self._used: int | None = None
        self._editing: Message | None = None
        self._opened = False

    def compose(self) -> ComposeResult:
        """From the top to the bottom of the page."""
        yield RunningHead(id="head")
        yield self.transcript
        yield NewLines(id="below")
        yield self.composer
        yield StatusLine(id="status")

    def on_mount(self) -> None:
        """Keep the figures of the status line fresh."""
        self.set_interval(STATUS_SECONDS, self.refresh_status)

    @property
    def chat(self) -> Chat:
        """The chat in view."""
        assert self.desk.chat is not None  # noqa: S101  the desk has one from before anything is shown
        return self.desk.chat

    # Showing ------------------------------------------------------------------------------------------------

    def show_chat(self) -> None:
        """Everything about the chat in view, anew."""
        session = self.chat.session
        self._editing = None
        self._used = None
        if self._opened or not self.composer.text:
            self.composer.write(session.draft)  # but what was typed before the first chat was open stays
        self._opened = True
        self.composer.remember(message.text for message in session.tree.path() if message.role is Role.USER)
        self.show_path()
        self.count_context()

    def show_path(self) -> None:
        """The active path of the tree; a reply that streams goes on in its place."""
        shown = page.entries(self.chat, self.desk.waiting(self.chat))
        live = self.chat.streaming
        place = next((i for i, entry in enumerate(shown) if live and entry.key == live.id), len(shown))
        self.transcript.set_preface(self._preface)
        self.transcript.show(shown[:place])
        for entry in shown[place : place + 1]:
            self.transcript.begin(entry)
        for entry in shown[place + 1 :]:
            self.transcript.add(entry)
        self.show_names()
        self.refresh_status()

    def show_names(self) -> None:
        """The title and the persona, where they stand."""
        session = self.chat.session
        self.query_one(RunningHead).show(session.title, session.persona.name)
        waits = self.desk.busy or not self.desk.model.ready
        hint = "editing, esc leaves it" if self._editing else "enter queues" if waits else ""
        self.composer.address(session.persona.name, hint)

    def show_model(self) -> None:
        """The model loads, is ready, or failed to."""
        if not len(self.chat.session.tree):
            self.transcript.set_preface(self._preface)
        self.show_names()
        self.refresh_status()
        if self.desk.model.ready:
            self.count_context()

    def _preface(self, look: Look, measure: int) -> list[Line]:
        persona = self.chat.session.persona
        if len(self.chat.session.tree):
            return greeting(look, measure, persona)
        return welcome(look, measure, self.desk.model, persona, tight=self.app.size.height < LOW)

    def refresh_status(self) -> None:
        """The status line and the context meter; called four times a second, paints only what changed."""
        if self.desk.chat is None:
            return
        waits = len(self.desk.waiting(self.chat))
        state = state_of(
            self.desk.model, self.chat, self._progress, waits, self._unsaved, temporary=self._temporary
        )
        if self.transcript.cursor is not None and self.chat.streaming is None:
            state = STANDING
        context = self._meter()
        self.query_one(StatusLine).show(state, None if self.context_in_column else context)
        self.post_message(self.ContextCounted(context))

    def _meter(self) -> Context | None:
        info = self.desk.engine.info
        used = self._progress.context_used() if self.chat.streaming else self._used
        known = used if used is not None else self._used
        return Context(known, info.n_ctx) if info and known is not None else None

    @work(group="count", exclusive=True, exit_on_error=False)
    async def count_context(self) -> None:
        """Ask the engine how many tokens the path takes; nobody waits for the answer."""
        if self.desk.model.ready and not self.desk.busy:
            self._used = await self.chat.count()
            self.refresh_status()

    # Turns --------------------------------------------------------------------------------------------------

    def hear(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn, of this chat or of another."""
        if isinstance(event, Began):
            self._progress.begin()
        elif isinstance(event, Prefill | Tokens):
            self._progress.hear(event)
        if chat is self.desk.chat:
            self._show_event(event)

    def hear_saving(self, saving: Saving) -> None:
        """The disk refuses what is said, or takes it after all."""
        self._unsaved = saving.sentence if isinstance(saving, Unsaved) else ""
        self.refresh_status()

    def _show_event(self, event: TurnEvent) -> None:
        if isinstance(event, Tokens):
            self.transcript.feed(event.text)
            return
        if isinstance(event, Began):
            self.show_path()
        elif isinstance(event, Ended):
            self._used = self._progress.context_used() or self._used
            self.transcript.settle(page.entry(self.chat.session.tree, event.reply))
            self.show_names()
        self.refresh_status()

    def idle(self) -> None:
        """The model is free again."""
        self.show_names()
        self.count_context()

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
        except (StoreError, Refusal, OSError) as error:
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
        """Another answer to the last question."""
        tip = self.chat.session.tree.tip()
        if tip is not None:
            self._answer_again(tip)

    def _answer_again(self, message: Message) -> None:
        if message.role is Role.ASSISTANT:
            self._run(lambda: self.chat.again(message.id))

    def action_escape(self) -> None:
        """Stop the reply; with none, leave an edit; with none, go back to writing."""
        if self.chat.streaming is not None:
            self.chat.stop()
        elif self._editing is not None:
            self._leave_editing()
        else:
            self.composer.focus()
