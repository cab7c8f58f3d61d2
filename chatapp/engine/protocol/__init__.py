"""The messages between the app and the engine process: one discriminated union each way.

A frame is a length (4 bytes, big-endian), then one JSON document, or a piece of a KV state in raw bytes. Both
sides validate what arrives. Every event of a generation carries its id, so that late tokens of a stopped reply can
be dropped. The messages stand by subject in the modules beside this one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from chatapp.engine.protocol.generation import (
    MAX_WAYS,
    CacheUse,
    Cancel,
    CancelWay,
    Finished,
    Generate,
    GenerateMany,
    Prefill,
    Retune,
    Tokens,
    Way,
)
from chatapp.engine.protocol.look import (
    MAX_CANDIDATES,
    Choose,
    Chosen,
    Decide,
    Decided,
    Detokenize,
    Detokenized,
    LookAnswer,
    LookQuestion,
    Restage,
    Score,
    Scored,
    Spell,
    Spelled,
)
from chatapp.engine.protocol.message import MAX_FRAME
from chatapp.engine.protocol.process import Failed, Load, Loaded, Loading, Ping, Pulse
from chatapp.engine.protocol.prompts import (
    Count,
    Counted,
    Inspect,
    Inspected,
    Plan,
    Planned,
    PromptAnswer,
    PromptQuestion,
    Tokenize,
    Tokenized,
)
from chatapp.engine.protocol.states import GiveState, KeepState, ReadState, StateRequest, StateTaken, TakeState

__all__ = [
    "EVENT",
    "MAX_CANDIDATES",
    "MAX_FRAME",
    "MAX_WAYS",
    "REQUEST",
    "CacheUse",
    "Cancel",
    "CancelWay",
    "Choose",
    "Chosen",
    "Count",
    "Counted",
    "Decide",
    "Decided",
    "Detokenize",
    "Detokenized",
    "Event",
    "Failed",
    "Finished",
    "Generate",
    "GenerateMany",
    "GiveState",
    "Inspect",
    "Inspected",
    "KeepState",
    "Load",
    "Loaded",
    "Loading",
    "LookAnswer",
    "LookQuestion",
    "Ping",
    "Plan",
    "Planned",
    "Prefill",
    "PromptAnswer",
    "PromptQuestion",
    "Pulse",
    "ReadState",
    "Request",
    "Restage",
    "Retune",
    "Score",
    "Scored",
    "Spell",
    "Spelled",
    "StateRequest",
    "StateTaken",
    "TakeState",
    "Tokenize",
    "Tokenized",
    "Tokens",
    "Way",
]

Request = Annotated[
    Load
    | Ping
    | Generate
    | GenerateMany
    | Retune
    | Cancel
    | CancelWay
    | PromptQuestion
    | StateRequest
    | LookQuestion,
    Field(discriminator="kind"),
]
"""What the app asks."""
Event = Annotated[
    Loading | Loaded | Pulse | Failed | Prefill | Tokens | Finished | PromptAnswer | StateTaken | LookAnswer,
    Field(discriminator="kind"),
]
"""What the engine tells."""

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
