"""The messages about the process itself: the model that it loads, its signs of life, its failures."""

from __future__ import annotations

from typing import Literal

from chatapp.engine.model import ModelInfo, ModelOptions
from chatapp.engine.protocol.message import Message


class Load(Message):
    """Load a model; the first request, and the only one of its kind in the life of a process."""

    kind: Literal["load"] = "load"
    options: ModelOptions
    template_problem: str = ""
    """Why the model's own chat template is not to be used, if it is not."""


class Loading(Message):
    """How far a load has come: the step that runs, and the share of the whole that is done, 0 to 1."""

    kind: Literal["loading"] = "loading"
    step: Literal["mapping", "weights", "warming_up"]
    share: float


class Loaded(Message):
    """The model is ready."""

    kind: Literal["loaded"] = "loaded"
    info: ModelInfo
    load_s: float


class Ping(Message):
    """Give a sign of life. Answered at once, whatever the engine is doing."""

    kind: Literal["ping"] = "ping"


class Pulse(Message):
    """The answer to Ping: whether a reply is being made, and a count that grows with every step of the work."""

    kind: Literal["pulse"] = "pulse"
    beats: int
    busy: bool


class Failed(Message):
    """A request failed; the engine lives on. `message` is a sentence for people."""

    kind: Literal["failed"] = "failed"
    id: int | None = None
    reason: Literal["load", "template", "context", "settings", "cancelled", "internal"]
    message: str
