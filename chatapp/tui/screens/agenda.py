"""The agenda: what is due, what is on today, what comes, and the latest notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from chatapp.agenda.day import Day, Entry, arrange, brief
from chatapp.agenda.note import Note
from chatapp.agenda.phrases import NotUnderstood
from chatapp.agenda.planning import changed, put_off_to
from chatapp.agenda.reminder import Plan, Reminder, utc_now
from chatapp.agenda.wording import changes, day_in_words, facts, rule_in_words, short_when, when_in_words
from chatapp.agenda.zones import local_zone_name, zone_named
from chatapp.store.agenda import AgendaStore
from chatapp.text import display_line
from chatapp.tui.screens.ledger import LedgerRow
from chatapp.tui.screens.ledger_screen import LedgerScreen
from chatapp.tui.screens.preview import Preview
from chatapp.tui.screens.sheet import Item, Sheet

NOTES = 8
FRESH_SECONDS = 30
PUT_OFF = ("10 minutes", "1 hour", "3 hours", "tomorrow at 9", "Monday at 9")
KEYS = (
    ("space", "done"), ("s", "later"), ("e", "change"), ("d", "delete"), ("u", "undo"), ("n", "new"),
    ("enter", "take the note"), ("c", "into the chat"),
)  # fmt: skip


class AgendaScreen(LedgerScreen):
    """A page of its own; ends with what is to be written into the composer, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "done", "done", id="agenda.done"),
        Binding("e", "edit", "change it", id="agenda.edit"),
        Binding("s", "later", "put it off", id="agenda.later"),
        Binding("d,delete", "delete", "delete", id="agenda.delete"),
        Binding("n", "new", "new reminder", id="agenda.new"),
        Binding("enter", "take", "take the note into the conversation", id="agenda.take"),
        Binding("c", "brief", "the day into the conversation", id="agenda.brief"),
        Binding("f9", "leave", "back to the page", show=False, id="app.agenda"),
    ]

    def __init__(self, store: AgendaStore) -> None:
        super().__init__("Agenda", "Nothing is planned. n writes a reminder.")
        self._store = store
        self._day: Day | None = None
        self._notes: list[Note] = []

    async def on_mount(self) -> None:
        """Show it, and keep it true while it is looked at."""
        await super().on_mount()
        self.set_interval(FRESH_SECONDS, self.fill)

    async def fill(self) -> None:
        """Arrange what there is by what it asks for now."""
        now = utc_now()
        self._day = day = arrange(await self._store.reminders(), now, zone_named(local_zone_name()))
        self._notes = await self._store.notes(NOTES)
        groups = [(group, [_row(entry, day) for entry in day.of(group)]) for group in ("due", "today", "coming")]
        notes = [_note_row(note, day) for note in self._notes]
        self.ledger.show([*groups, ("notes", notes)], aside=f"{day_in_words(day.now)}, {day.now:%H:%M}", does=KEYS)

    @property
    def _entry(self) -> Entry | None:
        here = self.ledger.here
        return here.value if here is not None and isinstance(here.value, Entry) else None

    async def action_done(self) -> None:
        """The occurrence at hand is dealt with."""
        if (entry := self._entry) is not None and (done := entry.reminder.dealt_with(utc_now())) is not None:
            await self._change(entry.reminder, done, "Done.")

    def action_later(self) -> None:
        """Ask until when."""
        entry = self._entry
        if entry is None or entry.group != "due":
            self.ledger.say("Only what is due can be put off.")
            return
        items = [Item("until", words, value=words) for words in PUT_OFF]
        sheet = Sheet(items, placeholder="until when", verb="put off", free_text=_typed)
        self.app.push_screen(sheet, lambda item: self._put_off(entry.reminder, item))

    def _put_off(self, reminder: Reminder, item: Item | None) -> None:
        if item is None:
            return
        now = utc_now()
        try:
            later = reminder.put_off(put_off_to(str(item.value), now, local_zone_name()), now)
        except NotUnderstood as error:
            self.ledger.say(str(error))
            return
        if later is not None:
            self.run_worker(self._change(reminder, later, f"Put off: {display_line(str(item.value))}."))

    def action_edit(self) -> None:
        """Say a reminder anew: when, what, or both."""
        entry = self._entry
        if entry is None:
            self.ledger.say("Only a reminder can be changed.")
            return
        reader = partial(_read_anew, entry.reminder)
        sheet = Sheet([], placeholder="say it anew: when, what, or both", verb="look at it", free_text=reader)
        self.app.push_screen(sheet, lambda item: self._ask_to_change(entry.reminder, item))

    def _ask_to_change(self, reminder: Reminder, item: Item | None) -> None:
        if item is None or not isinstance(plan := item.value, Plan):
            return
        preview = Preview("Change this reminder", changes(reminder.plan, plan, utc_now()), "change")

        def decided(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(self._change(reminder, reminder.replanned(plan), "Changed."))

        self.app.push_screen(preview, decided)

    async def action_delete(self) -> None:
        """Delete the reminder or the note."""
        here = self.ledger.here
        if here is not None and isinstance(note := here.value, Note):
            await self.change(self._store.delete_note(note), "Deleted.", lambda: self._store.restore_note(note))
        elif (entry := self._entry) is not None:
            await self._change(entry.reminder, replace(entry.reminder, deleted=True), "Deleted.")

    async def _change(self, before: Reminder, after: Reminder, said: str) -> None:
        await self.change(self._store.put(after), said, lambda: self._store.put(before))

    def action_new(self) -> None:
        """Write a reminder."""
        self.dismiss("/remind ")

    def action_take(self) -> None:
        """Write the note into the composer."""
        here = self.ledger.here
        if here is not None and isinstance(here.value, Note):
            self.dismiss(here.value.text)

    def action_brief(self) -> None:
        """Write the day into the composer, for a question about it."""
        if self._day is not None:
            self.dismiss(brief(self._day, self._notes))


def _read_anew(reminder: Reminder, typed: str) -> Item | None:
    """What was typed, as it would be understood."""
    now = utc_now()
    try:
        plan = changed(reminder.plan, typed, now)
    except NotUnderstood as error:
        return Item("as it is read", str(error), problem=True)
    coming = next(iter(plan.coming(now, 1)), plan.series[0])
    when = f"{when_in_words(coming)}, {rule_in_words(plan.rule, plan.start)}"
    return Item("as it is read", plan.text, detail=when, value=plan)


def _typed(text: str) -> Item | None:
    return Item("until", text, value=text)


def _row(entry: Entry, day: Day) -> LedgerRow:
    one = entry.reminder
    rule = rule_in_words(one.plan.rule, one.plan.start) if one.plan.rule else ""
    return LedgerRow(
        entry,
        short_when(entry.wall, day.now.date()),
        one.text,
        "put off" if entry.put_off else rule,
        urgent=entry.group == "due",
        facts=tuple(_facts(one)),
    )


def _facts(one: Reminder) -> list[tuple[str, str]]:
    now = utc_now()
    coming = [short_when(wall, one.plan.start.date()) for wall in one.plan.coming(now, 4)]
    known = [(label, value) for label, value in facts(one.plan, now) if label in {"when", "zone", "repeats"}]
    return [*known, *([("next", ",  ".join(coming))] if one.plan.rule and coming else [])]


def _note_row(note: Note, day: Day) -> LedgerRow:
    written = datetime.fromtimestamp(note.created_ms / 1000).astimezone().replace(tzinfo=None)
    body = note.text.partition("\n")[2].strip()
    return LedgerRow(note, short_when(written, day.now.date()), note.title, quiet=True, body=body)
