"""The messages between the app and the engine process: one discriminated union each way.

A frame is a length (4 bytes, big-endian), then one JSON document, or a piece of a KV state in raw bytes. Both
sides validate what arrives. Every event of a generation carries its id, so that late tokens of a stopped reply can
be dropped.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chatapp.conversation.decision import Memory, TokenRecord
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.model import ModelInfo, ModelOptions
from chatapp.engine.questions import (
    MAX_CANDIDATES,
    Choose,
    Chosen,
    Decide,
    Decided,
    Detokenize,
    Detokenized,
    Restage,
    Score,
    Scored,
    Spell,
    Spelled,
)

MAX_FRAME = 64 * 2**20
"""Bytes; a longer frame means that the other side is broken."""

MAX_WAYS = 8
"""Replies that are generated at once, at most."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# The app asks ---------------------------------------------------------------------------------------------------


class Load(_Message):
    """Load a model; the first request, and the only one of its kind in the life of a process."""

    kind: Literal["load"] = "load"
    options: ModelOptions
    template_problem: str = ""
    """Why the model's own chat template is not to be used, if it is not."""


class Generate(_Message):
    """Evaluate a prompt and draw a reply.

    With `template` the turns go through the model's chat template; without, their contents are joined as they are.
    With `open_last` the last turn is the beginning of the reply (Continue, prefill) and is left open; the draws
    then go on at the position `first_index`.
    """

    kind: Literal["generate"] = "generate"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False
    first_index: int = 0
    settings: SamplingSettings
    seed: int
    """The seed to draw with; never random here."""
    memory: Memory = Memory()
    """What mirostat or adaptive-p remembers of the reply that goes on."""
    record: Annotated[int, Field(ge=0, le=MAX_CANDIDATES)] = 0
    """So many candidates of each token are told with it; 0 tells nothing of how it was chosen."""


class Way(_Message):
    """One of several replies to the same prompt: what it is drawn with."""

    settings: SamplingSettings
    seed: int


class GenerateMany(_Message):
    """Evaluate a prompt once and draw several replies at the same time, in one batch.

    They run in a context made for it, which several sequences share; it goes when they have ended. Each is
    answered by Tokens and one Finished that carry its number, from 0 on. For the rest see Generate.
    """

    kind: Literal["generate_many"] = "generate_many"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False
    first_index: int = 0
    ways: Annotated[tuple[Way, ...], Field(min_length=1, max_length=MAX_WAYS)]
    record: Annotated[int, Field(ge=0, le=MAX_CANDIDATES)] = 0


class CancelWay(_Message):
    """Stop one of several replies, between two tokens; the others go on."""

    kind: Literal["cancel_way"] = "cancel_way"
    id: int
    way: int


class Retune(_Message):
    """Settings for the running reply, from its next token on. The seed stays."""

    kind: Literal["retune"] = "retune"
    id: int
    settings: SamplingSettings


class Cancel(_Message):
    """Stop a generation, in prefill or in decode."""

    kind: Literal["cancel"] = "cancel"
    id: int


class Count(_Message):
    """Count the tokens that a prompt would take. Answered between two tokens of a running reply."""

    kind: Literal["count"] = "count"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Plan(_Message):
    """Count the tokens of a prompt by its turns. Answered between two tokens of a running reply."""

    kind: Literal["plan"] = "plan"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Inspect(_Message):
    """Show a prompt token by token. Answered between two tokens of a running reply."""

    kind: Literal["inspect"] = "inspect"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Tokenize(_Message):
    """The token ids of a text that follows other text. Answered between two tokens of a running reply."""

    kind: Literal["tokenize"] = "tokenize"
    id: int
    text: str


class TakeState(_Message):
    """Copy the KV state that serves best for a prompt, so that it can be read piece by piece.

    Answered between two tokens of a running reply, like those that follow.
    """

    kind: Literal["take_state"] = "take_state"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True


class ReadState(_Message):
    """Send a piece of the state that was taken last. Answered with raw bytes: fewer than asked for at its end."""

    kind: Literal["read_state"] = "read_state"
    id: int
    start: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=1, le=MAX_FRAME // 2)]


class GiveState(_Message):
    """A KV state is to come: raw bytes of this id, then KeepState. It waits with the others until it is of use."""

    kind: Literal["give_state"] = "give_state"
    id: int
    size: Annotated[int, Field(ge=1)]
    token_ids: tuple[int, ...]
    batched: Annotated[int, Field(ge=0)]


class KeepState(_Message):
    """All of a given state was sent. It is kept only when it is `sound`: what was read is what was written."""

    kind: Literal["keep_state"] = "keep_state"
    id: int
    sound: bool


class Ping(_Message):
    """Give a sign of life. Answered at once, whatever the engine is doing."""

    kind: Literal["ping"] = "ping"


