"""What our own reading cannot make out, put into words that it can by the model.

The model computes nothing: it is held by a schema to say when and what, and its “when” is read like other words.
Whatever it says, the preview shows what would be made of it.
"""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import BaseModel, ValidationError

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.planning import plan_for
from chatapp.agenda.reminder import Plan
from chatapp.agenda.zones import wall_time, zone_named

LEAST_WORDS = 3
"""Fewer words than this say no time, however they are put."""
MAX_TOKENS = 160
SYSTEM = (
    "You put requests for reminders into two short strings, as JSON. `when` is the time in plain English, in one "
    "of these forms: tomorrow at 9:00; in 20 minutes; on Friday at 17:00; on 3 December at 10:30; every Monday at "
    "8:00; every month on the 1st. It is empty if no time is said. `what` is what to do, in the user's words."
)
EXAMPLES = (
    ("could you poke me about the laundry in, say, twenty-five minutes",
     '{"when": "in 25 minutes", "what": "the laundry"}'),
    ("buy stamps", '{"when": "", "what": "buy stamps"}'),
    ("bins have to go out Sunday evenings, every week",
     '{"when": "every Sunday at 19:00", "what": "put the bins out"}'),
)  # fmt: skip
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"when": {"type": "string", "maxLength": 80}, "what": {"type": "string", "maxLength": 200}},
        "required": ["when", "what"],
        "additionalProperties": False,
    }
)


class _Said(BaseModel):
    when: str
    what: str


def worth_asking(phrase: str) -> bool:
    """Whether there are enough words that a time could be among them."""
    return len(phrase.split()) >= LEAST_WORDS


def rephrased(said: str, now: datetime, zone: str) -> Plan:
    """The plan that the model's words describe.

    Raises:
        NotUnderstood: when it named no time, or one that cannot be read.
    """
    try:
        words = _Said.model_validate_json(said)
    except ValidationError as error:
        raise NotUnderstood("The model did not make it out either.") from error
    meant = understand(f"{words.when}, x", wall_time(now, zone_named(zone)))
    if meant.text != "x" or not words.what.strip():
        raise NotUnderstood("The model did not make it out either.")
    return plan_for(words.what, meant.start, meant.rule, zone)
