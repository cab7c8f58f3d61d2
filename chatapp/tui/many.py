"""The way to several replies at once, and back: what is asked, how they begin, and what becomes of the choice."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from chatapp.answering import seed_for
from chatapp.chat import Chat
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Kind, Message, Role
from chatapp.conversation.variation import Differ, Variation, variations
from chatapp.tui.screens.ways import WaysChoice, WaysScreen
from chatapp.tui.screens.ways_start import WaysStart
from chatapp.turn import TurnEvent
from chatapp.ways import OfWay, WaysBegan, ask_many

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen


def open_many(screen: MainScreen) -> None:
    """Ask how many replies, to what is being written or else to the last question; then let them begin."""
    if screen.app.screen is not screen:
        return
    if not screen.desk.turns.free or screen.desk.store.read_only:
        screen.notify("The model is busy; esc stops it.", markup=False, timeout=3)
        return
    chat = screen.chat
    text = screen.page.composer.text.strip() or None
    if text is None and chat.files:
        screen.notify("Write what you want of the file; F6 then asks it in several ways.", markup=False, timeout=4)
        return
    tree, tip = chat.session.tree, chat.session.tree.tip()
    standing = tree.get(screen.page.transcript.cursor or 0)
    question = _question(chat, standing if standing is not None and standing.kind is Kind.SAID else tip)
    if text is None and question is None:
        screen.notify("Write a question first; F6 then asks it in several ways.", markup=False, timeout=4)
        return
    settings = chat.session.sampling().settings
    parent = (tip.id if tip else None) if text else question.id if question else None

    def begin(wanted: list[Variation] | None) -> None:
        if wanted is not None:
            many = _Many(screen, chat, wanted)
            if text is not None and chat.files:
                screen.run_worker(many.begin_with_files(parent, text), group="send")
            else:
                many.begin(parent, text, text or (question.text if question else ""))

    ways = partial(variations, settings=settings, seed=seed_for(settings), presets=screen.tuning.presets)
    screen.app.push_screen(WaysStart(ways, Differ.TEMPERATURE if settings.temperature else Differ.PRESET), begin)


def _question(chat: Chat, message: Message | None) -> Message | None:
    """The question that a message is, or answers."""
    if message is None or message.role is Role.USER:
        return message
    return chat.session.tree.get(message.parent or 0)


class _Many:
    """The replies from their beginning to the choice."""

    def __init__(self, screen: MainScreen, chat: Chat, wanted: list[Variation]) -> None:
        self._screen = screen
        self._chat = chat
        self._wanted = wanted
        self._ways: WaysScreen | None = None

    async def begin_with_files(self, parent: int | None, text: str) -> None:
        """Let them be written, to a text that goes with files, as those are now."""
        await self._screen.page.renew_files(self._chat, text)
        self.begin(parent, text, text)

    def begin(self, parent: int | None, text: str | None, question: str) -> None:
        """Let them be written; what is said now takes its files along."""
        files = tuple(self._chat.files) if text is not None else ()

        async def turn(on_full: Policy | None) -> AsyncGenerator[TurnEvent, None]:
            events = ask_many(self._chat, parent, self._wanted, text=text, files=files, record=1, on_full=on_full)
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, WaysBegan):
                        self._show(event, question)
                    elif isinstance(event, OfWay):
                        if self._ways is not None:
                            self._ways.hear(event)
                    else:
                        yield event
            if self._ways is not None:
                self._ways.end()

        if not self._screen.desk.turns.run(self._chat, turn):
            self._screen.notify("The model is busy; esc stops it.", markup=False, timeout=3)

    def _show(self, event: WaysBegan, question: str) -> None:
        page = self._screen.page
        if event.asked is not None:
            self._chat.files = []
            page.composer.write("")
            page.run_worker(page.show_files(), group="chips", exclusive=True)
        self._ways = WaysScreen(self._chat, event.replies, self._wanted, question)
        self._screen.app.push_screen(self._ways, self._chosen)

    def _chosen(self, choice: WaysChoice | None) -> None:
        if choice is not None:
            self._screen.run_worker(self._keep(choice), group="branch")

    async def _keep(self, choice: WaysChoice) -> None:
        """Bring the chosen one into view; those that nobody wants go to the trash, one after the other."""
        page, session = self._screen.page, self._chat.session
        with page.trouble_told():
            for message_id in choice.dropped:
                await self._chat.branches.prune(message_id)
            await self._chat.store.activate(session.id, session.tree.activate(choice.chosen))
        page.show_path()
        page.composer.focus()
        page.plan_context()
        self._screen.show_sessions()
        if choice.dropped:
            count = len(choice.dropped)
            others = "The other one is" if count == 1 else f"The other {count} are"
            said = f"{others} in the trash. On the page, u brings back what went last."
        else:
            said = "All of them are kept: on the page, ← → goes between them."
        self._screen.notify(said, markup=False, timeout=5)
