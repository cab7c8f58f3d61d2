"""Whom the desk tells what happens: the desk knows no widget, the screen listens."""

from __future__ import annotations

from typing import Protocol

from chatapp.calls import Proposal
from chatapp.chat import Chat
from chatapp.recording import Saving
from chatapp.store import StoreError
from chatapp.turn import TurnEvent


class Listener(Protocol):
    """Who is told: called on the event loop, and quick."""

    def hear_turn(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn, of the chat in view or of another."""

    def hear_saving(self, saving: Saving) -> None:
        """The disk refuses a reply, or has taken it after all."""

    def hear_model(self) -> None:
        """The model is another, or loads, or failed to."""

    def hear_waiting(self) -> None:
        """What waits has changed."""

    def hear_idle(self) -> None:
        """A turn is over, and the model is free."""

    def hear_others(self, chat: Chat | None) -> None:
        """Another window has written something; in this chat, if one is given."""

    def hear_damage(self, error: StoreError) -> None:
        """The file that holds the chats was found to be damaged."""

    async def agrees(self, proposal: Proposal) -> bool:
        """Whether the person wants what the model would write; they are asked."""

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done."""
