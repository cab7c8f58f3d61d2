"""Room for what comes next: the oldest turns leave the context window, by a bare cut or summed up by the model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from chatapp import fitting
from chatapp.answering import Answering, seed_for
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Segment
from chatapp.engine.client import EngineDied
from chatapp.engine.protocol import Finished, Prefill, Tokens
from chatapp.provenance import begun
from chatapp.turn import Bordered, TurnEvent


async def make_room(
    chat: Answering,
    parent: int | None,
    on_full: Policy | None,
    *,
    draft: str = "",
    files: Sequence[Attachment] = (),
    reply: Message | None = None,
) -> AsyncGenerator[TurnEvent, None]:
    """Leave out the oldest turns, as the policy says, until a prompt fits.

    An engine that has died is not waited for, since nothing is kept yet: `Answering.prepare` looks again.

    Raises:
        NoRoom: when nothing may leave, or the policy is to ask.
    """
    if not chat.engine.alive:
        return
    policy = on_full or chat.room.policy
    path = chat.session.tree.path_to(parent)
    while not (prompt := await chat.room.prepare(path, draft=draft, files=files, reply=reply)).plan.fits:
        # Who asks for an answer again, or for more of one, takes a short one too; so does who sends it anyway.
        if policy is Policy.STOP:
            if prompt.plan.leaves_room and (not draft or on_full):
                return
            raise fitting.NoRoom(prompt.plan)
        choose = fitting.border_by_dropping if policy is Policy.DROP else fitting.border_by_summary
        last = choose(prompt, keep_last=not draft)
        if last is None:  # nothing more may leave
            if prompt.plan.leaves_room:
                return
            raise fitting.NoRoom(prompt.plan)
        if policy is Policy.DROP:
            yield Bordered(await chat.room.cut(last))
            continue
        if draft:
            await chat.store.save_draft(chat.session.id, draft)  # on disk before the model starts
        async with aclosing(_summarise(chat, prompt, last)) as events:
            async for event in events:
                yield event


async def _summarise(chat: Answering, prompt: fitting.Prompt, last: Message) -> AsyncGenerator[TurnEvent, None]:
    """Have the model write a summary of what leaves, for everyone to see.

    Raises:
        NoRoom: when it was stopped or came to nothing.
    """
    summary = await chat.store.begin_summary(chat.session.id, last.id)
    async with aclosing(chat.answer(summary, None, _sum_up(chat, summary, prompt, last))) as events:
        async for event in events:
            yield event
    if not summary.holds:
        raise fitting.NoRoom(prompt.plan)


async def _sum_up(
    chat: Answering, summary: Message, prompt: fitting.Prompt, last: Message
) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
    info = chat.engine.info
    if info is None:
        raise EngineDied("The engine is not running.")
    turns, settings = await fitting.summary_request(chat.engine, prompt.window, last)
    seed = seed_for(settings)
    draws = Segment(from_token=0, settings=settings, seed=seed)
    summary.provenance = begun(chat.session, summary, info, draws, continued=False)
    async with aclosing(chat.engine.generate(turns, settings, seed)) as events:
        async for event in events:
            yield event
