"""Several replies to one message at the same time, from their beginning in the store to the choice among them.

All of them are on disk, in one transaction, before the engine starts; each is recorded and ended like any reply.
They are siblings. What is not kept goes to the trash, and comes back from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chatapp.chat import Chat
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Segment
from chatapp.conversation.session import title_from
from chatapp.conversation.variation import Variation
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Finished, Prefill, Tokens, Way
from chatapp.making_room import make_room
from chatapp.outcome import Outcome
from chatapp.provenance import begun
from chatapp.recording import Record
from chatapp.turn import Bordered, Ended, TurnEvent


@dataclass(frozen=True)
class WaysBegan:
    """They are on disk: what was asked, if it is new, and the replies that start to stream."""

    asked: Message | None
    replies: tuple[Message, ...]


@dataclass(frozen=True)
class OfWay:
    """Something happened to one of them."""

    way: int
    event: Tokens | Ended


WaysEvent = TurnEvent | WaysBegan | OfWay


async def ask_many(
    chat: Chat,
    parent: int | None,
    wanted: Sequence[Variation],
    *,
    text: str | None = None,
    files: Sequence[Attachment] = (),
    record: int = 0,
    on_full: Policy | None = None,
) -> AsyncGenerator[WaysEvent, None]:
    """Reply in several ways, each with its own settings and seed.

    Args:
        chat: The session, with its engine and its store.
        parent: The message that is answered; with a text, the one that the text follows.
        wanted: What each is drawn with.
        text: What is said now, if anything is.
        files: What goes with it.
        record: So many candidates of each token are recorded.
        on_full: What is done once if the context window is full, in place of the session's policy.

    Raises:
        NoRoom: when the prompt does not fit, and the policy is to ask; nothing was kept or sent.
    """
    async with aclosing(make_room(chat, parent, on_full, draft=text or "", files=files)) as making:
        async for happened in making:
            yield happened
    asked, replies = await chat.store.begin_many(
        chat.session.id, parent, text=text, count=len(wanted), files=files
    )
    tree = chat.session.tree
    for message in filter(None, (asked, *replies)):
        tree.add(message)
    tree.activate(replies[0].id)
    if text is not None:
        chat.session.title = chat.session.title or title_from(text)
    writing = [_Writing(chat, reply) for reply in replies]
    chat.streaming, chat.stopping = replies[0], False
    failure: EngineDied | EngineError | None = None
    try:
        yield WaysBegan(asked, tuple(replies))
        async with aclosing(_generate(chat, replies, wanted, record)) as events:
            async for event in events:
                if isinstance(event, OfWay) and isinstance(event.event, Tokens):
                    writing[event.way].take(event.event)
                elif isinstance(event, Finished):
                    yield OfWay(event.way, await writing[event.way].end(Outcome(event)))
                    continue
                yield event
    except (EngineDied, EngineError) as error:
        failure = error
    finally:
        # Also when the reader went away: no reply is left as if it still streamed.
        chat.streaming = None
        rest = [way for way, one in enumerate(writing) if not one.ended]
        if rest and failure is None:
            chat.engine.cancel()
        ends = asyncio.gather(*(writing[way].end(Outcome(failure=failure)) for way in rest))
        ended = await asyncio.shield(ends)
    for way, end in zip(rest, ended, strict=True):
        yield OfWay(way, end)


async def _generate(
    chat: Chat, replies: Sequence[Message], wanted: Sequence[Variation], record: int
) -> AsyncGenerator[Bordered | Prefill | OfWay | Finished, None]:
    async with aclosing(chat.prepare(replies[0])) as preparing:
        async for before in preparing:
            if isinstance(before, Tokens):  # all begin as the persona has it
                for way in range(len(replies)):
                    yield OfWay(way, before)
            else:
                yield before
    info, prompt = chat.engine.info, chat.prompt
    if chat.stopping or info is None or prompt is None:
        return
    for reply, one in zip(replies, wanted, strict=True):
        draws = Segment(from_token=len(reply.token_ids), settings=one.settings, seed=one.seed)
        reply.provenance = begun(
            chat.session, reply, info, draws, left_out=prompt.plan.left_out, preset=one.preset
        )
    events = chat.engine.generate_many(
        prompt.turns,
        [Way(settings=one.settings, seed=one.seed) for one in wanted],
        template=chat.session.persona.template,
        open_last=prompt.open_last,
        first_index=len(replies[0].token_ids),
        record=record,
    )
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                chat.cache = event.cache
            yield OfWay(event.way, event) if isinstance(event, Tokens) else event


class _Writing:
    """One of the replies while it is written."""

    def __init__(self, chat: Chat, reply: Message) -> None:
        self._chat = chat
        self._reply = reply
        self._record = Record(chat.store, reply, chat.tell_saving)
        self.ended = False

    def take(self, said: Tokens) -> None:
        """Add what was said."""
        reply = self._reply
        reply.text += said.text
        reply.token_ids += said.token_ids
        reply.records += said.records or [None] * len(said.token_ids)
        self._record.add(said.text, said.token_ids)

    async def end(self, outcome: Outcome) -> Ended:
        """Give it its status and its provenance, in memory and on disk."""
        self.ended = True
        reply = self._reply
        reply.status, reply.provenance = outcome.of(reply, stopped=self._chat.stopping)
        await asyncio.shield(self._record.close())
        return Ended(reply)
