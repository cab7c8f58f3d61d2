"""The assistant of the main screen: what slash commands do, and what is told when it is due."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING

from chatapp.agenda.day import arrange
from chatapp.agenda.desktop import notification
from chatapp.agenda.note import Note
from chatapp.agenda.phrases import NotUnderstood
from chatapp.agenda.planning import planned
from chatapp.agenda.reminder import Due, Plan, utc_now
from chatapp.agenda.rephrasing import EXAMPLES, MAX_TOKENS, SCHEMA, SYSTEM, rephrased, worth_asking
from chatapp.agenda.wording import facts, short_when, when_in_words
from chatapp.agenda.zones import local_zone_name, zone_named
from chatapp.conversation.memory import in_prompt
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Tokens
from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.text import display_line
from chatapp.tui.screens.agenda import AgendaScreen
from chatapp.tui.screens.memory import MemoryScreen
from chatapp.tui.screens.preview import Preview
from chatapp.tui.screens.sheet import Item, Sheet
from chatapp.tui.tools import switch_tools

if TYPE_CHECKING:
    from chatapp.chat import Chat
    from chatapp.tui.screens.main import MainScreen

LOOK_SECONDS = 10.0
"""Between two looks at what is due: a reminder names a minute."""
TEMPORARY = "This session is temporary: nothing is written, and so nothing can be kept."


def assistant_actions() -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers."""
    return [
        ("What is on today?", lambda screen: screen.assistant.open_agenda()),
        ("Write a reminder", lambda screen: screen.page.composer.write("/remind ")),
        ("Write a note", lambda screen: screen.page.composer.write("/note ")),
        ("Take a note into the conversation", lambda screen: screen.assistant.run("note", "")),
        ("What is remembered of you", lambda screen: screen.assistant.open_memory()),
    ]


