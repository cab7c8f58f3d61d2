"""What is remembered: each entry with where it comes from, what it costs, and whether this session was told it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from chatapp.conversation.memory import Entry
from chatapp.engine.client import EngineDied, EngineError
from chatapp.home import short_path
from chatapp.memory import MemoryFile
from chatapp.text import counted
from chatapp.tui.editor import edit_file
from chatapp.tui.screens.ledger import LedgerRow
from chatapp.tui.screens.ledger_screen import LedgerScreen

KEYS = (("d", "forget"), ("space", "in this session, or not"), ("e", "edit the file"), ("u", "undo"), ("n", "new"))

Count = Callable[[Sequence[str]], Awaitable[int]]
Tell = Callable[[tuple[str, ...]], Awaitable[None]]


class MemoryScreen(LedgerScreen):
    """A page of its own; ends with what is to be written into the composer, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,delete", "forget", "forget", id="memory.forget"),
        Binding("space", "tell", "in this session, or not", id="memory.tell"),
        Binding("e", "edit", "edit the file", id="memory.edit"),
        Binding("n", "new", "remember something", id="memory.new"),
    ]

    def __init__(self, memory: MemoryFile, known: tuple[str, ...], count: Count | None, tell: Tell) -> None:
        """Show the memory.

        Args:
            memory: the file.
            known: what this session was told.
            count: counts the tokens of entries as they stand in a prompt; None where nothing can count.
            tell: tells this session other entries, from the next reply on.
        """
        super().__init__("Memory", "Nothing is remembered. n writes something.")
        self._memory, self._known, self._count, self._tell = memory, known, count, tell
        self._costs: dict[tuple[str, ...], int] = {}

    async def fill(self) -> None:
        """Read the file, and say what of it is in this session's prompt."""
        entries = self._memory.entries()
        texts = {entry.text for entry in entries}
        gone = [Entry(-1, text) for text in self._known if text not in texts]
        groups = [
            ("told when a session begins", [self._row(entry) for entry in entries]),
            ("told to this session only, and not remembered any more", [self._row(entry) for entry in gone]),
        ]
        cost = self._costs.get(self._known)
        told = f"{len(self._known)} in this session" + (f", {counted(cost, 'token')}" if cost is not None else "")
        self.ledger.show(groups, aside=told, does=KEYS)
        self._count_costs([entry.text for entry in (*entries, *gone)])

    def _row(self, entry: Entry) -> LedgerRow:
        told = entry.text in self._known
        cost = self._costs.get((entry.text,))
        right = counted(cost, "token") if cost is not None else ""
        facts = (
            ("from", ", ".join(filter(None, (str(entry.day or ""), entry.source))) or "the file"),
            ("session", "this one was told it" if told else "this one was not told it"),
            ("file", short_path(self._memory.path)),
        )
        return LedgerRow(entry, "•" if told else " ", entry.text, right, quiet=not told, facts=facts)

    @work(group="cost", exclusive=True)
    async def _count_costs(self, texts: Sequence[str]) -> None:
        wanted = [(text,) for text in texts] + ([self._known] if self._known else [])
        missing = [one for one in wanted if one not in self._costs]
        if self._count is None or not missing:
            return
        try:
            for one in missing:
                self._costs[one] = await self._count(one)
        except (EngineDied, EngineError):
            return  # the page behind says so; here the numbers stay away
        await self.fill()

    @property
    def _entry(self) -> Entry | None:
        here = self.ledger.here
        return here.value if here is not None and isinstance(here.value, Entry) else None

    async def action_forget(self) -> None:
        """Take the entry out of the file, and out of this session."""
        if (entry := self._entry) is None:
            return
        document, known = self._memory.document(), self._known

        async def forget() -> None:
            if entry.line >= 0:
                self._memory.forget(entry)
            await self._told(tuple(text for text in known if text != entry.text))

        async def undo() -> None:
            self._memory.put_back(document)
            await self._told(known)

        await self.change(forget(), "Forgotten.", undo)

    async def action_tell(self) -> None:
        """Tell this session the entry, or no longer."""
        if (entry := self._entry) is None:
            return
        known = self._known
        without = tuple(text for text in known if text != entry.text)
        changed = without if entry.text in known else (*known, entry.text)
        said = "Not told to this session, from the next reply on." if entry.text in known else "Told from now on."
        await self.change(self._told(changed), said, lambda: self._told(known))

    async def _told(self, known: tuple[str, ...]) -> None:
        if known != self._known:
            await self._tell(known)
            self._known = known

    @work(group="edit", exclusive=True)
    async def action_edit(self) -> None:
        """Open the file in the user's editor, and read it again."""
        with self.trouble_said():
            self._memory.make()
            problem = await edit_file(self.app, self._memory.path)
            await self.fill()
            self.ledger.say(problem)

    def action_new(self) -> None:
        """Write an entry."""
        self.dismiss("/remember ")
