"""The async face of reminders and notes: jobs for the storage thread, like those of the chats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatapp.agenda.note import Note
from chatapp.agenda.reminder import Due, Plan, Reminder
from chatapp.store import notes, reminders
from chatapp.store.jobs import Do


class AgendaStore:
    """Reminders and notes, kept with the chats. Every method may raise `NotSaved`."""

    def __init__(self, do: Do) -> None:
        self._do = do

    async def add(self, plan: Plan) -> Reminder:
        """Keep a reminder that a person has confirmed."""
        return await self._do(reminders.add, plan)

    async def add_events(self, plans: Sequence[tuple[Plan, str]], now: datetime) -> list[Reminder]:
        """Keep the events of a calendar, all or none; those that are there already are passed over."""
        return await self._do(reminders.add_events, plans, now)

    async def reminders(self) -> list[Reminder]:
        """All reminders that were not deleted."""
        return await self._do(reminders.every)

    async def reminder(self, name: str) -> Reminder:
        """A reminder by its uid or the beginning of it.

        Raises:
            NoSuchReminder: when there is none, or more than one.
        """
        return await self._do(reminders.named, name)

    async def claim_due(self, now: datetime) -> list[Due]:
        """What is due and was not told yet. It counts as told with this call, for every process."""
        return await self._do(reminders.claim, now)

    async def put(self, reminder: Reminder) -> None:
        """Keep what became of a reminder."""
        await self._do(reminders.put, reminder)

    async def add_note(self, text: str) -> Note:
        """Keep a note."""
        return await self._do(notes.add, text)

    async def notes(self, limit: int | None = None) -> list[Note]:
        """The notes, the newest first."""
        return await self._do(notes.latest, limit)

    async def search_notes(self, words: str) -> list[Note]:
        """The notes that have all these words."""
        return await self._do(notes.search, words)

    async def note(self, name: str) -> Note:
        """A note by its uid or the beginning of it.

        Raises:
            NoSuchNote: when there is none, or more than one.
        """
        return await self._do(notes.named, name)

    async def delete_note(self, note: Note) -> None:
        """Delete a note; it can be brought back."""
        await self._do(notes.set_deleted, note.id, deleted=True)

    async def restore_note(self, note: Note) -> None:
        """Bring a deleted note back."""
        await self._do(notes.set_deleted, note.id, deleted=False)