class Assistant:
    """Reminders, notes and memory for whoever writes on the main screen."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._told: set[str] = set()
        """Reminders that were told while the app runs."""

    # Commands -----------------------------------------------------------------------------------------------

    def run(self, name: str, text: str) -> None:
        """Do what a command asks for; `text` is what followed its name, and is kept until that is done."""
        if self._screen.wanted.temporary and name in {"remind", "note", "remember"}:
            self._give_back(name, text, TEMPORARY)
            return
        match name:
            case "remind" if text:
                self._screen.run_worker(self._remind(text), group="remind")
            case "remind":
                self._give_back(name, text, "When, and what about? As in: /remind tomorrow at 9 water the plants")
            case "agenda":
                self.open_agenda()
            case "note" if text:
                self._screen.run_worker(self._note(text), group="note")
            case "note":
                self._screen.run_worker(self._choose_note(), group="note")
            case "remember" if text:
                self._remember(text)
            case "tools":
                if not switch_tools(self._screen, text):
                    self._give_back(name, text, "/tools on, or /tools off.")
            case _:
                self.open_memory()

    def _give_back(self, name: str, text: str, sentence: str) -> None:
        """Nothing was done, and what was written is in the composer again, behind what came there meanwhile."""
        composer = self._screen.page.composer
        before = composer.text.rstrip()
        command = f"/{name} {text}".rstrip() + (" " if not text else "")
        composer.write(f"{before}\n\n{command}" if before else command)
        self._screen.notify(sentence, markup=False, timeout=8)

    @contextmanager
    def _holding(self, name: str, text: str) -> Iterator[None]:
        """Keep a command as a draft until it is done; where the disk refuses, it is given back."""
        chat, command = self._screen.chat, f"/{name} {text}"
        self._hold(chat, command)
        try:
            yield
        except (StoreError, Refusal, OSError) as error:
            self._give_back(name, text, str(error))
        # When the app ends before the answer, it stays held.
        self._hold(chat, command, done=True)

    def _hold(self, chat: Chat, command: str, *, done: bool = False) -> None:
        self._screen.desk.unsent.hold(chat, command, done=done)
        self._screen.page.keep_draft()

    async def _remind(self, text: str) -> None:
        with self._holding("remind", text):
            try:
                plan, by_model = planned(text, utc_now(), local_zone_name()), False
            except NotUnderstood as error:
                desk = self._screen.desk
                if not desk.turns.free or not worth_asking(text):
                    self._give_back("remind", text, str(error))
                    return
                self._screen.notify(
                    "The words alone do not say when: the model is asked.", markup=False, timeout=4
                )
                try:
                    plan, by_model = await self._ask_model(text), True
                except (NotUnderstood, EngineDied, EngineError):
                    self._give_back("remind", text, str(error))
                    return
            if await self._agreed(plan, by_model=by_model):
                await self._keep(plan)
            else:
                self._give_back("remind", text, "Nothing was created.")

    async def _ask_model(self, text: str) -> Plan:
        """Let the model put it into words that can be read; what comes of it is only ever proposed."""
        turns = [Turn(role=Role.SYSTEM, content=SYSTEM)]
        for asked, answer in EXAMPLES:
            turns += [Turn(role=Role.USER, content=asked), Turn(role=Role.ASSISTANT, content=answer)]
        turns.append(Turn(role=Role.USER, content=text))
        settings = SamplingSettings(temperature=0, max_tokens=MAX_TOKENS, json_schema=SCHEMA)
        said = ""
        async with aclosing(self._screen.desk.engine.generate(turns, settings, 0)) as events:
            async for event in events:
                said += event.text if isinstance(event, Tokens) else ""
        return rephrased(said, utc_now(), local_zone_name())

    async def _agreed(self, plan: Plan, *, by_model: bool) -> bool:
        values = facts(plan, utc_now())
        values += [("", "The model put this into words: look at the day and the time.")] if by_model else []
        preview = Preview("New reminder", values, "create")
        agreed = await self._screen.app.push_screen_wait(preview)
        return bool(agreed)

    async def _keep(self, plan: Plan) -> None:
        kept = await self._screen.desk.store.agenda.add(plan)
        said = f"{when_in_words(kept.plan.series[0])}: {display_line(kept.text)}"
        self._screen.notify(said, markup=False, timeout=6)

    async def _note(self, text: str) -> None:
        with self._holding("note", text):
            await self._screen.desk.store.agenda.add_note(text)
            self._screen.notify("Noted. /note alone shows the notes.", markup=False, timeout=4)

    async def _choose_note(self) -> None:
        with self._screen.page.trouble_told():
            notes = await self._screen.desk.store.agenda.notes()
            items = [Item("notes", one.title, right="take", value=one, keywords=one.text) for one in notes]
            sheet = Sheet(items, placeholder="a note", verb="take")
            self._screen.app.push_screen(sheet, self._note_chosen)

    def _note_chosen(self, item: Item | None) -> None:
        self._take(item.value.text if item is not None and isinstance(item.value, Note) else None)

    def _remember(self, text: str) -> None:
        title = self._screen.chat.session.title
        source = f"you, in “{title}”" if title else "you"
        with self._holding("remember", text):
            self._screen.home.memory.add(text, source)
            self._tell_new_session()
            said = "Remembered: sessions that begin are told it. /memory shows all of it."
            self._screen.notify(said, markup=False, timeout=6)

    def _tell_new_session(self) -> None:
        """A session without a word in it begins only now."""
        session = self._screen.chat.session
        if session.persona.memory and not len(session.tree):
            known = tuple(entry.text for entry in self._screen.home.memory.entries())
            self._screen.run_worker(self._tell(known), group="memory")

    # Screens ------------------------------------------------------------------------------------------------

    def open_agenda(self) -> None:
        """Look at the agenda; a temporary session has none to show."""
        if self._screen.wanted.temporary:
            self._screen.notify(TEMPORARY, markup=False, timeout=6)
            return
        self._screen.app.push_screen(AgendaScreen(self._screen.desk.store.agenda), self._left)

    def open_memory(self) -> None:
        """Look at what is remembered."""
        screen, info = self._screen, self._screen.desk.engine.info
        known = screen.chat.session.persona.known
        count = self._cost if info else None
        screen.app.push_screen(MemoryScreen(screen.home.memory, known, count, self._tell), self._left)

    async def _cost(self, known: Sequence[str]) -> int:
        """Tokens that entries take in the prompt, with what stands around them."""
        turns = [Turn(role=Role.SYSTEM, content=in_prompt(known))]
        return await self._screen.desk.engine.prompts.count(turns, template=False)

    async def _tell(self, known: tuple[str, ...]) -> None:
        session = self._screen.chat.session
        session.persona = session.persona.model_copy(update={"known": known})
        if session.id:
            await self._screen.desk.store.save_persona(session.id, session.persona)
        self._screen.page.plan_context()

    def _left(self, text: str | None) -> None:
        self._take(text)
        self._screen.run_worker(self._show_due(), group="due")

    def _take(self, text: str | None) -> None:
        """Write a text into the composer, behind what is there."""
        composer = self._screen.page.composer
        if text:
            before = composer.text.rstrip()
            composer.write(f"{before}\n\n{text}" if before else text)
        composer.focus()

    # What is due --------------------------------------------------------------------------------------------

    async def look_for_due(self) -> None:
        """Tell what has become due; each once, whoever else looks."""
        try:
            due = await self._screen.desk.store.agenda.claim_due(utc_now())
        except StoreError:
            return  # the next look is in ten seconds, and what was not claimed is still due then
        self._told |= {one.reminder.uid for one in due}
        await self._show_due()
        settings = self._screen.home.settings
        if due and settings.bell:
            self._screen.app.bell()
        for one in due if settings.notifications else []:
            await _notify_desktop(one)

    async def _show_due(self) -> None:
        with suppress(StoreError):
            reminders = await self._screen.desk.store.agenda.reminders()
            day = arrange(reminders, utc_now(), zone_named(local_zone_name()))
            told = [entry for entry in day.of("due") if entry.reminder.uid in self._told]
            today = day.now.date()
            self._screen.page.show_due([(short_when(one.wall, today), one.reminder.text) for one in told])


async def _notify_desktop(due: Due) -> None:
    late = " (late)" if due.late else ""
    if command := notification(f"{due.reminder.text}{late}"):
        with suppress(OSError):  # the page says it in any case
            process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
            await process.wait()
