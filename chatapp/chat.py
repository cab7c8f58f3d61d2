"""One turn, from the user's text to the finished reply, for the TUI and for `ask` alike.

A `Chat` is a session that is being held: its tree in memory, the store that keeps it, the engine that answers.
Each of its verbs (send, again, go_on, edit) is an async iterator of what happens. The user's message is on disk
before the engine starts; the reply is recorded at a pace of its own, whatever that of the reader of these
events.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from chatapp import fitting, forking
from chatapp.branching import Branches
from chatapp.config import Settings
from chatapp.conversation.attachment import Attachment, Given
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Role, Segment
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import RANDOM_SEED, Preset, SamplingSettings
from chatapp.conversation.session import Session, title_from
from chatapp.conversation.trace import Trace, unpack
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import CacheUse, Finished, Loading, Prefill, Tokens
from chatapp.engine.recall import Recall
from chatapp.outcome import Outcome
from chatapp.provenance import begun
from chatapp.recording import Record, Saving
from chatapp.replay import Replayed, replay
from chatapp.room import Room
from chatapp.store import Store
from chatapp.text import repair

_SEEDS = random.SystemRandom()


@dataclass(frozen=True)
class Began:
    """The turn is on disk: what was asked, if it is new, and the reply that starts to stream.

    A summary of what leaves the context window begins and ends like a reply, before the turn that needs the room.
    """

    asked: Message | None
    reply: Message


@dataclass(frozen=True)
class Bordered:
    """The oldest turns are left out from here on: a border was drawn, and is on disk."""

    border: Message


@dataclass(frozen=True)
class Ended:
    """The reply is final, and on disk unless an `Unsaved` said otherwise."""

    reply: Message


TurnEvent = Bordered | Began | Prefill | Tokens | Ended


def model_options(path: str, settings: Settings, *, reproducible: bool = False) -> ModelOptions:
    """How a model is loaded, with the user's settings."""
    return ModelOptions(
        path=path,
        n_ctx=settings.context or None,
        n_threads=settings.threads or None,
        n_gpu_layers=settings.gpu_layers,
        n_batch=settings.batch,
        n_ubatch=min(settings.ubatch, settings.batch),
        kv_type=settings.kv_type,
        mmap=settings.mmap,
        mlock=settings.mlock,
        states_limit=settings.kv_memory_mb * 2**20,
        reproducible=reproducible,
    )


