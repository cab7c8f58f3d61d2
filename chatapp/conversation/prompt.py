"""What the model is given: the persona's system prompt, examples and greeting, then the path through the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from chatapp.conversation.attachment import Attachment, content, files_text
from chatapp.conversation.memory import in_prompt
from chatapp.conversation.message import Message, Role
from chatapp.conversation.persona import Persona

SUMMARY_HEAD = "Earlier in this conversation:"
"""What the model reads before a summary, which stands behind the system prompt."""

TOOL: Final = "tool"
"""The role of what a tool gave, in a prompt; it is no message, but kept with the reply that called the tool."""


class Turn(BaseModel):
    """One turn of a prompt. `token_ids` are those that the content is known to consist of, if any are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role | Literal["tool"]
    content: str
    token_ids: tuple[int, ...] = ()
    tools: str = ""
    """Tools as a JSON list, for a template that takes them: it then writes this turn in its own way."""


class Part(StrEnum):
    """What a turn of a prompt is there for."""

    SYSTEM = "system"
    MEMORY = "memory"
    TOOLS = "tools"
    SUMMARY = "summary"
    EXAMPLES = "examples"
    GREETING = "greeting"
    FILES = "files"
    HISTORY = "history"
    DRAFT = "draft"
    REPLY = "reply"


@dataclass(frozen=True)
class Piece:
    """A turn of a prompt, with what it is there for, and the message that it comes from."""

    part: Part
    turn: Turn
    message: int | None = None
    files: str = ""
    """What of the content comes from files."""


def pieces(
    persona: Persona,
    path: Sequence[Message],
    tokenizer: str,
    *,
    tools: Turn | None = None,
    summary: str = "",
    draft: str = "",
    files: Sequence[Attachment] = (),
    reply: Message | None = None,
) -> list[Piece]:
    """A prompt. Token ids are passed on only where they belong to this tokenizer.

    Args:
        persona: Who the model is asked to be.
        path: The messages that the model sees.
        tokenizer: The fingerprint of the model's vocabulary.
        tools: What offers tools.
        summary: What stands for earlier messages.
        draft: What the person is about to say.
        files: What goes with the draft.
        reply: The reply as far as it is written.
    """
    prompt: list[Piece] = []
    if persona.system.strip():
        prompt.append(Piece(Part.SYSTEM, Turn(role=Role.SYSTEM, content=persona.system)))
    if persona.known:
        prompt.append(Piece(Part.MEMORY, Turn(role=Role.SYSTEM, content=in_prompt(persona.known))))
    if tools is not None:
        prompt.append(Piece(Part.TOOLS, tools))
    if summary.strip():
        prompt.append(Piece(Part.SUMMARY, Turn(role=Role.SYSTEM, content=f"{SUMMARY_HEAD}\n{summary}")))
    for example in persona.examples:
        prompt.append(Piece(Part.EXAMPLES, Turn(role=Role.USER, content=example.user)))
        prompt.append(Piece(Part.EXAMPLES, Turn(role=Role.ASSISTANT, content=example.assistant)))
    if persona.greeting.strip():
        prompt.append(Piece(Part.GREETING, Turn(role=Role.ASSISTANT, content=persona.greeting)))
    for message in path:
        prompt.append(Piece(Part.HISTORY, _turn(message, tokenizer), message.id, files_text(message.files)))
        prompt += [
            Piece(Part.HISTORY, Turn(role=TOOL, content=use.told), message.id) for use in message.provenance.calls
        ]
    if draft or files:
        turn = Turn(role=Role.USER, content=content(draft, files))
        prompt.append(Piece(Part.DRAFT, turn, files=files_text(files)))
    if reply is not None:
        prompt.append(Piece(Part.REPLY, _turn(reply, tokenizer)))
    return prompt


def turns(persona: Persona, path: Sequence[Message], tokenizer: str) -> list[Turn]:
    """The turns for a persona and a path."""
    return [piece.turn for piece in pieces(persona, path, tokenizer)]


def _turn(message: Message, tokenizer: str) -> Turn:
    ids = tuple(message.token_ids) if message.provenance.tokenizer == tokenizer else ()
    return Turn(role=message.role, content=content(message.text, message.files), token_ids=ids)
