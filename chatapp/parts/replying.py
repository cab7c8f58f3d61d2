"""A reply that is made by parts: the question that asks for it, its results in the store, its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from chatapp.conversation.by_parts import ByParts
from chatapp.conversation.message import Message, Provenance, Segment, StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.parts.plan import Task, planned
from chatapp.parts.working import Event, Worked, work
from chatapp.store import Store


def asks_by_parts(tree: Tree, reply: Message) -> Message | None:
    """The question of a reply, where it wants a document read by parts."""
    asked = tree.get(reply.parent or 0)
    return asked if asked is not None and any(file.given.by_parts for file in asked.files) else None


def task_of(session: Session, asked: Message, settings: SamplingSettings, seed: int) -> Task:
    """What a question wants of its documents."""
    by_parts = tuple(file for file in asked.files if file.given.by_parts)
    return Task(
        session.persona,
        settings,
        seed,
        asked.text,
        by_parts,
        beside=tuple(file for file in asked.files if not file.given.by_parts),
        joined=any(file.given.joined for file in by_parts),
    )


def first_seed(session: Session, asked: Message) -> int:
    """The seed of a first answer where none is chosen: who asks the same again finds what was answered."""
    asks = [session.persona.digest, asked.text, *(file.source or file.document.text for file in asked.files)]
    return int.from_bytes(hashlib.sha256("\0".join(asks).encode("utf-8", "surrogatepass")).digest()[:4]) >> 1


async def provenance_of(store: Store, before: Message) -> Provenance:
    """What a reply that goes on knows of the one before: the seed, also of one whose process was killed."""
    results = await store.parts.of(before.id)
    if before.provenance.segments or not results:
        return before.provenance
    seed = next((one.seed for one in results if one.digest), 0)
    return Provenance(segments=(Segment(from_token=0, settings=SamplingSettings(), seed=seed),))


async def reply_by_parts(
    task: Task,
    store: Store,
    engine: Engine,
    options: ModelOptions,
    *,
    reply: Message,
    stopping: Callable[[], bool],
) -> AsyncGenerator[Event, None]:
    """Write a reply by parts; its provenance says at any moment how far that is. For what it raises see `work`."""
    plan = await planned(task, engine)
    made = ByParts(parts=len(plan.pieces), joined=task.joined)
    keep = partial(store.parts.keep, reply.id)
    events = work(task, plan, engine, options, keep=keep, find=store.parts.find, stopping=stopping)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Worked):
                made = _with(made, event)
            reply.provenance = reply.provenance.model_copy(update={"by_parts": made})
            yield event


def _with(made: ByParts, worked: Worked) -> ByParts:
    result, update = worked.result, {"kept": made.kept + worked.before}
    if result.round:
        return made.model_copy(update=update | {"rounds": max(made.rounds, result.round)})
    if result.problem:
        return made.model_copy(update=update | {"failed": (*made.failed, result.place)})
    cut = result.stop_reason not in {StopReason.END, StopReason.STOP_STRING}
    more = {"done": made.done + 1, "cut_off": (*made.cut_off, result.place) if cut else made.cut_off}
    return made.model_copy(update=update | more)
