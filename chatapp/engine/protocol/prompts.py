"""The messages of those who ask about a prompt: its length, its parts, its tokens."""

from __future__ import annotations

from typing import Literal

from chatapp.conversation.prompt import Turn
from chatapp.engine.protocol.message import Message


class Count(Message):
    """Count the tokens that a prompt would take. Answered between two tokens of a running reply."""

    kind: Literal["count"] = "count"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Counted(Message):
    """The answer to Count."""

    kind: Literal["counted"] = "counted"
    id: int
    tokens: int


class Plan(Message):
    """Count the tokens of a prompt by its turns. Answered between two tokens of a running reply."""

    kind: Literal["plan"] = "plan"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Planned(Message):
    """The answer to Plan: the tokens of each turn, what the template writes around it included.

    `opening` are those that open the reply. All of them together are the prompt.
    """

    kind: Literal["planned"] = "planned"
    id: int
    turns: tuple[int, ...]
    opening: int


class Inspect(Message):
    """Show a prompt token by token. Answered between two tokens of a running reply."""

    kind: Literal["inspect"] = "inspect"
    id: int
    turns: tuple[Turn, ...]
    template: bool = True
    open_last: bool = False


class Inspected(Message):
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


class Tokenize(Message):
    """The token ids of a text that follows other text. Answered between two tokens of a running reply."""

    kind: Literal["tokenize"] = "tokenize"
    id: int
    text: str


class Tokenized(Message):
    """The answer to Tokenize."""

    kind: Literal["tokenized"] = "tokenized"
    id: int
    token_ids: tuple[int, ...]


PromptQuestion = Count | Plan | Inspect | Tokenize
PromptAnswer = Counted | Planned | Inspected | Tokenized
