"""A document that was read by parts: what came of each, and how the reply was made of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PartResult(BaseModel):
    """What the model said of one part of a document, or, in a later round, of what it had said before.

    `start` and `end` are characters of the document; in a later round, those that it stands for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    round: int
    """0: the document itself; from 1 on, results are brought together."""
    place: int
    """Which of its round, from 1."""
    of: int
    """How many its round has."""
    file: str
    start: int
    end: int
    text: str = ""
    digest: str = ""
    """Of everything that the text depends on."""
    seed: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    evaluated_tokens: int = 0
    generated_tokens: int = 0
    stop_reason: str = ""
    problem: str = ""
    """Why there is no text, in one sentence; empty where there is one."""


class ByParts(BaseModel):
    """What is remembered with a reply that was made by parts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    parts: int
    joined: bool = False
    """Whether the reply is what came of each part, one after the other; else that was brought together."""
    rounds: int = 0
    """Of bringing together."""
    done: int = 0
    """Parts of the document that there is a result of."""
    kept: int = 0
    """Results that were there already, from a try before."""
    failed: tuple[int, ...] = ()
    """The parts of the document that nothing came of, by their numbers."""
    cut_off: tuple[int, ...] = ()
    """Those whose result broke off at the length that it may have."""
