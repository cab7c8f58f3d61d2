"""A reply as far as another token that a person chose: where a fork begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from chatapp.conversation.decision import Memory, TokenRecord
from chatapp.conversation.message import Message, StopReason, Timings
from chatapp.conversation.trace import Trace
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.protocol import Finished
from chatapp.errors import Refusal


async def fork(
    engine: Engine, reply: Message, trace: Trace, token_index: int, token_id: int
) -> tuple[Message, bool]:
    """A reply with another token in the place of one, and nothing behind it; and whether that token ends the turn.

    Raises:
        Refusal: when the token cannot be chosen there.
    """
    begun = _beginning(engine, reply, trace, token_index)
    try:
        said = await engine.look.text([*begun.token_ids, token_id])
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error
    begun.text = said.text
    if said.ends:
        return begun, True
    there = trace[token_index] if token_index < len(trace) else None
    begun.token_ids.append(token_id)
    begun.records.append(_chosen(there, token_id))
    chosen = (*begun.provenance.chosen, token_index)
    begun.provenance = begun.provenance.model_copy(update={"chosen": chosen})
    return begun, False


async def beginning(engine: Engine, reply: Message, trace: Trace, token_index: int) -> Message:
    """A reply as far as one of its tokens, ready to go on from there.

    Raises:
        Refusal: when it cannot be.
    """
    begun = _beginning(engine, reply, trace, token_index)
    try:
        begun.text = (await engine.look.text(begun.token_ids)).text
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error
    return begun


def _beginning(engine: Engine, reply: Message, trace: Trace, token_index: int) -> Message:
    """The same, but for its text.

    Mirostat and adaptive-p go on with what they remembered there, where that was recorded, else with what they
    remembered where the settings in force there began.
    """
    came, tokenizer = reply.provenance, engine.info.tokenizer if engine.info else ""
    if came.tokenizer != tokenizer or not 0 <= token_index <= len(reply.token_ids):
        raise Refusal("fork", "This reply has no tokens of the model that is loaded: answer again instead.")
    drawn = tuple(one for one in came.segments if one.from_token <= token_index)
    there = trace[token_index] if token_index < len(trace) else None
    ended = token_index == len(reply.token_ids)
    memory = (
        came.memory if ended else (there.memory if there else None) or (drawn[-1].memory if drawn else Memory())
    )
    return replace(
        reply,
        token_ids=reply.token_ids[:token_index],
        records=(trace + [None] * token_index)[:token_index],
        provenance=came.model_copy(
            update={
                "segments": drawn,
                "memory": memory,
                "chosen": tuple(place for place in came.chosen if place < token_index),
            }
        ),
    )


def _chosen(record: TokenRecord | None, token_id: int) -> TokenRecord | None:
    """The record of a token of which another one was chosen, where that one was among its candidates."""
    candidates = record.candidates if record else ()
    place = next((place for place, one in enumerate(candidates) if one.id == token_id), None)
    if record is None or place is None:
        return None
    one = candidates[place]
    told = {"id": one.id, "hex": one.hex, "special": one.special}
    chances = {"logprob": one.logit - record.log_z, "rank": place + 1, "p": one.p}
    # A copy of the record would keep the bytes of the other token.
    kept = {name: getattr(record, name) for name in TokenRecord.model_fields}
    return TokenRecord(**(kept | told | chances))


async def end_at_once(reply: Message) -> AsyncGenerator[Finished, None]:
    """The end of a reply that nothing is added to."""
    came = reply.provenance
    prompt = came.prompt_tokens - came.continued_from + len(reply.token_ids)
    yield Finished(
        id=0,
        stop_reason=StopReason.END,
        prompt_tokens=prompt,
        reused_tokens=prompt,
        evaluated_tokens=0,
        generated_tokens=0,
        segments=came.segments[-1:],
        memory=came.memory,
        timings=Timings(),
    )
