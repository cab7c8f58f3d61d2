"""Reminders in plain words, read by code: “every first Monday at 9”, “am Freitag um 17 Uhr …”.

What is found is only ever proposed. The rest of the phrase, with the time taken out, is what it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from chatapp.agenda.phrases.dates import Dates
from chatapp.agenda.phrases.deciding import clock_of, decide
from chatapp.agenda.phrases.foreign import read_foreign
from chatapp.agenda.phrases.found import Found
from chatapp.agenda.phrases.languages import LANGUAGES
from chatapp.agenda.phrases.reading import read
from chatapp.agenda.rules import Rule
from chatapp.text import repair

LIMIT = 1000
"""Characters that are read; no reminder is longer."""


class NotUnderstood(ValueError):  # noqa: N818  it says what happened
    """The phrase does not say when, or what; the message is a sentence that says how to."""


@dataclass(frozen=True)
class Understood:
    """What a phrase was understood to mean: what about, the first wall time, and how it repeats."""

    text: str
    start: datetime
    rule: Rule | None
    says_day: bool = True
    """Whether the day was said, and not left to us."""
    clock: time | None = None
    """The time of day that was said, the likeliest where that is open; none where it was left to us."""


def understand(phrase: str, now: datetime) -> Understood:
    """Read a phrase.

    Args:
        phrase: in one of the languages of `languages`, or in one whose dates dateparser knows.
        now: the wall time in the zone that is meant.

    Raises:
        NotUnderstood: when it does not say when, or what.
    """
    phrase = " ".join(repair(phrase).split())
    if len(phrase) > LIMIT:
        raise NotUnderstood(f"That is longer than {LIMIT:,} characters. Say it shorter; a note can be long.")
    dates = Dates(now.date())
    readings = [read(phrase, language, dates) for language in LANGUAGES]
    # The first language wins a tie.
    found = max(readings, key=lambda reading: (reading.says_when, reading.taken))
    if found.too_often:
        raise NotUnderstood("A reminder comes once a day at most.")
    if found.says_when and not (found.digits_only and found.says_no_day):
        return _decided(found, now)
    if (foreign := read_foreign(phrase, now)) is not None:
        return Understood(foreign.text, foreign.start, None)
    if found.says_when:
        return _decided(found, now)
    raise NotUnderstood("When? Say a time with it, such as: tomorrow at 9, in 20 minutes, every first Monday.")


def _decided(found: Found, now: datetime) -> Understood:
    try:
        start, rule = decide(found, now)
    except (ValueError, OverflowError) as error:
        raise NotUnderstood("That day is not in the calendar. Say the date in another way.") from error
    if not found.text:
        raise NotUnderstood("What is it about? Say it with the time: tomorrow at 9 water the plants.")
    return Understood(found.text, start, rule, not found.says_no_day, clock_of(found, start))
