"""What is asked of each part, and which parts a document has for a model's context window."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.conversation.attachment import Attachment, files_text, label
from chatapp.conversation.document import Span, Unit
from chatapp.conversation.persona import Persona
from chatapp.conversation.prompt import Turn, pieces
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineError
from chatapp.parts.splitting import split

RESULT_SHARE, LONGEST_RESULT = 12, 400
"""What comes of a part that is brought together with others takes a twelfth of the window, and at most so much."""
GROWTH = 2
"""So many times as long as a part may become what takes its place: a translation, in tokens."""
LEAST_ROOM = 64
"""Tokens of a document without which a part is not worth asking about."""
_LINE = "\n\n---\n"


@dataclass(frozen=True)
class Task:
    """What a person wants of documents that are read by parts."""

    persona: Persona
    settings: SamplingSettings
    seed: int
    instruction: str
    files: tuple[Attachment, ...]
    """Those that are read by parts, in their order."""
    beside: tuple[Attachment, ...] = ()
    """Those that go whole into the prompt of every part."""
    joined: bool = False
    """Whether the results follow one another as they are; else they are brought together."""

    def turns(self, content: str) -> list[Turn]:
        """The prompt for a text that stands before the instruction; its beginning is the same for all."""
        said = f"{files_text(self.beside)}{content}{_LINE}{self.instruction}"
        return [piece.turn for piece in pieces(self.persona, [], "", draft=said)]

    def about(self, file: Attachment, span: Span) -> list[Turn]:
        """The prompt for a part: its text exactly, and where it is not to be rewritten, its places with it."""
        text = file.document.text[slice(*span)]
        return self.turns(text if self.joined else f"File: {file.name}\n{_with_places(file, span)}")

    def together(self, results: Sequence[str]) -> list[Turn]:
        """The prompt that brings results together."""
        names = ", ".join(file.name for file in self.files)
        return self.turns(f"What the parts of {names} say, in their order:\n\n" + "\n\n".join(results))

    def result_tokens(self, size: int) -> int:
        """How long what comes of a part may become, where it is brought together with others."""
        return result_tokens(self.settings, size)


def result_tokens(settings: SamplingSettings, size: int) -> int:
    """How long what comes of a part may become in a window of that size."""
    longest = max(16, min(LONGEST_RESULT, size // RESULT_SHARE))
    return min(settings.max_tokens or longest, longest)


@dataclass(frozen=True)
class Piece:
    """A part of a document, with the exact tokens of its prompt."""

    file: Attachment
    span: Span
    tokens: int


@dataclass(frozen=True)
class Plan:
    """The parts, in the order in which they are read."""

    pieces: tuple[Piece, ...]
    size: int
    """The context window."""
    frame: int
    """Tokens of a prompt without a part."""

    @property
    def tokens(self) -> int:
        """Of all prompts, if none shared anything with the one before."""
        return sum(piece.tokens for piece in self.pieces)


async def planned(task: Task, engine: Engine) -> Plan:
    """Cut the documents into parts that fit, each with the instruction and room for what comes of it.

    Raises:
        EngineError: when persona, instruction and other files leave no room for a part.
        EngineDied: when the process has ended.
    """
    size = engine.info.n_ctx if engine.info else 0
    frame = await _count(task, engine, task.turns(""))
    free = size - frame
    room = frame + free // (1 + GROWTH) if task.joined else size - task.result_tokens(size)
    if room - frame < LEAST_ROOM + (0 if task.joined else 3 * task.result_tokens(size)):  # results must fit, too
        raise EngineError(
            f"There is no room to read by parts: persona, instruction and other files take {frame:,} tokens of a"
            f" context window of {size:,}.",
            "parts",
        )
    found: list[Piece] = []
    for file in task.files:
        counted: dict[Span, int] = {}

        async def count(span: Span, file: Attachment = file, counted: dict[Span, int] = counted) -> int:
            counted[span] = await _count(task, engine, task.about(file, span))
            return counted[span]

        try:
            found += [Piece(file, span, counted[span]) async for span in split(file.document, count, room)]
        except ValueError as error:
            raise EngineError(f"{file.name} cannot be read by parts: {error}.", "parts") from error
    return Plan(tuple(found), size, frame)


def estimated(tokens: int, size: int, frame: int, settings: SamplingSettings, *, joined: bool) -> tuple[int, int]:
    """About how many parts so many tokens make, and how many tokens come of each, before anything is cut.

    Args:
        tokens: Of the document.
        size: The context window.
        frame: What a prompt has without a part.
        settings: How long a reply may become.
        joined: Whether the results follow one another as they are.
    """
    result = result_tokens(settings, size)
    free = max(LEAST_ROOM, size - frame)
    each = max(LEAST_ROOM, free // (1 + GROWTH) if joined else free - result)
    return -(-tokens // each), each if joined else result


async def _count(task: Task, engine: Engine, turns: Sequence[Turn]) -> int:
    return await engine.prompts.count(turns, template=task.persona.template)


def digest(task: Task, engine: Engine, turns: Sequence[Turn], settings: SamplingSettings) -> str:
    """Of everything that an answer depends on: what is asked, the settings, the seed and the model."""
    info = engine.info
    depends = {
        "turns": [(turn.role, turn.content) for turn in turns],
        "template": task.persona.template,
        "settings": settings.model_dump(mode="json", exclude={"seed"}),
        "seed": task.seed,
        "model": [info.fingerprint, info.n_ctx, info.reproducible] if info else [],
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _with_places(file: Attachment, span: Span) -> str:
    """A stretch with its first place before it, and where it reaches over pages, each page's."""
    document, (start, end) = file.document, span
    first, last = document.places_of(span)
    begins = [start]
    if document.unit is Unit.PAGE:
        begins += [document.starts[place - 1] for place in range(first + 1, last + 1)]
    written = []
    for here, there in zip(begins, [*begins[1:], end], strict=True):
        written.append(f"{label(file.name, document.unit, document.place_at(here))}\n{document.text[here:there]}")
    return "".join(written)
