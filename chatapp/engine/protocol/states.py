"""The messages by which KV states travel, to wait in the engine or on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chatapp.conversation.prompt import Turn
from chatapp.engine.protocol.message import MAX_FRAME, Message


class TakeState(Message):
    """Copy the KV state that serves best for a prompt, so that it can be read piece by piece.

    Answered between two tokens of a running reply, like those that follow.
    """

    kind: Literal["take_state"] = "take_state"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True


class StateTaken(Message):
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


class ReadState(Message):
    """Send a piece of the state that was taken last. Answered with raw bytes: fewer than asked for at its end."""

    kind: Literal["read_state"] = "read_state"
    id: int
    start: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=1, le=MAX_FRAME // 2)]


class GiveState(Message):
    """A KV state is to come: raw bytes of this id, then KeepState. It waits with the others until it is of use."""

    kind: Literal["give_state"] = "give_state"
    id: int
    size: Annotated[int, Field(ge=1)]
    token_ids: tuple[int, ...]
    batched: Annotated[int, Field(ge=0)]


class KeepState(Message):
    """All of a given state was sent. It is kept only when it is `sound`: what was read is what was written."""

    kind: Literal["keep_state"] = "keep_state"
    id: int
    sound: bool


StateRequest = TakeState | ReadState | GiveState | KeepState
