"""The messages of those who look into the model's decisions: questions, and their answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chatapp.conversation.decision import Decision, Memory, Token, TokenRecord
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.protocol.message import Message

MAX_CANDIDATES = 1000
"""Candidates of one token that may be asked for."""


class Decide(Message):
    """Show how the token after a prompt and the beginning of a reply is decided.

    Of the prompt, what the KV cache holds is not evaluated again: a token of the reply in it costs one more token.
    Where it holds much less, it is filled as for a reply, and what it held waits.
    """

    kind: Literal["decide"] = "decide"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False
    begun: tuple[int, ...] = ()
    """The reply's tokens before the one asked about, after those of a last turn that is left open."""
    settings: SamplingSettings
    seed: int
    index: int = 0
    """The position of the token in the reply."""
    memory: Memory = Memory()
    top: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = 50
    curves: bool = False
    """Whether it is told how the first five fare at other temperatures."""
    along: bool = False
    """Whether the KV cache goes along, as if a reply had said what stands before the token: so the next one costs
    one token, whichever is chosen here, and so does the one before."""


class Restage(Message):
    """The same for the token that was asked about last, with other settings: nothing is evaluated.

    Answered between two tokens of a running reply.
    """

    kind: Literal["restage"] = "restage"
    id: int
    settings: SamplingSettings
    seed: int | None = None
    """None: the one asked with."""
    memory: Memory | None = None
    top: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = 50
    curves: bool = False


class Score(Message):
    """Record how the model would have decided each token of a text; the conversation is left as it is.

    The text is the last turn: by its token ids where it has them, else as the model would write it. It may be
    cancelled, and tells its progress by Prefill.
    """

    kind: Literal["score"] = "score"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    settings: SamplingSettings | None = None
    """The chain to go by; none: the plain softmax."""
    seed: int = 0
    top: Annotated[int, Field(ge=0, le=MAX_CANDIDATES)] = 10


class Choose(Message):
    """Compare texts that a prompt may go on with, by the first token of each, in one evaluation."""

    kind: Literal["choose"] = "choose"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    choices: tuple[str, ...]


class Spell(Message):
    """Show the tokens of a text as it is. Answered between two tokens of a running reply."""

    kind: Literal["spell"] = "spell"
    id: int
    text: str
    special: bool = False
    """Whether the names of special tokens in it stand for them."""


class Detokenize(Message):
    """Write the tokens that a reply begins with as text. Answered between two tokens of a running reply."""

    kind: Literal["detokenize"] = "detokenize"
    id: int
    token_ids: tuple[int, ...]


class Decided(Message):
    """The answer to Decide and Restage."""

    kind: Literal["decided"] = "decided"
    id: int
    decision: Decision


class Scored(Message):
    """The answer to Score: one record for each token; a first one that nothing stands before has none."""

    kind: Literal["scored"] = "scored"
    id: int
    records: tuple[TokenRecord, ...]


class Chosen(Message):
    """The answer to Choose: the natural logarithm of each choice's probability."""

    kind: Literal["chosen"] = "chosen"
    id: int
    logprobs: tuple[float, ...]


class Spelled(Message):
    """The answer to Spell."""

    kind: Literal["spelled"] = "spelled"
    id: int
    tokens: tuple[Token, ...]


class Detokenized(Message):
    """The answer to Detokenize: the text, as it would have come; a character that is not complete has not."""

    kind: Literal["detokenized"] = "detokenized"
    id: int
    text: str
    ends: bool
    """Whether the last token ends the turn: it is no part of the text."""


LookQuestion = Decide | Restage | Score | Choose | Spell | Detokenize
LookAnswer = Decided | Scored | Chosen | Spelled | Detokenized
