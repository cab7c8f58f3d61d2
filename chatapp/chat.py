"""One turn, from the user's text to the finished reply, for the TUI and for `ask` alike.

A `Chat` is a session that is being held: its tree in memory, the store that keeps it, the engine that answers.
Each of its verbs (send, again, go_on, edit) is an async iterator of what happens. The user's message is on disk
before the engine starts; the reply is recorded at a pace of its own, whatever that of the reader of these
events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from chatapp import fitting, forking, parts
from chatapp.answering import Answering, Generation
from chatapp.branching import Branches
from chatapp.calls import Toolbox, answer_with_tools
from chatapp.conversation.attachment import Attachment, Given
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Provenance, Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import Preset
from chatapp.conversation.session import Session, title_from
from chatapp.conversation.trace import Trace, unpack
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Loading
from chatapp.errors import Refusal
from chatapp.making_room import make_room
from chatapp.replay import Replayed, replay
from chatapp.store import Store
from chatapp.text import repair
from chatapp.turn import TurnEvent


class Chat(Answering):
    """A session that is being held."""

    def __init__(
        self,
        session: Session,
        store: Store,
        engine: Engine,
        options: ModelOptions | None = None,
        progress: Callable[[Loading], None] | None = None,
        *,
        on_full: Policy = Policy.DROP,
    ) -> None:
        super().__init__(session, store, engine, options, progress, on_full=on_full)
        self.branches = Branches(session, store)
        self.toolbox: Toolbox | None = None
        """What the model may use, where tools are offered; without it none is ever called."""
        self.files: list[Attachment] = []
        """What goes with the message that is being written."""
        self.wanted: dict[str, tuple[Given, int]] = {}
        """How much is to be given of files that do not fit, in so many tokens, by what they were read from."""

    # Each takes what is to be done once if the context window is full, in place of the session's policy.

    def send(
        self, text: str, on_full: Policy | None = None, files: Sequence[Attachment] = ()
    ) -> AsyncGenerator[TurnEvent, None]:
        """Say something at the tip of the active path, with files for the model to read.

        Raises:
            NoRoom: when it does not fit, and the policy is to ask; nothing was kept or sent.
        """
        tip = self.session.tree.tip()
        return self._ask(tip.id if tip else None, text, on_full, files)

    def edit(
        self, message_id: int, text: str, on_full: Policy | None = None, files: Sequence[Attachment] | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """Say something else in the place of an own message: a new branch beside it.

        It brings other files along, or where none are named those that the message had.

        Raises:
            NoRoom: when it does not fit, and the policy is to ask; nothing was kept or sent.
        """
        before = self.session.tree[message_id]
        return self._ask(before.parent, text, on_full, before.files if files is None else files)

    def again(self, reply_id: int, on_full: Policy | None = None) -> AsyncGenerator[TurnEvent, None]:
        """Answer once more: a sibling of a reply.

        Raises:
            NoRoom: when there is no room for a token of it, and the policy is to ask.
        """
        return self._again(self.session.tree[reply_id], on_full)

    async def _again(
        self, before: Message, on_full: Policy | None, provenance: Provenance | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """Answer once more; what goes on by parts does so with the seed of before."""
        async with aclosing(make_room(self, before.parent, on_full)) as events:
            async for event in events:
                yield event
        reply = await self.store.begin_reply(self.session.id, before.parent, provenance=provenance)
        async with aclosing(answer_with_tools(self, self.toolbox, reply, None)) as events:
            async for event in events:
                yield event

    def begin(
        self, question_id: int, beginning: str, on_full: Policy | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """Answer by a reply whose beginning a person wrote; the model goes on from exactly there.

        Raises:
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        begun = Message(0, "", question_id, Role.ASSISTANT, repair(beginning))
        return self.resume(begun, [], on_full)

    async def go_on(self, reply_id: int, on_full: Policy | None = None) -> AsyncGenerator[TurnEvent, None]:
        """Continue a reply: a sibling that copies it and goes on from exactly there.

        Raises:
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        before = self.session.tree[reply_id]
        if parts.asks_by_parts(self.session.tree, before) is not None:
            going_on = self._again(before, on_full, await parts.provenance_of(self.store, before))
        else:
            going_on = self.resume(before, await self.trace(before), on_full)
        async with aclosing(going_on) as events:
            async for event in events:
                yield event

    async def fork_at(
        self, reply_id: int, token_index: int, token_id: int, on_full: Policy | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """Put another token in the place of one of a reply: a sibling that is the same up to there, and goes on.

        With `token_index` the number of tokens that the reply has, it goes on where the reply ended. A token that
        ends the turn makes a reply that is complete.

        Raises:
            Refusal: when the token cannot be chosen there.
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        before = self.session.tree[reply_id]
        trace = await self.trace(before)
        forked, ends = await forking.fork(self.engine, before, trace, token_index, token_id)
        ended = (lambda _reply: forking.end_at_once(forked)) if ends else None
        async with aclosing(self.resume(forked, forked.records, on_full, ended)) as events:
            async for event in events:
                yield event

    async def resume(
        self,
        before: Message,
        records: Trace,
        on_full: Policy | None,
        generation: Callable[[Message], Generation] | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        """Answer by a sibling that begins as a reply does, and goes on by the engine or as is generated here.

        Raises:
            Refusal: where the question is answered by parts, which no beginning of a reply goes into.
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        if parts.asks_by_parts(self.session.tree, before) is not None:
            raise Refusal(
                "parts", "This answer is made by parts, and cannot go on from a beginning: answer again."
            )
        async with aclosing(make_room(self, before.parent, on_full, reply=before)) as events:
            async for event in events:
                yield event
        made_with = before.provenance.tokenizer
        kept = before.token_ids if made_with and made_with == (self.tokenizer or made_with) else []
        reply = await self.store.begin_reply(
            self.session.id,
            before.parent,
            text=before.text,
            token_ids=kept,
            provenance=before.provenance.model_copy(update={"continued_from": len(kept)}),
        )
        reply.records = (list(records) + [None] * len(kept))[: len(kept)]
        async with aclosing(self.answer(reply, None, generation(reply) if generation else None)) as events:
            async for event in events:
                yield event

    async def persona_of(self, reply: Message) -> Persona | None:
        """The persona that a reply was made with, as it was."""
        digest, now = reply.provenance.persona, self.session.persona
        return now if digest == now.digest else await self.store.persona(digest)

    async def replay(self, reply_id: int) -> AsyncGenerator[Replayed, None]:
        """Draw a reply again as it was drawn, and say where it first differs; nothing is kept of it.

        Raises:
            Refusal: when it cannot be replayed with the model that is loaded.
        """
        reply = self.session.tree[reply_id]
        persona = await self.persona_of(reply) or self.session.persona
        async with aclosing(replay(self.engine, self.session, persona, reply)) as events:
            async for event in events:
                yield event

    async def trace(self, message: Message) -> Trace:
        """How a message's tokens were chosen, one for each token id; empty where that was never recorded."""
        if any(message.records):
            return list(message.records)
        packed = await self.store.trace(message.id) if message.id else None
        trace = await asyncio.to_thread(unpack, packed) if packed else []
        return trace if len(trace) == len(message.token_ids) else []  # what came from elsewhere may not fit

    async def tune(self, preset: Preset | None, overrides: Mapping[str, Any]) -> None:
        """Take new sampling settings: from the next token on, and kept with the session."""
        self.session.preset = preset
        self.session.overrides = dict(overrides)
        if self.streaming is not None:
            self.engine.retune(self.settings())
        if self.session.id:
            await self.store.save_sampling(self.session.id, preset, self.session.overrides)

    async def keep_state(self) -> None:
        """Keep the KV state of the path in view on disk, if a prompt was read for it and that is worth keeping."""
        if self.recall is not None and self.prompt is not None and self.streaming is None:
            turns = fitting.turns_of(self.session, self.tokenizer)
            await self.recall.keep(self.session.uid, turns, template=self.session.persona.template)

    async def _ask(
        self, parent: int | None, text: str, on_full: Policy | None, files: Sequence[Attachment]
    ) -> AsyncGenerator[TurnEvent, None]:
        async with aclosing(make_room(self, parent, on_full, draft=text, files=files)) as events:
            async for event in events:
                yield event
        asked, reply = await self.store.begin_turn(self.session.id, parent, text, files)
        self.session.tree.add(asked)
        self.session.title = self.session.title or title_from(text)
        async with aclosing(answer_with_tools(self, self.toolbox, reply, asked)) as events:
            async for event in events:
                yield event
