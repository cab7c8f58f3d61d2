"""Questions to the process that lives at the moment: each is sent once, and answered once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import TypeVar

from chatapp.engine.frames import Piece
from chatapp.engine.link import LOAD, Link
from chatapp.engine.protocol import (
    Cancel,
    LookAnswer,
    LookQuestion,
    Prefill,
    PromptAnswer,
    PromptQuestion,
    ReadState,
    StateTaken,
    TakeState,
)

Question = PromptQuestion | TakeState | ReadState | LookQuestion
A = TypeVar("A", bound=PromptAnswer | StateTaken | Piece | LookAnswer)


class Asker:
    """Numbers requests and asks questions; `living` gives the process, or raises its death."""

    def __init__(self, living: Callable[[], Link]) -> None:
        self.living = living
        self._ids = itertools.count(LOAD + 1)

    def number(self) -> int:
        """The id of the next request."""
        return next(self._ids)

    async def ask(
        self, question: Question, answer: type[A], progress: Callable[[Prefill], None] | None = None
    ) -> A:
        """Ask, and wait for an answer of this type; `progress` hears how far it is. Being cancelled stops it.

        Raises:
            EngineError: when it cannot be answered.
            EngineDied: when the process has ended.
        """
        link = self.living()
        with link.answers_to(question.id) as answers:
            link.send(question)
            try:
                while isinstance(event := await link.next(answers), Prefill):
                    if progress is not None:
                        progress(event)
            except asyncio.CancelledError:
                link.send(Cancel(id=question.id))
                raise
        if not isinstance(event, answer):
            raise link.nonsense(event)
        return event
