"""A document that does not fit into the context window, read whole: part by part, in its order."""

from __future__ import annotations

from chatapp.parts.plan import Plan, Task, estimated, planned
from chatapp.parts.replying import asks_by_parts, first_seed, provenance_of, reply_by_parts, task_of
from chatapp.parts.working import Event, Step, Worked, questions

__all__ = [
    "Event",
    "Plan",
    "Step",
    "Task",
    "Worked",
    "asks_by_parts",
    "estimated",
    "first_seed",
    "planned",
    "provenance_of",
    "questions",
    "reply_by_parts",
    "task_of",
]
