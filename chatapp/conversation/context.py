"""The plan of a context window: what each part of a prompt takes of it, exactly, and what would leave next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chatapp.conversation.prompt import Part, Piece
from chatapp.conversation.sampling import SamplingSettings

RESERVED_SHARE = 8
"""An eighth of the window is kept for the reply, where its length is not set."""


class Policy(StrEnum):
    """What is done when the next message does not fit into the context window."""

    STOP = "stop"
    """Nothing: the message waits, and the person decides."""
    DROP = "drop"
    """The oldest turns are left out; system prompt, persona and pinned turns stay."""
    SUMMARISE = "summarise"
    """The model writes a summary, which takes the place of the oldest turns."""


PARTS = ("system", "summary", "examples", "greeting", "memory", "tools", "files", "history", "draft", "reply")
"""The parts of a prompt, in the order of the plan."""


@dataclass(frozen=True)
class ContextPlan:
    """Tokens by part; the parts together are the prompt.

    What the chat template writes around a content is counted with it.
    """

    size: int
    """What the context window holds."""
    reserve: int
    """Kept free for the reply."""
    system: int = 0
    summary: int = 0
    examples: int = 0
    greeting: int = 0
    memory: int = 0
    tools: int = 0
    """0 where the model's own template writes them: they are counted with the system prompt."""
    files: int = 0
    history: int = 0
    draft: int = 0
    reply: int = 0
    """The reply as far as it is written, and what opens it."""
    messages: tuple[tuple[int, int], ...] = ()
    """The messages in the window, by their ids, and what each takes."""
    left_out: int = 0
    """Messages of the path that the model does not see."""
    leaves_next: tuple[int, ...] = ()
    """The messages, by their ids, of the turn that would leave first."""

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt."""
        return sum(getattr(self, part) for part in PARTS)

    @property
    def over(self) -> int:
        """Tokens by which prompt and reserve do not fit."""
        return max(0, self.prompt + self.reserve - self.size)

    @property
    def free(self) -> int:
        """Tokens that nothing is planned for."""
        return max(0, self.size - self.prompt - self.reserve)

    @property
    def fits(self) -> bool:
        """Whether the prompt fits with what is kept for the reply."""
        return self.over == 0

    @property
    def leaves_room(self) -> bool:
        """Whether at least a token of a reply has room."""
        return self.prompt < self.size

    def as_json(self) -> dict[str, Any]:
        """Every part, and what follows from them."""
        return {
            "size": self.size,
            **{part: getattr(self, part) for part in PARTS},
            "reserve": self.reserve,
            "free": self.free,
            "over": self.over,
            "prompt": self.prompt,
            "messages_in_window": len(self.messages),
            "messages_left_out": self.left_out,
        }


def reserve_for(settings: SamplingSettings, size: int) -> int:
    """Tokens to keep for a reply: as long as it may become, but at most half of the window."""
    return min(settings.max_tokens or size // RESERVED_SHARE, size // 2)


def plan_of(
    pieces: Sequence[Piece],
    counts: Sequence[int],
    opening: int,
    *,
    from_files: Sequence[int] = (),
    size: int,
    reserve: int,
    left_out: int = 0,
    leaves_next: Sequence[int] = (),
) -> ContextPlan:
    """The plan for the pieces of a prompt, given the tokens of each, what files take of them, and the opening."""
    parts: Counter[str] = Counter({Part.REPLY: opening})
    messages: Counter[int] = Counter()
    for piece, tokens in zip(pieces, counts, strict=True):
        parts[piece.part] += tokens
        if piece.message is not None:
            messages[piece.message] += tokens
    for piece, tokens in zip(pieces, from_files, strict=False):
        parts[piece.part] -= tokens
        parts[Part.FILES] += tokens
    return ContextPlan(
        size=size,
        reserve=reserve,
        messages=tuple(messages.items()),
        left_out=left_out,
        leaves_next=tuple(leaves_next),
        **parts,
    )
