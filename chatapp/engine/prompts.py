"""Questions about a prompt: its length, its parts, its tokens. Reached as `Engine.prompts`.

They are answered between two tokens of a running reply too.
"""

from __future__ import annotations

from collections.abc import Sequence

from chatapp.conversation.prompt import Turn
from chatapp.engine.asking import Asker
from chatapp.engine.protocol import (
    Count,
    Counted,
    Inspect,
    Inspected,
    Plan,
    Planned,
    Tokenize,
    Tokenized,
)


class Prompts:
    """Questions to one engine."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def count(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> int:
        """Count the tokens that a prompt would take.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        number = self._asker.number()
        request = Count(id=number, turns=tuple(turns), template=template, open_last=open_last)
        return (await self._asker.ask(request, Counted)).tokens

    async def plan(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> Planned:
        """Count the tokens of a prompt by its turns.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        number = self._asker.number()
        request = Plan(id=number, turns=tuple(turns), template=template, open_last=open_last)
        return await self._asker.ask(request, Planned)

    async def inspect(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> Inspected:
        """A prompt token by token.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        number = self._asker.number()
        request = Inspect(id=number, turns=tuple(turns), template=template, open_last=open_last)
        return await self._asker.ask(request, Inspected)

    async def tokenize(self, text: str) -> tuple[int, ...]:
        """The token ids of a text that follows other text.

        Raises:
            EngineError: when no model is loaded.
            EngineDied: when the process has ended.
        """
        return (await self._asker.ask(Tokenize(id=self._asker.number(), text=text), Tokenized)).token_ids