class Chat:
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
        self.session = session
        self.store = store
        self.engine = engine
        self.options = options
        self.progress = progress
        self.on_saving: Callable[[Saving], None] = lambda _saving: None
        """Told when the disk refuses a reply, and when it takes it after all, be it long after its end."""
        self.room = Room(session, store, engine, on_full)
        self.branches = Branches(session, store)
        self.recall: Recall | None = None
        """What keeps the KV state of this session on disk, where that is wished."""
        self.prompt: fitting.Prompt | None = None
        """The prompt that was sent last."""
        self.cache: CacheUse | None = None
        """What the KV cache held when that prompt came."""
        self.foreign = False
        """Whether the prompt before it was another session's."""
        self.streaming: Message | None = None
        self.record = 0
        """So many candidates of each token are recorded while replies stream; 0 records nothing."""
        self.files: list[Attachment] = []
        """What goes with the message that is being written."""
        self.wanted: dict[str, tuple[Given, int]] = {}
        """How much is to be given of files that do not fit, in so many tokens, by what they were read from."""
        self.stopping = False
        """Whether the running reply was asked to stop; it may not even have started, with an engine that loads."""

    # The verbs ----------------------------------------------------------------------------------------------

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

    async def again(self, reply_id: int, on_full: Policy | None = None) -> AsyncGenerator[TurnEvent, None]:
        """Answer once more: a sibling of a reply.

        Raises:
            NoRoom: when there is no room for a token of it, and the policy is to ask.
        """
        parent = self.session.tree[reply_id].parent
        async with aclosing(self.make_room(parent, on_full)) as events:
            async for event in events:
                yield event
        reply = await self.store.begin_reply(self.session.id, parent)
        async with aclosing(self._answer(reply, None)) as events:
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
        return self._resume(begun, [], on_full)

    async def go_on(self, reply_id: int, on_full: Policy | None = None) -> AsyncGenerator[TurnEvent, None]:
        """Continue a reply: a sibling that copies it and goes on from exactly there.

        Raises:
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        before = self.session.tree[reply_id]
        async with aclosing(self._resume(before, await self.trace(before), on_full)) as events:
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
        ended = forking.end_at_once(forked) if ends else None
        async with aclosing(self._resume(forked, forked.records, on_full, ended)) as events:
            async for event in events:
                yield event

    async def _resume(
        self,
        before: Message,
        records: Trace,
        on_full: Policy | None,
        generation: AsyncGenerator[Bordered | Prefill | Tokens | Finished, None] | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        """Answer by a sibling that begins as a reply does."""
        async with aclosing(self.make_room(before.parent, on_full, reply=before)) as events:
            async for event in events:
                yield event
        same = bool(before.token_ids) and before.provenance.tokenizer == self._tokenizer
        kept = before.token_ids if same else []
        reply = await self.store.begin_reply(
            self.session.id,
            before.parent,
            text=before.text,
            token_ids=kept,
            provenance=before.provenance.model_copy(update={"continued_from": len(kept)}),
        )
        reply.records = (list(records) + [None] * len(kept))[: len(kept)]
        async with aclosing(self._answer(reply, None, generation)) as events:
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
        return await asyncio.to_thread(unpack, packed) if packed else []

    def stop(self) -> None:
        """Ask the running reply to stop; what was said is kept."""
        if self.streaming is not None:
            self.stopping = True
            self.engine.cancel()

    # Settings -----------------------------------------------------------------------------------------------

    async def tune(self, preset: Preset | None, overrides: Mapping[str, Any]) -> None:
        """Take new sampling settings: from the next token on, and kept with the session."""
        self.session.preset = preset
        self.session.overrides = dict(overrides)
        if self.streaming is not None:
            self.engine.retune(self._settings())
        if self.session.id:
            await self.store.save_sampling(self.session.id, preset, self.session.overrides)

    # Room in the context window -----------------------------------------------------------------------------

    async def make_room(
        self,
        parent: int | None,
        on_full: Policy | None,
        *,
        draft: str = "",
        files: Sequence[Attachment] = (),
        reply: Message | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        """Leave out the oldest turns, as the policy says, until a prompt fits.

        An engine that has died is not waited for, since nothing is kept yet: `_generate` looks again.
        """
        if not self.engine.alive:
            return
        policy = on_full or self.room.policy
        path = self.session.tree.path_to(parent)
        while not (prompt := await self.room.prepare(path, draft=draft, files=files, reply=reply)).plan.fits:
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
                yield Bordered(await self.room.cut(last))
                continue
            if draft:
                await self.store.save_draft(self.session.id, draft)  # on disk before the model starts
            async with aclosing(self._summarise(prompt, last)) as events:
                async for event in events:
                    yield event

    async def _summarise(self, prompt: fitting.Prompt, last: Message) -> AsyncGenerator[TurnEvent, None]:
        """Have the model write a summary of what leaves, for everyone to see.

        Raises:
            NoRoom: when it was stopped or came to nothing.
        """
        summary = await self.store.begin_summary(self.session.id, last.id)
        async with aclosing(self._answer(summary, None, self._sum_up(summary, prompt, last))) as events:
            async for event in events:
                yield event
        if not summary.holds:
            raise fitting.NoRoom(prompt.plan)

    async def _sum_up(
        self, summary: Message, prompt: fitting.Prompt, last: Message
    ) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        info = self.engine.info
        if info is None:
            raise EngineDied("The engine is not running.")
        turns, settings = await fitting.summary_request(self.engine, prompt.window, last)
        seed = _SEEDS.getrandbits(31)
        draws = Segment(from_token=0, settings=settings, seed=seed)
        summary.provenance = begun(self.session, summary, info, draws, continued=False)
        async with aclosing(self.engine.generate(turns, settings, seed)) as events:
            async for event in events:
                yield event

    async def keep_state(self) -> None:
        """Keep the KV state of the path in view on disk, if a prompt was read for it and that is worth keeping."""
        if self.recall is not None and self.prompt is not None and self.streaming is None:
            turns = fitting.turns_of(self.session, self._tokenizer)
            await self.recall.keep(self.session.uid, turns, template=self.session.persona.template)

    def _settings(self) -> SamplingSettings:
        return self.session.sampling().settings

    @property
    def _tokenizer(self) -> str:
        return self.engine.info.tokenizer if self.engine.info else ""

    # One turn -----------------------------------------------------------------------------------------------

    async def _ask(
        self, parent: int | None, text: str, on_full: Policy | None, files: Sequence[Attachment]
    ) -> AsyncGenerator[TurnEvent, None]:
        async with aclosing(self.make_room(parent, on_full, draft=text, files=files)) as events:
            async for event in events:
                yield event
        asked, reply = await self.store.begin_turn(self.session.id, parent, text, files)
        self.session.tree.add(asked)
        self.session.title = self.session.title or title_from(text)
        async with aclosing(self._answer(reply, asked)) as events:
            async for event in events:
                yield event

    async def _answer(
        self,
        reply: Message,
        asked: Message | None,
        generation: AsyncGenerator[Bordered | Prefill | Tokens | Finished, None] | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        self.session.tree.add(reply)
        self.streaming, self.stopping = reply, False
        record = Record(self.store, reply, self.tell_saving)
        outcome = Outcome()
        try:
            yield Began(asked, reply)
            async with aclosing(generation or self._generate(reply)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        outcome.finished = event
                        continue
                    if isinstance(event, Tokens):
                        reply.text += event.text
                        reply.token_ids += event.token_ids
                        reply.records += event.records or [None] * len(event.token_ids)
                        reply.provenance = reply.provenance.with_segments(event.segments)
                        record.add(event.text, event.token_ids)
                    yield event
        except (EngineDied, EngineError) as error:
            outcome.failure = error
        finally:
            # Also when the reader went away: the reply is never left as if it still streamed.
            self.streaming = None
            if outcome.finished is None and outcome.failure is None:
                self.engine.cancel()
            reply.status, reply.provenance = outcome.of(reply, stopped=self.stopping)
            await asyncio.shield(record.close())
        yield Ended(reply)

    def tell_saving(self, saving: Saving) -> None:
        """The disk refuses a reply, or takes it after all."""
        self.on_saving(saving)

    async def prepare(self, reply: Message) -> AsyncGenerator[Bordered | Tokens, None]:
        """Bring the engine to where it can write a reply, and make `prompt`; that of before stays when it stops.

        Raises:
            EngineError: when no model can be loaded, or the prompt does not fit.
            EngineDied: when the process has ended.
        """
        if self.options is None:
            raise EngineError("No model is chosen yet.", "load")
        await self.engine.ensure(self.options, self.progress)
        if self.recall is not None:
            await self.recall.bring_back(self.session.uid)
        if self.stopping:
            return
        persona = self.session.persona
        path = self.session.tree.path_to(reply.parent)
        goes_on = bool(reply.text or reply.token_ids)  # a character may need more than one token
        opening = "" if goes_on else persona.prefill
        if opening or (goes_on and not reply.token_ids):  # with its ids, which the KV cache will hold
            ids = await self.engine.prompts.tokenize(opening or reply.text)
            yield Tokens(id=0, text=opening, token_ids=ids)
        open_reply = reply if reply.text or reply.token_ids else None
        prompt = await fitting.prepare(self.session, self.engine, path, reply=open_reply)
        if not prompt.plan.fits and self.room.policy is Policy.DROP:
            last = fitting.border_by_dropping(prompt, keep_last=True)
            if last is not None:  # the engine was not there to be asked before
                yield Bordered(await self.room.cut(last))
                prompt = await fitting.prepare(self.session, self.engine, path, reply=open_reply)
        if not prompt.plan.leaves_room:
            raise EngineError(fitting.sentence(prompt.plan), "context")
        self.prompt = prompt
        self.foreign = self.engine.tenant is not None and self.engine.tenant is not self
        self.engine.tenant = self

    async def _generate(self, reply: Message) -> AsyncGenerator[Bordered | Prefill | Tokens | Finished, None]:
        goes_on = bool(reply.text or reply.token_ids)
        async with aclosing(self.prepare(reply)) as preparing:
            async for before in preparing:
                yield before
        info, prompt = self.engine.info, self.prompt
        if self.stopping or info is None or prompt is None:
            return
        settings = self._settings()
        seed = seed_for(settings, reply if goes_on else None)
        draws = Segment(from_token=len(reply.token_ids), settings=settings, seed=seed)
        reply.provenance = begun(
            self.session, reply, info, draws, continued=goes_on, left_out=prompt.plan.left_out
        )
        async with aclosing(
            self.engine.generate(
                prompt.turns,
                settings,
                seed,
                template=self.session.persona.template,
                open_last=prompt.open_last,
                first_index=len(reply.token_ids),
                memory=reply.provenance.memory,
                record=self.record,
            )
        ) as events:
            async for event in events:
                if isinstance(event, Finished):
                    self.cache = event.cache
                yield event


def seed_for(settings: SamplingSettings, begun: Message | None = None) -> int:
    """The seed for a reply: the one chosen, that of the reply it continues, or a new one."""
    if settings.seed != RANDOM_SEED:
        return settings.seed
    if begun is not None and begun.provenance.segments:
        return begun.provenance.segments[-1].seed
    return _SEEDS.getrandbits(31)
