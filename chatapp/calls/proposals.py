"""The tools that would write: what they would write is shown by the app, from values that it has read itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.planning import plan_for
from chatapp.agenda.reminder import Plan, Reminder, utc_now
from chatapp.agenda.wording import facts, when_in_words
from chatapp.agenda.zones import local_zone_name, wall_time, zone_named
from chatapp.conversation.session import Session
from chatapp.errors import Refusal
from chatapp.memory import MemoryFile
from chatapp.store import Store
from chatapp.tools import catalogue as tools

MOST_REMINDERS = 20
"""Reminders of a day, however they were made, beyond which the model proposes none."""
ASKED = ("", "The model proposes this: look at every value.")


@dataclass(frozen=True)
class Proposal:
    """What would be written, as label and value, and how it is done when the person agrees."""

    title: str
    verb: str
    facts: tuple[tuple[str, str], ...]
    keep: Callable[[], Awaitable[str]]
    """Write it; gives what the model is told."""


async def proposed(asked: tools.Arguments, session: Session, store: Store, memory: MemoryFile) -> Proposal:
    """What a tool would write; nothing is written by asking.

    Raises:
        Refusal: with a sentence, when it cannot be.
        StoreError: when the agenda cannot be read.
    """
    match asked:
        case tools.AddReminder():
            return _reminder(_plan(asked.when, asked.text), await store.agenda.reminders(), store)
        case tools.AddNote():

            async def keep_note() -> str:
                await store.agenda.add_note(asked.text)
                return "The note is kept."

            return Proposal("New note", "keep", (("note", asked.text), ASKED), keep_note)
        case tools.Remember():
            source = f"the model, in “{session.title}”" if session.title else "the model"

            async def remember() -> str:
                memory.add(asked.fact, source)
                return "It is remembered, for conversations that begin from now on."

            values = (("fact", asked.fact), ("source", f"{source}, confirmed by you"), ASKED)
            return Proposal("Remember about you", "remember", values, remember)
    raise Refusal("tool", "This tool only reads.")


def _plan(when: str, text: str) -> Plan:
    zone = local_zone_name()
    try:
        meant = understand(f"{when}, x", wall_time(utc_now(), zone_named(zone)))
        if meant.text != "x":
            raise Refusal("tool", f"‘{when}’ is not a time. Say it as: tomorrow at 9:00, every Monday at 8:00.")
        return plan_for(text, meant.start, meant.rule, zone)
    except NotUnderstood as error:
        raise Refusal("tool", str(error)) from error


def _reminder(plan: Plan, kept: Sequence[Reminder], store: Store) -> Proposal:
    today = datetime.now(UTC).date()
    made = sum(datetime.fromtimestamp(one.created_ms / 1000, UTC).date() == today for one in kept)
    if made >= MOST_REMINDERS:
        raise Refusal("tool", f"{made} reminders were made today; the model proposes no more of them.")

    async def keep() -> str:
        await store.agenda.add(plan)
        return f"The reminder is set: {when_in_words(plan.series[0])}."

    return Proposal("New reminder", "create", (*facts(plan, utc_now()), ASKED), keep)
