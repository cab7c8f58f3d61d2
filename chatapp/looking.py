"""Looking at how one token of a reply is decided: where it stands, with what it was drawn, and what is true of it.

The engine keeps the logits of the token that it was asked about last, so that other settings can be tried on them
without another evaluation. Whoever asks about another token in between takes that place: then it is asked anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from chatapp import fitting
from chatapp.chat import Chat
from chatapp.conversation.decision import Decision, Token
from chatapp.conversation.message import Message, Segment
from chatapp.conversation.sampling import RANDOM_SEED, SamplingSettings
from chatapp.engine.client import EngineDied, EngineError
from chatapp.errors import Refusal

NOTHING: Mapping[str, Any] = MappingProxyType({})
_SHOWN = 50
_BEFORE = 40
"""Tokens of the reply whose text is shown before the one that is looked at."""


@dataclass(frozen=True)
class Seen:
    """One decision, and what it is a decision about."""

    reply: Message
    index: int
    """The token's place in the reply; the number of its tokens for the one that would come next."""
    decision: Decision
    settings: SamplingSettings
    before: str
    """What the reply says before it, or the end of that."""
    there: Token | None = None
    """The token that the reply has in that place."""
    note: str = ""
    """Where this is not how the reply came to be, and why, in one sentence."""


async def look(
    chat: Chat, reply: Message, index: int, tried: Mapping[str, Any] = NOTHING, *, along: bool = False
) -> Seen:
    """How a token of a reply was decided, or how the next one would be: with the settings and the seed it has.

    Settings that are `tried` take the place of those it was drawn with. Waits for a running reply. Costs one token
    where the KV cache holds the reply; the cache is left as it is, or where it goes `along` holds what is before.

    Raises:
        Refusal: when it cannot be shown.
    """
    if chat.engine.info is None or (reply.token_ids and reply.provenance.tokenizer != chat.engine.info.tokenizer):
        raise Refusal("look", "This reply is not made of the tokens of the model that is loaded.")
    drawn = await _drawn_with(chat, reply, index)
    drawn = drawn.model_copy(update={"settings": drawn.settings.model_copy(update=dict(tried))})
    begun = reply.token_ids[:index]
    try:
        decision = await _decide(chat, reply, index, drawn, along=along)
        before = (await chat.engine.look.text(begun[-_BEFORE:])).text
        there = await _token_at(chat, reply, index, decision)
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error
    return Seen(reply, index, decision, drawn.settings, before, there, _note(chat, reply, index, decision))


async def restage(chat: Chat, seen: Seen, settings: SamplingSettings) -> Seen:
    """The same token with other settings, from the same logits; also while a reply is running.

    Raises:
        Refusal: when it cannot be decided with them.
    """
    drawn = (await _drawn_with(chat, seen.reply, seen.index)).model_copy(update={"settings": settings})
    try:
        decision = await chat.engine.look.restage(
            settings, seed=drawn.seed, memory=drawn.memory, top=_SHOWN, curves=True
        )
        if not _same_token(decision, seen.decision):
            decision = await _decide(chat, seen.reply, seen.index, drawn)
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error
    return replace(seen, decision=decision, settings=settings)


async def _decide(chat: Chat, reply: Message, index: int, drawn: Segment, *, along: bool = False) -> Decision:
    if chat.recall is not None:
        await chat.recall.bring_back(chat.session.uid)
    prompt = await fitting.prepare(chat.session, chat.engine, chat.session.tree.path_to(reply.parent))
    return await chat.engine.look.decide(
        prompt.turns,
        drawn.settings,
        drawn.seed,
        template=chat.session.persona.template,
        begun=reply.token_ids[:index],
        memory=drawn.memory,
        top=_SHOWN,
        curves=True,
        along=along,
    )


def _same_token(one: Decision, other: Decision) -> bool:
    return (one.log_z, one.prompt_tokens) == (other.log_z, other.prompt_tokens)


async def _drawn_with(chat: Chat, reply: Message, index: int) -> Segment:
    """The settings, the seed and the memory that a token was drawn with, or that the next one would be."""
    came = reply.provenance
    segments = [one for one in came.segments if one.from_token <= index]
    if index >= len(reply.token_ids) or not segments:
        settings = chat.session.sampling().settings
        known = came.segments[-1].seed if came.segments else 0
        seed = settings.seed if settings.seed != RANDOM_SEED else known
        return Segment(from_token=index, settings=settings, seed=seed, memory=came.memory)
    segment = segments[-1]
    if not (segment.settings.mirostat or segment.settings.adaptive_target):
        return segment
    trace = await chat.trace(reply)
    record = trace[index] if index < len(trace) else None
    return segment.model_copy(update={"memory": (record.memory if record else None) or segment.memory})


async def _token_at(chat: Chat, reply: Message, index: int, decision: Decision) -> Token | None:
    """The token that a reply has in a place, with its bytes."""
    if index >= len(reply.token_ids):
        return None
    token = reply.token_ids[index]
    if token == decision.draw.token.id:
        return decision.draw.token
    known = next((row for row in decision.rows if row.id == token), None)
    if known is not None:
        return Token(id=known.id, hex=known.hex, special=known.special)
    text = (await chat.engine.look.text([token])).text
    return Token(id=token, hex=text.encode().hex())


def _note(chat: Chat, reply: Message, index: int, decision: Decision) -> str:
    """Why what is shown is not what happened, where it is not."""
    came, info = reply.provenance, chat.engine.info
    if index >= len(reply.token_ids):
        return ""
    prompt = decision.prompt_tokens - index
    reasons = {
        "You chose this token: it was not drawn.": index in came.chosen,
        "This token was not drawn here: shown is how this model would draw it.": not any(
            one.from_token <= index for one in came.segments
        ),
        "Another model wrote this: shown is how the present one would go on.": info is not None
        and came.model_fingerprint != info.fingerprint,
        "The prompt was another when this was written.": came.prompt_tokens > 0
        and prompt != came.prompt_tokens - came.continued_from,
        "Drawn from slightly other numbers: only the reproducible mode repeats a draw exactly.": (
            reply.token_ids[index] != decision.draw.token.id
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
