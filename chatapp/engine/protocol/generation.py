"""The messages of a reply, or of several at once: what is asked for, how it comes, how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chatapp.conversation.decision import Memory, TokenRecord
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.protocol.look import MAX_CANDIDATES
from chatapp.engine.protocol.message import Message

MAX_WAYS = 8
"""Replies that are generated at once, at most."""


# The app asks ---------------------------------------------------------------------------------------------------


class Generate(Message):
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


class Way(Message):
    """One of several replies to the same prompt: what it is drawn with."""

    settings: SamplingSettings
    seed: int


class GenerateMany(Message):
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


class CancelWay(Message):
    """Stop one of several replies, between two tokens; the others go on."""

    kind: Literal["cancel_way"] = "cancel_way"
    id: int
    way: int


class Retune(Message):
    """Settings for the running reply, from its next token on. The seed stays."""

    kind: Literal["retune"] = "retune"
    id: int
    settings: SamplingSettings


class Cancel(Message):
    """Stop a generation, in prefill or in decode."""

    kind: Literal["cancel"] = "cancel"
    id: int


# The engine tells -----------------------------------------------------------------------------------------------


class Prefill(Message):
    """The prompt is being read: tokens evaluated of those to evaluate, and those reused from the KV cache."""

    kind: Literal["prefill"] = "prefill"
    id: int
    done: int
    total: int
    kept: int


class Tokens(Message):
    """Text that is final, and the tokens drawn since the last event.

    Tokens that are drawn fast come several in one event. The text may lag behind: it is held back while it may be
    the start of a stop string, or of a character that needs more bytes. It may run out without a token at the end.
    """

    kind: Literal["tokens"] = "tokens"
    id: int
    """The request's; 0 for the beginning of a reply that was written by a person or a persona, not drawn."""
    text: str
    token_ids: tuple[int, ...]
    records: tuple[TokenRecord, ...] = ()
    """How each of them was chosen, when that is recorded."""
    segments: tuple[Segment, ...] = ()
    """Settings that came into force with one of them, in mid-reply; should no Finished come, that is known."""
    way: int = 0
    """Which of several replies."""


class CacheUse(Message):
    """What the KV cache held when a prompt came, and how far the prompt agreed with it.

    `held` and `shared` are tokens from the start on. Where the two part (`shared` is less than `held`), `old` and
    `new` are the next few tokens of the cache and of the prompt, as text.
    """

    held: int
    shared: int
    old: str = ""
    new: str = ""


class Finished(Message):
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
