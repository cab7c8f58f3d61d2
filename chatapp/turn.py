"""What happens in a turn, as whoever holds a chat is told."""

from __future__ import annotations

from dataclasses import dataclass

from chatapp.conversation.message import Message
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.parts import Step, Worked


@dataclass(frozen=True)
class Began:
    """The turn is on disk: what was asked, if it is new, and the reply that starts to stream.

    A summary of what leaves the context window begins and ends like a reply, before the turn that needs the room.
    """

    asked: Message | None
    reply: Message


@dataclass(frozen=True)
class Bordered:
    """The oldest turns are left out from here on: a border was drawn, and is on disk."""

    border: Message


@dataclass(frozen=True)
class Ended:
    """The reply is final, and on disk unless an `Unsaved` said otherwise."""

    reply: Message


@dataclass(frozen=True)
class TakenBack:
    """The reply that streams says less than it did: this is its text, and these are its token ids."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class Called:
    """The reply, which has ended, calls tools, or has now what they gave; both are on disk."""

    reply: Message


TurnEvent = Bordered | Began | Prefill | Tokens | Step | Worked | TakenBack | Ended | Called
