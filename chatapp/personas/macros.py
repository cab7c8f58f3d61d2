"""Macros: `{{user}}` and its like, replaced once, when a session starts.

One pass over a fixed table: a value that looks like a macro stays as it is, and so does a macro that is not in
the table. Once per session, because a clock in the prompt would void the model's cache at every tick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from chatapp.conversation.persona import Example, Persona
from chatapp.text import repair

GROWTH = 4
"""An expanded text is at most this many times its source and the values together."""

MACROS = ("user", "char", "model", "date", "time", "weekday")
_MACRO = re.compile(r"\{\{ ?(" + "|".join(MACROS) + r") ?\}\}", re.IGNORECASE)

# Not strftime: the prompt is English whatever the locale of the process is.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class MacroValues:
    """What the macros stand for: who speaks, with which model, and when."""

    user: str
    model: str
    now: datetime


def expand(persona: Persona, values: MacroValues) -> Persona:
    """The persona with the macros replaced in its prompt, greeting, examples and prefill.

    `{{date}}` is written out (23 November 2026), `{{time}}` has 24 hours (09:05).
    """
    table = _table(persona.name, values)
    return persona.model_copy(
        update={
            "system": _expanded(persona.system, table),
            "greeting": _expanded(persona.greeting, table),
            "prefill": _expanded(persona.prefill, table),
            "examples": tuple(
                Example(user=_expanded(one.user, table), assistant=_expanded(one.assistant, table))
                for one in persona.examples
            ),
        }
    )


def macro_spans(text: str) -> list[tuple[int, int]]:
    """Where the macros stand that will be replaced, as (start, end) in characters."""
    return [match.span() for match in _MACRO.finditer(text)]


def _table(char: str, values: MacroValues) -> dict[str, str]:
    now = values.now
    return {
        "user": repair(values.user),
        "char": char,
        "model": repair(values.model),
        "date": f"{now.day} {_MONTHS[now.month - 1]} {now.year}",
        "time": f"{now.hour:02}:{now.minute:02}",
        "weekday": _WEEKDAYS[now.weekday()],
    }


def _expanded(text: str, table: Mapping[str, str]) -> str:
    return "".join(_pieces(text, table))


def _pieces(text: str, table: Mapping[str, str]) -> Iterator[str]:
    # A long value named many times may not fill the memory: past the limit, macros stay as they are written.
    room = GROWTH * (len(text) + sum(map(len, table.values()))) - len(text)
    end = 0
    for match in _MACRO.finditer(text):
        yield text[end : match.start()]
        value = table[match[1].lower()]
        growth = len(value) - len(match[0])
        yield value if growth <= room else match[0]
        room -= growth if growth <= room else 0
        end = match.end()
    yield text[end:]
