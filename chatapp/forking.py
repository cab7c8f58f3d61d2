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

    Mirostat and adaptive-p go on with what they remembered there, where that was recorded, else with what they
    remembered where the settings in force there began.

    Raises:
        Refusal: when the token cannot be chosen there.
    """
    came, tokenizer = reply.provenance, engine.info.tokenizer if engine.info else ""
    if came.tokenizer != tokenizer or not 0 <= token_index <= len(reply.token_ids):
        raise Refusal("fork", "This reply has no tokens of the model that is loaded: answer again instead.")
    kept = reply.token_ids[:token_index]
    try:
        said = await engine.look.text([*kept, token_id])
    except (EngineDied, EngineError) as error:
        raise Refusal("engine", str(error)) from error
    drawn = tuple(one for one in came.segments if one.from_token <= token_index)
    places = (*(place for place in came.chosen if place < token_index), *(() if said.ends else (token_index,)))
    records = (trace + [None] * (token_index + 1))[: token_index + 1]
    there = records.pop()
    memory = (there.memory if there else None) or (drawn[-1].memory if drawn else Memory())
    provenance = came.model_copy(update={"segments": drawn, "memory": memory, "chosen": places})
    if said.ends:
        return replace(reply, text=said.text, token_ids=kept, records=records, provenance=provenance), True
    records.append(_chosen(there, token_id))
    ids = [*kept, token_id]
    return replace(reply, text=said.text, token_ids=ids, records=records, provenance=provenance), False


def _chosen(record: TokenRecord | None, token_id: int) -> TokenRecord | None:
    """The record of a token of which another one was chosen, where that one was among its candidates."""
    candidates = record.candidates if record else ()
    place = next((place for place, one in enumerate(candidates) if one.id == token_id), None)
    if record is None or place is None:
        return None
    one = candidates[place]
    return record.model_copy(
        update={
            "id": one.id,
            "hex": one.hex,
            "special": one.special,
            "logprob": one.logit - record.log_z,
            "rank": place + 1,
            "p": one.p,
        }
    )


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
