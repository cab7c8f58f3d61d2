"""The parts of a document through the engine, one after the other, and then what came of them.

Every finished result is kept before the next question is asked, under a digest of all that it depends on: whoever
asks the same again, after a stop or a kill, goes on behind the last of them. All prompts begin alike, so that the
KV cache holds what they share, and it is evaluated once.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from chatapp.conversation.attachment import label
from chatapp.conversation.by_parts import PartResult
from chatapp.conversation.context import reserve_for
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Prefill, Tokens
from chatapp.parts.plan import Piece, Plan, Task, digest

MOST_DEATHS = 3
"""So many parts one after the other that end the engine, twice each, end the work."""
_ENDED = {StopReason.END, StopReason.STOP_STRING}


@dataclass(frozen=True)
class Step:
    """How far the work is, told when a question is asked and while it is answered."""

    round: int
    place: int
    of: int
    done: int
    """Questions that are answered, of all rounds."""
    total: int
    """Questions in all; those of later rounds are an estimate until they are asked."""
    file: str
    span: tuple[int, int]
    tokens: int
    """Of the prompt."""
    said: str = ""
    """What came so far."""
    left_s: float | None = None
    """Seconds until the end, at the pace so far."""


@dataclass(frozen=True)
class Worked:
    """A question was answered, or nothing came of it."""

    result: PartResult
    before: bool = False
    """Whether the answer was there from a try before."""


Event = Step | Worked | Prefill | Tokens | Finished
Keep = Callable[[PartResult], Awaitable[None]]
Find = Callable[[str], Awaitable[PartResult | None]]


@dataclass(frozen=True)
class _Question:
    """What is asked at one time."""

    turns: Sequence[Turn]
    settings: SamplingSettings
    result: PartResult
    """What is known of the answer beforehand."""
    joint: str = ""
    """What stands between this result and the next."""


async def work(
    task: Task,
    plan: Plan,
    engine: Engine,
    options: ModelOptions,
    *,
    keep: Keep,
    find: Find,
    stopping: Callable[[], bool] = lambda: False,
) -> AsyncGenerator[Event, None]:
    """Ask about every part, and make the reply of what comes; its text comes as Tokens, and Finished ends it.

    After a cancel the events end without a Finished.

    Args:
        task: What is asked.
        plan: The parts.
        engine: Answers; one that dies is started again, and the question asked once more.
        options: How the model is loaded.
        keep: Keeps a result; awaited before the next question.
        find: Finds a result that was kept before, by its digest.
        stopping: Whether a person has asked for an end.

    Raises:
        EngineDied: when the process ends over one part after the other, or over the last question.
        EngineError: when nothing came of any part, or what came of them cannot be brought together.
    """
    async with aclosing(_Work(task, plan, engine, options, keep, find, stopping).run()) as events:
        async for event in events:
            yield event


def questions(task: Task, plan: Plan) -> int:
    """About how many questions there will be in all."""
    total = left = len(plan.pieces)
    many = max(2, (plan.size - plan.frame) // max(1, task.result_tokens(plan.size)) - 1)
    while not task.joined and left > 1:
        left = -(-left // many)
        total += left
    return total


@dataclass
class _Work:
    task: Task
    plan: Plan
    engine: Engine
    options: ModelOptions
    keep: Keep
    find: Find
    stopping: Callable[[], bool]
    deaths: int = 0
    done: int = 0
    total: int = 0
    asked: int = 0
    """Questions that were put to the model, not found."""
    spent: float = 0.0
    took: list[PartResult] = field(default_factory=list)
    answered: list[PartResult] = field(default_factory=list)
    """What came of the present round."""
    stopped: bool = False
    decode_s: float = 0.0
    prefill_s: float = 0.0
    first_s: float = 0.0

    async def run(self) -> AsyncGenerator[Event, None]:
        self.total = questions(self.task, self.plan)
        parts = [self._about(piece, number) for number, piece in enumerate(self.plan.pieces, start=1)]
        alone = len(parts) == 1
        async with aclosing(self._round(parts, last=alone)) as events:
            async for event in events:
                yield event
        if not self.stopped and not any(one.text for one in self.answered):
            problem = next((one.problem for one in self.answered if one.problem), "nothing was said")
            raise EngineError(f"Nothing came of any part: {problem}", "parts")
        if not (alone or self.task.joined or self.stopped):
            async with aclosing(self._bring_together()) as events:
                async for event in events:
                    yield event
        if not self.stopped:
            yield self._finished()

    async def _bring_together(self) -> AsyncGenerator[Event, None]:
        number = 0
        last = False
        while not (last or self.stopped):
            number += 1
            groups = await self._groups([one for one in self.answered if one.text])
            last = len(groups) == 1
            of = len(groups)
            asked = [self._together(group, number, place, of) for place, group in enumerate(groups, start=1)]
            self.total = self.done + len(asked) + (0 if last else 1)
            async with aclosing(self._round(asked, last=last)) as events:
                async for event in events:
                    yield event

    async def _groups(self, results: Sequence[PartResult]) -> list[list[PartResult]]:
        """The results in their order, as many at once as fit; all of them in one group if they do."""
        size = self.plan.size
        if await self._tokens(results) <= size - reserve_for(self.task.settings, size):
            return [list(results)]
        room = size - self.task.result_tokens(size)
        groups: list[list[PartResult]] = [[]]
        for one in results:
            if groups[-1] and await self._tokens([*groups[-1], one]) > room:
                groups.append([])
            groups[-1].append(one)
        if len(groups) == len(results):
            raise EngineError("What came of the parts does not fit into the context window together.", "context")
        return groups

    async def _tokens(self, results: Sequence[PartResult]) -> int:
        turns = self.task.together([self._note(one) for one in results])
        return await self.engine.prompts.count(turns, template=self.task.persona.template)

    # Questions ----------------------------------------------------------------------------------------------

    def _about(self, piece: Piece, number: int) -> _Question:
        """The question about a part."""
        task, (start, end) = self.task, piece.span
        limit = None if task.joined or len(self.plan.pieces) == 1 else task.result_tokens(self.plan.size)
        settings = task.settings.model_copy(update={"max_tokens": limit}) if limit else task.settings
        part = piece.file.document.text[start:end]
        known = PartResult(
            round=0, place=number, of=len(self.plan.pieces), file=piece.file.name, start=start, end=end,
            prompt_tokens=piece.tokens,
        )  # fmt: skip
        return _Question(task.about(piece.file, piece.span), settings, known, part[len(part.rstrip()) :])

    def _together(self, group: Sequence[PartResult], number: int, place: int, of: int) -> _Question:
        """The question that brings results together; the last of all may be as long as the person wants."""
        task = self.task
        limit = task.settings.max_tokens if of == 1 else task.result_tokens(self.plan.size)
        known = PartResult(
            round=number, place=place, of=of, file=group[0].file, start=group[0].start, end=group[-1].end
        )
        settings = task.settings.model_copy(update={"max_tokens": limit})
        return _Question(task.together([self._note(one) for one in group]), settings, known)

    def _note(self, result: PartResult) -> str:
        """A result with the place where the part begins, so that it can be cited."""
        file = next(one for one in self.task.files if one.name == result.file)
        document = file.document
        return f"{label(file.name, document.unit, document.place_at(result.start))} {result.text.strip()}"

    # Asking -------------------------------------------------------------------------------------------------

    async def _round(self, asked: Sequence[_Question], *, last: bool) -> AsyncGenerator[Event, None]:
        """Put the questions of a round; the `last` of all is answered straight into the reply."""
        self.answered = []
        for question in asked:
            answer: Worked | None = None
            if not self.stopping():
                async with aclosing(self._found_or_asked(question, live=last)) as events:
                    async for event in events:
                        if isinstance(event, Worked):
                            answer = event
                        else:
                            yield event
            if answer is None:
                self.stopped = True
                return
            await self.keep(answer.result)
            self.answered.append(answer.result)
            self.took += [] if answer.before else [answer.result]
            self.done += 1
            yield answer
            if self.task.joined and not last:
                yield _said(_in_its_place(answer.result) + (question.joint if question is not asked[-1] else ""))

    async def _found_or_asked(self, question: _Question, *, live: bool) -> AsyncGenerator[Event, None]:
        """Find the answer of a try before, or put the question; what comes last is what came of it."""
        mark = digest(self.task, self.engine, question.turns, question.settings)
        found, known = await self.find(mark), question.result
        if found is not None:
            where = {name: getattr(known, name) for name in ("round", "place", "of", "file", "start", "end")}
            if live:
                yield _said(found.text)
            yield Worked(found.model_copy(update=where), before=True)
            return
        async with aclosing(self._asked(question, live=live)) as events:
            async for event in events:
                if isinstance(event, PartResult):
                    yield Worked(event.model_copy(update={"digest": "" if event.problem else mark}))
                else:
                    yield event

    async def _asked(self, question: _Question, *, live: bool) -> AsyncGenerator[Event | PartResult, None]:
        """Put one question, and once more if the engine dies of it; what comes last is the result.

        Nothing comes last after a cancel.
        """
        started = time.monotonic()
        for again in (False, True):
            try:
                await self.engine.ensure(self.options)
                async with aclosing(self._answer(question, live=live)) as events:
                    async for event in events:
                        yield event
            except EngineError as error:
                if live or question.result.round or error.reason == "load":
                    raise
                yield question.result.model_copy(update={"problem": str(error)})
            except EngineDied as death:
                if live or (again and question.result.round):
                    raise
                if not again:
                    continue
                self.deaths += 1
                if self.deaths >= MOST_DEATHS:
                    raise
                yield question.result.model_copy(update={"problem": f"The engine ended twice: {death}"})
            else:
                self.deaths = 0
            break
        self.asked += 1
        self.spent += time.monotonic() - started

    async def _answer(self, question: _Question, *, live: bool) -> AsyncGenerator[Event | PartResult, None]:
        task, text = self.task, ""
        finished: Finished | None = None
        yield self._step(question, "")
        if self.stopping():
            return
        generation = self.engine.generate(
            question.turns, question.settings, task.seed, template=task.persona.template
        )
        async with aclosing(generation) as events:
            async for event in events:
                if isinstance(event, Tokens):
                    text += event.text
                    if live:
                        yield _said(event.text)
                    yield self._step(question, text)
                elif isinstance(event, Finished):
                    finished = event
                else:
                    yield event
        if finished is None or finished.stop_reason is StopReason.CANCELLED:
            return
        took = finished.timings
        self.decode_s += took.decode_s
        self.prefill_s += took.prefill_s
        self.first_s = self.first_s or took.first_token_s
        yield question.result.model_copy(
            update={
                "text": text,
                "seed": task.seed,
                "stop_reason": str(finished.stop_reason),
                **{name: getattr(finished, name) for name in _COUNTS},
            }
        )

    def _step(self, question: _Question, said: str) -> Step:
        about = question.result
        pace = self.spent / self.asked if self.asked else None
        return Step(
            about.round, about.place, about.of, self.done, max(self.total, self.done + 1), about.file,
            (about.start, about.end), about.prompt_tokens, said,
            pace * (self.total - self.done) if pace is not None else None,
        )  # fmt: skip

    def _finished(self) -> Finished:
        """How the reply ended, with the figures of all questions that were put to the model this time."""
        last = self.answered[-1]
        counts = {name: sum(getattr(one, name) for one in self.took) for name in _COUNTS}
        drawn = counts["generated_tokens"]
        broke_off = last.stop_reason and last.stop_reason not in _ENDED and not self.task.joined
        settings = self.task.settings
        return Finished(
            id=0,
            stop_reason=StopReason(last.stop_reason) if broke_off else StopReason.END,
            segments=(Segment(from_token=0, settings=settings, seed=self.task.seed),),
            timings=Timings(
                prefill_s=self.prefill_s,
                first_token_s=self.first_s,
                decode_s=self.decode_s,
                tokens_per_s=drawn / self.decode_s if self.decode_s else 0.0,
            ),
            **counts,
        )


def _said(text: str) -> Tokens:
    """Text of the reply; it has no token ids of its own, since its prompt was another than that of the session."""
    return Tokens(id=0, text=text, token_ids=())


def _in_its_place(result: PartResult) -> str:
    """What stands for a part in the reply; that one is missing is never passed over in silence."""
    return f"[part {result.place} of {result.of} is missing]" if result.problem else result.text.strip()


_COUNTS = ("prompt_tokens", "reused_tokens", "evaluated_tokens", "generated_tokens")
