"""One row after another through the engine.

What a persona brings along stands first in every prompt, so that it is evaluated once: the KV cache keeps the
prefix that a row shares with the one before.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chatapp.batch.results import Answer, Result
from chatapp.batch.rows import Row
from chatapp.batch.variety import is_near
from chatapp.conversation.context import plan_of, reserve_for
from chatapp.conversation.message import Role, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.prompt import Part, Piece, Turn, pieces
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Tokens
from chatapp.fitting import sentence
from chatapp.text import counted

MOST_DEATHS = 3
"""So many rows one after the other that end the engine, twice each, end the run."""


@dataclass(frozen=True)
class Work:
    """What is done to every row."""

    persona: Persona
    settings: SamplingSettings
    seed: int
    """Of the first variation of every row; the next ones count on from it."""
    variations: int = 1
    similarity: float = 0.9
    """The share of words in common from which a variation is a near-duplicate."""

    @property
    def structured(self) -> bool:
        """Whether replies are JSON."""
        return bool(self.settings.json_schema)


class Runner:
    """Does work with an engine. One that dies is started again, and the row tried once more."""

    def __init__(self, engine: Engine, options: ModelOptions, work: Work) -> None:
        self._engine = engine
        self._options = options
        self._work = work
        self._deaths = 0

    async def run(self, rows: Iterable[Row]) -> AsyncGenerator[Result, None]:
        """The result of each row, in order.

        Raises:
            EngineError: when the model cannot be loaded again.
            EngineDied: when it dies of one row after the other.
        """
        for row in rows:
            if row.problem:
                yield Result(row, problem=row.problem[:1].upper() + row.problem[1:] + ".", kind="input")
            else:
                yield await self._one(row)

    async def _one(self, row: Row) -> Result:
        for last in (False, True):
            try:
                await self._engine.ensure(self._options)
                result = await self._answered(row)
            except EngineError as error:
                if error.reason == "load":
                    raise
                return Result(row, problem=str(error), kind=error.reason)
            except EngineDied as death:
                if last:
                    return self._fatal(row, death)
            else:
                self._deaths = 0
                return result
        raise AssertionError  # the second try returns

    def _fatal(self, row: Row, death: EngineDied) -> Result:
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            raise death
        return Result(row, problem=f"The engine ended twice: {death}", kind="engine")

    async def _answered(self, row: Row) -> Result:
        prompt = self._prompt(row)
        if problem := await self._too_long(prompt):
            return Result(row, problem=problem, kind="context")
        answers: list[Answer] = []
        dropped = 0
        for number in range(self._work.variations):
            answer = await self._answer([piece.turn for piece in prompt], self._work.seed + number)
            if self._work.variations > 1 and not answer.problem and self._is_known(answer, row, answers):
                dropped += 1
            else:
                answers.append(answer)
        if not answers:
            return Result(row, problem="Every variation says what the text says.", kind="alike", dropped=dropped)
        return Result(row, tuple(answers), dropped=dropped)

    def _prompt(self, row: Row) -> Sequence[Piece]:
        tokenizer = self._engine.info.tokenizer if self._engine.info else ""
        prompt = pieces(self._work.persona, [], tokenizer, draft=row.text)
        if opening := self._work.persona.prefill:
            prompt.append(Piece(Part.REPLY, Turn(role=Role.ASSISTANT, content=opening)))
        return prompt

    async def _too_long(self, prompt: Sequence[Piece]) -> str:
        counted = await self._engine.prompts.plan(
            [piece.turn for piece in prompt],
            template=self._work.persona.template,
            open_last=bool(self._work.persona.prefill),
        )
        size = self._engine.info.n_ctx if self._engine.info else 0
        reserve = reserve_for(self._work.settings, size)
        plan = plan_of(prompt, counted.turns, counted.opening, size=size, reserve=reserve)
        return "" if plan.fits else sentence(plan)

    async def _answer(self, turns: Sequence[Turn], seed: int) -> Answer:
        opening = self._work.persona.prefill
        begun = await self._engine.prompts.tokenize(opening) if opening else ()
        if begun:
            turns = [*turns[:-1], turns[-1].model_copy(update={"token_ids": begun})]
        text, finished = opening, None
        generation = self._engine.generate(
            turns,
            self._work.settings,
            seed,
            template=self._work.persona.template,
            open_last=bool(opening),
            first_index=len(begun),
        )
        async with aclosing(generation) as events:
            async for event in events:
                if isinstance(event, Tokens):
                    text += event.text
                elif isinstance(event, Finished):
                    finished = event
        if finished is None:
            raise EngineDied("The reply broke off.")
        return self._checked(text, seed, finished)

    def _checked(self, text: str, seed: int, finished: Finished) -> Answer:
        value, kind, problem = None, "", ""
        reason = finished.stop_reason
        if reason not in {StopReason.END, StopReason.STOP_STRING}:
            kind, problem = (
                "cut_off",
                f"The reply was cut off ({reason}) after {counted(finished.generated_tokens, 'token')}.",
            )
        elif self._work.structured:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                kind, problem = "invalid", "The reply is not valid JSON."
        return Answer(
            text,
            seed,
            value,
            problem,
            kind,
            str(reason),
            finished.prompt_tokens,
            finished.reused_tokens,
            finished.evaluated_tokens,
            finished.generated_tokens,
        )

    def _is_known(self, answer: Answer, row: Row, others: Sequence[Answer]) -> bool:
        known = [row.text, *(other.text for other in others if not other.problem)]
        return is_near(answer.text, known, self._work.similarity)
