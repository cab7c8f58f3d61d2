"""The tools that there are: a closed set, each with typed arguments. See `chatapp.calls` for what they do.

There is no shell, no file and no network among them. Those that only read are free; those that write only propose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chatapp.text import repair
from chatapp.tools.dates import Step


def _one_line(text: str) -> str:
    return " ".join(repair(text).split())


def _some(text: str) -> str:
    if not text.strip():
        raise ValueError("there is nothing in it")
    return text


Short = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
"""A line of text, which may be empty."""
Words = Annotated[Short, AfterValidator(_some)]
"""A line of text with something in it."""


class Arguments(BaseModel):
    """What a tool is called with: nothing but what it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Agenda(Arguments):
    """Look at the user's agenda: reminders that are due, on today, and coming."""

    range: Literal["today", "all"] = "today"


class AddReminder(Arguments):
    """Propose a reminder; the user confirms it."""

    when: Annotated[
        Words, Field(description="a time in plain English, as: tomorrow at 9:00, every Monday at 8:00")
    ]
    text: Annotated[Words, Field(description="what to be reminded of")]


class AddNote(Arguments):
    """Propose to keep a note; the user confirms it."""

    text: Annotated[str, Field(max_length=500), AfterValidator(repair), AfterValidator(_some)]


class SearchNotes(Arguments):
    """Find the user's notes by words in them; without words, the latest."""

    words: Short = ""


class ReadMemory(Arguments):
    """Read what is remembered about the user from earlier conversations."""


class Remember(Arguments):
    """Propose to remember a fact about the user; the user confirms it."""

    fact: Words


class SearchConversations(Arguments):
    """Find messages in the user's earlier conversations by words in them."""

    words: Words


class ReadFile(Arguments):
    """Read the passages of a file attached to this conversation that have certain words."""

    words: Annotated[Words, Field(description="what to look for")]
    file: Annotated[Short, Field(description="its name; needed where there are several")] = ""


class Calculate(Arguments):
    """Compute exactly, with + - * / ^ %, sqrt, round, min, max, as in: 12% of (340 + 8.5)."""

    expression: Annotated[str, Field(max_length=200), AfterValidator(_some)]


class Convert(Arguments):
    """Convert an amount to another unit of measurement."""

    amount: Annotated[str, Field(max_length=200, coerce_numbers_to_str=True), AfterValidator(_some)]
    unit: Annotated[Words, Field(description="as: km/h")]
    to: Words


class AddToDate(Arguments):
    """Find the date so many days, weeks, months, years or workdays after a date, or before it."""

    date: Annotated[Short, Field(description="as: today, 2026-12-24, next Friday")]
    amount: Annotated[int, Field(description="negative for before")]
    step: Step


class BetweenDates(Arguments):
    """Count the days from one date to another."""

    start: Annotated[Short, Field(description="as: today, 2026-12-24, next Friday")]
    end: Short


@dataclass(frozen=True)
class Tool:
    """A tool: its name, what it is called with, and whether it writes, so that a person must agree."""

    name: str
    arguments: type[Arguments]
    writes: bool = False

    @property
    def does(self) -> str:
        """What it does, in a sentence for the model."""
        return (self.arguments.__doc__ or "").strip()


TOOLS = (
    Tool("calculator", Calculate),
    Tool("convert", Convert),
    Tool("add_to_date", AddToDate),
    Tool("between_dates", BetweenDates),
    Tool("agenda", Agenda),
    Tool("add_reminder", AddReminder, writes=True),
    Tool("search_notes", SearchNotes),
    Tool("add_note", AddNote, writes=True),
    Tool("read_memory", ReadMemory),
    Tool("remember", Remember, writes=True),
    Tool("search_conversations", SearchConversations),
    Tool("read_file", ReadFile),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