Request = Annotated[
    Load
    | Generate
    | GenerateMany
    | Retune
    | Cancel
    | CancelWay
    | Count
    | Plan
    | Inspect
    | Ping
    | Tokenize
    | TakeState
    | ReadState
    | GiveState
    | KeepState
    | Decide
    | Restage
    | Score
    | Choose
    | Spell
    | Detokenize,
    Field(discriminator="kind"),
]


# The engine tells -----------------------------------------------------------------------------------------------


class Loading(_Message):
    """How far a load has come: the step that runs, and the share of the whole that is done, 0 to 1."""

    kind: Literal["loading"] = "loading"
    step: Literal["mapping", "weights", "warming_up"]
    share: float


class Loaded(_Message):
    """The model is ready."""

    kind: Literal["loaded"] = "loaded"
    info: ModelInfo
    load_s: float


class Prefill(_Message):
    """The prompt is being read: tokens evaluated of those to evaluate, and those reused from the KV cache."""

    kind: Literal["prefill"] = "prefill"
    id: int
    done: int
    total: int
    kept: int


class Tokens(_Message):
    """Text that is final, and the tokens drawn since the last event.

    Tokens that are drawn fast come several in one event. The text may lag behind: it is held back while it may be
    the start of a stop string, or of a character that needs more bytes. It may run out without a token at the end.
    """

    kind: Literal["tokens"] = "tokens"
    id: int
    text: str
    token_ids: tuple[int, ...]
    records: tuple[TokenRecord, ...] = ()
    """How each of them was chosen, when that is recorded."""
    way: int = 0
    """Which of several replies."""


class CacheUse(_Message):
    """What the KV cache held when a prompt came, and how far the prompt agreed with it.

    `held` and `shared` are tokens from the start on. Where the two part (`shared` is less than `held`), `old` and
    `new` are the next few tokens of the cache and of the prompt, as text.
    """

    held: int
    shared: int
    old: str = ""
    new: str = ""


class Finished(_Message):
    """A reply has ended. All token counts are exact; `segments` say which settings drew which tokens."""

    kind: Literal["finished"] = "finished"
    id: int
    stop_reason: StopReason
    prompt_tokens: int
    reused_tokens: int
    evaluated_tokens: int
    generated_tokens: int
    segments: tuple[Segment, ...]
    memory: Memory = Memory()
    """What mirostat or adaptive-p remembers at the end."""
    timings: Timings
    cache: CacheUse | None = None
    way: int = 0
    """Which of several replies."""
    going: int = 0
    """How many of several replies still go on."""


class Counted(_Message):
    """The answer to Count."""

    kind: Literal["counted"] = "counted"
    id: int
    tokens: int


class Planned(_Message):
    """The answer to Plan: the tokens of each turn, what the template writes around it included.

    `opening` are those that open the reply. All of them together are the prompt.
    """

    kind: Literal["planned"] = "planned"
    id: int
    turns: tuple[int, ...]
    opening: int


class Inspected(_Message):
    """The answer to Inspect: the prompt's tokens in their order."""

    kind: Literal["inspected"] = "inspected"
    id: int
    token_ids: tuple[int, ...]
    texts: tuple[str, ...]
    """What each token stands for; bytes that are no character by themselves as `<E2>`."""
    special: tuple[int, ...]
    """The places of the control tokens, whose texts are their names."""
    owners: tuple[int, ...]
    """The turn that each token belongs to; the number of turns for what opens the reply."""


class Tokenized(_Message):
    """The answer to Tokenize."""

    kind: Literal["tokenized"] = "tokenized"
    id: int
    token_ids: tuple[int, ...]


class StateTaken(_Message):
    """The answer to TakeState: what can be read now, which is nothing when `size` is 0.

    `batched` says how many of its tokens, from the start on, were evaluated together with others; `seconds` how
    long those that the prompt shares would take to evaluate anew, by what was measured in this process.
    """

    kind: Literal["state_taken"] = "state_taken"
    id: int
    size: int = 0
    token_ids: tuple[int, ...] = ()
    batched: int = 0
    seconds: float = 0.0


class Pulse(_Message):
    """The answer to Ping: whether a reply is being made, and a count that grows with every step of the work."""

    kind: Literal["pulse"] = "pulse"
    beats: int
    busy: bool


class Failed(_Message):
    """A request failed; the engine lives on. `message` is a sentence for people."""

    kind: Literal["failed"] = "failed"
    id: int | None = None
    reason: Literal["load", "template", "context", "settings", "cancelled", "internal"]
    message: str


Event = Annotated[
    Loading
    | Loaded
    | Prefill
    | Tokens
    | Finished
    | Counted
    | Planned
    | Inspected
    | Tokenized
    | StateTaken
    | Decided
    | Scored
    | Chosen
    | Spelled
    | Detokenized
    | Pulse
    | Failed,
    Field(discriminator="kind"),
]

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
