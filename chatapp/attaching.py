"""Files and the context window: whether they fit, and what is given of one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.chat import Chat
from chatapp.conversation.attachment import Attachment, Given, beginning, files_text, shortened
from chatapp.engine.client import Engine
from chatapp.files.ranking import ranked, within
from chatapp.fitting import file_tokens

MARGIN = 64
"""Tokens that are left for a question that is not written yet."""
_SMALLER = 0.85


@dataclass(frozen=True)
class Fit:
    """Tokens of a file as it is given, and the tokens that are free for it."""

    tokens: int
    room: int
    frame: int = 0
    """Tokens of system prompt and draft, which stand in every prompt of a part."""

    @property
    def fits(self) -> bool:
        """Whether it goes in beside all that is there."""
        return self.tokens <= self.room


async def fit_of(chat: Chat, file: Attachment, draft: str, others: Sequence[Attachment]) -> Fit:
    """How a file stands to the room that a draft and its other files leave.

    Raises:
        EngineError: when no model is loaded.
        EngineDied: when the process has ended.
    """
    plan = await chat.room.plan(draft, others)
    frame = plan.system + plan.memory + plan.draft + MARGIN
    return Fit(
        await file_tokens(chat.engine, files_text([file])), max(0, plan.free - (0 if draft else MARGIN)), frame
    )


async def given_of(engine: Engine, file: Attachment, given: Given, question: str, room: int) -> Attachment:
    """The file with as much of it given as fits into so many tokens; a single passage in any case.

    Where no passage has a word of the question, it is the beginning that is given.

    Raises:
        EngineError: when no model is loaded.
        EngineDied: when the process has ended.
    """
    if given is Given.WHOLE or given.by_parts:
        return shortened(file, given)
    document = file.document
    best = await asyncio.to_thread(ranked, document, question) if given is Given.PASSAGES else []
    whole = max(1, await file_tokens(engine, files_text([shortened(file, Given.WHOLE)])))
    characters = len(document.text) * room // whole
    while True:
        spans = within(best, characters) if best else beginning(document, characters)
        part = shortened(file, Given.PASSAGES if best else Given.BEGINNING, spans)
        if len(spans) <= 1 or await file_tokens(engine, files_text([part])) <= room:
            return part
        characters = int(characters * _SMALLER)
