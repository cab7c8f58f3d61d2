"""What the model is given: the persona's system prompt, examples and greeting, then the path through the tree."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from chatapp.conversation.message import Message, Role
from chatapp.conversation.persona import Persona


class Turn(BaseModel):
    """One turn of a prompt. `token_ids` are those that the content is known to consist of, if any are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    content: str
    token_ids: tuple[int, ...] = ()


def turns(persona: Persona, path: Sequence[Message], tokenizer: str) -> list[Turn]:
    """The turns for a persona and a path. Token ids are passed on only where they belong to this tokenizer."""
    prompt: list[Turn] = []
    if persona.system.strip():
        prompt.append(Turn(role=Role.SYSTEM, content=persona.system))
    for example in persona.examples:
        prompt.append(Turn(role=Role.USER, content=example.user))
        prompt.append(Turn(role=Role.ASSISTANT, content=example.assistant))
    if persona.greeting.strip():
        prompt.append(Turn(role=Role.ASSISTANT, content=persona.greeting))
    for message in path:
        ids = tuple(message.token_ids) if message.provenance.tokenizer == tokenizer else ()
        prompt.append(Turn(role=message.role, content=message.text, token_ids=ids))
    return prompt
