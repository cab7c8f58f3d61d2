"""The chat in view, shown: its head, transcript, composer and status line."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message as Event

from chatapp import fitting
from chatapp.chat import Chat
from chatapp.conversation.context import ContextPlan
from chatapp.conversation.message import Kind, Role
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.parts import Step
from chatapp.recording import Saving, Unsaved
from chatapp.tui import entries as page
from chatapp.tui.commands import begun, parse
from chatapp.tui.desk import Desk
from chatapp.tui.lines import Line
from chatapp.tui.look import Look
from chatapp.tui.progress import Progress, duration, room_state, state_of
from chatapp.tui.welcome import greeting, welcome
from chatapp.tui.widgets.composer import Composer
from chatapp.tui.widgets.file_lines import AttachedLines, OfferLines
from chatapp.tui.widgets.find_bar import FindBar
from chatapp.tui.widgets.head import NewLines, RunningHead
from chatapp.tui.widgets.margin_lines import CommandLines, DueLines
from chatapp.tui.widgets.parts_lines import PartsLines, Working
from chatapp.tui.widgets.status import ON_BORDER, STANDING, Context, State, StatusLine
from chatapp.tui.widgets.transcript import Transcript
from chatapp.turn import Began, Bordered, Called, Ended, TakenBack, TurnEvent

STATUS_SECONDS = 0.25
LOW = 30
"""A terminal with fewer lines saves its blank ones."""


class ChatView(Vertical):
    """Shows the chat that lies on the desk, and what happens to it."""

    class ContextCounted(Event):
        """The tokens used of the context window, for whoever shows them."""

        def __init__(self, context: Context | None, plan: ContextPlan | None) -> None:
            super().__init__()
            self.context = context
            self.plan = plan

    def __init__(self, desk: Desk, *, temporary: bool, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.desk = desk
        self.transcript = Transcript(id="transcript")
        self.composer = Composer(id="composer")
        self.context_in_column = False
        self._temporary = temporary
        self._progress = Progress()
        self._unsaved = ""
        self._prompt: fitting.Prompt | None = None
        """The prompt as it stands, with what is being written."""
        self._opened = False
        self._due = 0

    def compose(self) -> ComposeResult:
        """From the top to the bottom of the page."""
        yield RunningHead(id="head")
        yield self.transcript
        yield FindBar(id="find")
        yield NewLines(id="below")
        yield DueLines(id="due")
        yield CommandLines(id="commands")
        yield OfferLines(id="offers")
        yield AttachedLines(id="attached")
        yield PartsLines(id="parts")
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

    @property
    def state(self) -> State:
        """What the status line says."""
        return self.query_one(StatusLine).state

    def show_due(self, due: list[tuple[str, str]]) -> None:
        """What has become due and is not dealt with, as when and what."""
        self._due = len(due)
        self.query_one(DueLines).show(due)
        self.refresh_status()

    # Showing ------------------------------------------------------------------------------------------------

    def show_chat(self) -> None:
        """Everything about the chat in view, anew."""
        session = self.chat.session
        self._prompt = None
        if self._opened or not self.composer.text:
            self.composer.write(session.draft)  # but what was typed before the first chat was open stays
        self._opened = True
        self.composer.remember(message.text for message in session.tree.path() if message.role is Role.USER)
        self.show_path()
        self.plan_context()

    def show_path(self, *, follow: bool = True) -> None:
        """The active path of the tree; a reply that streams goes on in its place."""
        shown = page.entries(self.chat, self.desk.unsent.of(self.chat), self.desk.turns.no_room(self.chat))
        live = self.chat.streaming
        place = next((i for i, entry in enumerate(shown) if live and entry.key == live.id), len(shown))
        self.transcript.set_preface(self._preface)
        self.transcript.show(shown[:place], follow=follow)
        for entry in shown[place : place + 1]:
            self.transcript.begin(entry)
        for entry in shown[place + 1 :]:
            self.transcript.add(entry)
        self.show_names()
        self.refresh_status()

    def show_names(self) -> None:
        """The title and the persona, where they stand."""
        session = self.chat.session
        self.query_one(RunningHead).show(session.title, session.persona.name, session.tags)
        self.composer.address(session.persona.name, self.hint())

    def hint(self) -> str:
        """What enter does, where that is not plain."""
        if self.desk.model.file is None and self.desk.model.problem:
            return "no model; ctrl+o chooses one"
        return "" if self.desk.turns.free else "enter queues"

    def show_model(self) -> None:
        """The model loads, is ready, or failed to."""
        if not len(self.chat.session.tree):
            self.transcript.set_preface(self._preface)
        self.show_names()
        self.refresh_status()
        if self.desk.model.ready:
            self.plan_context()

    def _preface(self, look: Look, measure: int) -> list[Line]:
        persona = self.chat.session.persona
        if len(self.chat.session.tree):
            return greeting(look, measure, persona)
        return welcome(look, measure, self.desk.model, persona, tight=self.app.size.height < LOW)

    def refresh_status(self) -> None:
        """The status line and the context meter; called four times a second, paints only what changed."""
        if self.desk.chat is None:
            return
        waits = len(self.desk.unsent.of(self.chat))
        state = state_of(
            self.desk.model, self.chat, self._progress, waits, self._unsaved, temporary=self._temporary
        )
        if state.quiet or self.desk.turns.no_room(self.chat):
            state = room_state(self.chat, self._prompt, self.desk.turns.no_room(self.chat)) or state
        if self.desk.store.read_only:
            state = State("read only", "!", "warn", facts=(self.desk.store.read_only,))
        elif self.transcript.cursor is not None and self.chat.streaming is None and not self._unsaved:
            state = self._standing()
        looking = self.looking_state()
        state = looking or state
        if self._due:
            state = replace(state, facts=(f"{self._due:,} due", *state.facts))
        self.query_one(PartsLines).show(self._working())
        context = self._meter()
        self.query_one(StatusLine).show(state, None if self.context_in_column or looking else context)
        self.post_message(self.ContextCounted(context, self._plan()))

    def _meter(self) -> Context | None:
        """The tokens in the window: those of the running turn as they come, and what is being written."""
        plan = self._plan()
        return Context(plan.prompt, plan.size) if plan is not None else None

    def _working(self) -> Working | None:
        """How far the reading by parts is, while the reply in view is made by it."""
        step, live = self._progress.step, self.chat.streaming
        asked = self.chat.session.tree.get(live.parent or 0) if live is not None else None
        if step is None or asked is None:
            return None
        file = next((one for one in asked.files if one.name == step.file), None)
        left = f"{duration(step.left_s)} left" if step.left_s is not None else ""
        return Working(step, file.document.in_words(step.span) if file is not None else "", left)

    def looking_state(self) -> State | None:
        """What the line says while the page is looked at in another way; for those who know of one."""
        return None

    def _standing(self) -> State:
        message = self.chat.session.tree.get(self.transcript.cursor or 0)
        return STANDING if message is None or message.kind is Kind.SAID else ON_BORDER

    def _plan(self) -> ContextPlan | None:
        """The plan of the window, the running reply as far as it is written."""
        live = self.chat.streaming
        if live is None or live.kind is not Kind.SAID or self.chat.prompt is None:
            return self._prompt.plan if self._prompt is not None else None
        sent, draft = self.chat.prompt.plan, self._prompt.plan.draft if self._prompt is not None else 0
        return replace(sent, reply=sent.reply + self._progress.tokens, draft=draft)

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def plan_context(self, pause: float = 0.0) -> None:
        """Ask the engine what the window holds, with what is being written; nobody waits for the answer.

        Also while a reply is written: the engine answers between two of its tokens.
        """
        await asyncio.sleep(pause)
        chat = self.chat
        with suppress(EngineDied, EngineError):
            if self.desk.engine.alive:
                text = self.composer.text
                draft = "" if begun(text) or parse(text) else text.strip("\n")  # a command never reaches the model
                prompt = await chat.room.present(draft, chat.files)
                if chat is self.desk.chat:
                    self._prompt = prompt
        self.refresh_status()

    # Turns --------------------------------------------------------------------------------------------------

    def hear(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn, of this chat or of another."""
        if isinstance(event, Began):
            self._progress.begin()
        elif isinstance(event, Step | Prefill | Tokens):
            self._progress.hear(event)
        if chat is self.desk.chat:
            self._show_event(event)

    def hear_saving(self, saving: Saving) -> None:
        """The disk refuses what is said, or takes it after all."""
        self._unsaved = saving.sentence if isinstance(saving, Unsaved) else ""
        self.refresh_status()

    def hear_others(self) -> None:
        """Another window has said something here: it is shown, and whoever reads stays where they are."""
        standing = self.transcript.cursor
        self.show_path()
        if standing is not None:
            self.transcript.stand_on(standing)
        self.plan_context()

    def _show_event(self, event: TurnEvent) -> None:
        if isinstance(event, Tokens):
            self.transcript.feed(event.text)
            return
        if isinstance(event, Began | Bordered | TakenBack):
            self.show_path()
        elif isinstance(event, Ended | Called):
            if event.reply.kind is Kind.SUMMARY:
                self.show_path()
            else:
                tree = self.chat.session.tree
                files = [file for message in tree.path_to(event.reply.parent) for file in message.files]
                self.transcript.settle(page.entry(tree, event.reply, files))
            self.show_names()
        self.refresh_status()

    def idle(self) -> None:
        """The model is free again."""
        if self.desk.turns.no_room(self.chat):
            self.show_path()
        self.show_names()
        self.plan_context()
