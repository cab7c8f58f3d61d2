"""Draws a reply again, with the settings and seeds that it was drawn with, and compares token by token.

Where it first differs it stops: up to there the two are the same, so that nothing need be forced. In reproducible
mode a reply made in that mode must come out the same to its end; in the fast mode logits depend on how the prompt
was cut into batches, and the first place where that shows is what is reported.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from chatapp import fitting
from chatapp.conversation.message import Message, Role, Segment, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import Session
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.protocol import Tokens
from chatapp.errors import Refusal


@dataclass(frozen=True)
class Replayed:
    """How far a replay has come."""

    done: int
    """Tokens that were drawn again, and were the same."""
    total: int
    """Tokens of the reply that a model drew."""
    differs_at: int | None = None
    """The place in the reply (from 0) of the first token that was not the same."""
    was: str = ""
    """What stood there; empty where the reply had ended."""
    now: str = ""
    """What was drawn this time; empty where the reply would end."""


@dataclass(frozen=True)
class _Stretch:
    """Tokens that were drawn one after the other with one set of settings."""

    segment: Segment
    start: int
    stop: int
    ends: bool
    """Whether the model ended its turn after them."""


async def replay(
    engine: Engine, session: Session, persona: Persona, reply: Message
) -> AsyncGenerator[Replayed, None]:
    """Draw a reply again; the last that comes is the verdict.

    Args:
        engine: with the model that the reply was made by.
        session: the session that it stands in.
        persona: the persona as it was then.
        reply: the reply, whole.

    Raises:
        Refusal: when it cannot be replayed here, or the engine fails.
    """
    _must_be_the_same(engine, reply)
    stretches = list(_stretches(reply))
    total = sum(one.stop - one.start for one in stretches)
    was_held = replace(session, persona=persona)
    done = 0
    try:
        for stretch in stretches:
            here = stretch.start
            async with aclosing(_drawn(engine, was_held, reply, stretch)) as drawn:
                async for token in drawn:
                    same = here < stretch.stop and token == reply.token_ids[here]
                    if not same:
                        was = reply.token_ids[here] if here < stretch.stop else None
                        yield await _differing(engine, Replayed(done, total, here), was, token)
                        return
                    here, done = here + 1, done + 1
                    yield Replayed(done, total)
                    if here == stretch.stop and not stretch.ends:
                        break
            if here < stretch.stop:  # it ended its turn where it had gone on
                yield await _differing(engine, Replayed(done, total, here), reply.token_ids[here], None)
                return
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error


def _must_be_the_same(engine: Engine, reply: Message) -> None:
    came, info = reply.provenance, engine.info
    if not reply.token_ids or not came.segments:
        raise Refusal("replay", "No model drew this text here: there is nothing to draw again.")
    if info is None:
        raise Refusal("replay", "No model is loaded.")
    if info.fingerprint != came.model_fingerprint:
        raise Refusal(
            "replay", f"It was made by {came.model_name or 'another model'}: load that one to replay it."
        )


def _stretches(reply: Message) -> Iterator[_Stretch]:
    """What a model drew: without the beginning that was given to it, and the tokens that a person chose."""
    came, end = reply.provenance, len(reply.token_ids)
    turn_ended = came.stop_reason in {StopReason.END, StopReason.STOP_STRING}
    for segment, following in zip(came.segments, [*came.segments[1:], None], strict=True):
        stop = min(end, following.from_token) if following else end
        chosen = [place for place in came.chosen if segment.from_token <= place < stop]
        stop = min(chosen, default=stop)
        ends = turn_ended and following is None and not chosen
        if stop > segment.from_token or ends:
            yield _Stretch(segment, segment.from_token, stop, ends)


async def _drawn(engine: Engine, session: Session, reply: Message, stretch: _Stretch) -> AsyncGenerator[int, None]:
    """The tokens that come this time, at most one more than there were."""
    kept = reply.token_ids[: stretch.start]
    text = (await engine.look.text(kept)).text if kept else ""
    begun = Message(0, "", reply.parent, Role.ASSISTANT, text, token_ids=kept, provenance=reply.provenance)
    path = session.tree.path_to(reply.parent)
    prompt = await fitting.prepare(session, engine, path, reply=begun if kept else None)
    if prompt.plan.left_out != reply.provenance.left_out:
        raise Refusal("replay", "Other messages are in the context window now: the prompt is not what it was.")
    settings = stretch.segment.settings.model_copy(update={"max_tokens": stretch.stop - stretch.start + 1})
    async with aclosing(
        engine.generate(
            prompt.turns,
            settings,
            stretch.segment.seed,
            template=session.persona.template,
            open_last=bool(kept),
            first_index=stretch.start,
            memory=stretch.segment.memory,
        )
    ) as events:
        async for event in events:
            for token in event.token_ids if isinstance(event, Tokens) else ():
                yield token


async def _differing(engine: Engine, so_far: Replayed, was: int | None, now: int | None) -> Replayed:
    """The verdict, with both tokens as text."""
    was_said, now_said = [(await engine.look.text([one])).text if one is not None else "" for one in (was, now)]
    return replace(so_far, was=was_said, now=now_said)
