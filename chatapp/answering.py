"""One reply, from its empty row in the store to its end: the engine is brought there, and what it says is kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from chatapp import fitting, parts
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Segment
from chatapp.conversation.sampling import RANDOM_SEED, SamplingSettings
from chatapp.conversation.session import Session
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import CacheUse, Finished, Loading, Prefill, Tokens
from chatapp.engine.recall import Recall
from chatapp.outcome import Outcome
from chatapp.parts import Step, Worked
from chatapp.provenance import begun
from chatapp.recording import Record, Saving
from chatapp.room import Room
from chatapp.store import Store
from chatapp.tools.offer import grammar
from chatapp.turn import Began, Bordered, Ended, TakenBack, TurnEvent

_SEEDS = random.SystemRandom()

Generation = AsyncGenerator[Bordered | Prefill | Tokens | Step | Worked | TakenBack | Finished, None]


class Answering:
    """A session with its store and its engine, in which replies are written."""

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
        self.stopping = False
        """Whether the running reply was asked to stop; it may not even have started, with an engine that loads."""
        self.calls: bool | None = None
        """Whether the running reply may call tools, in a turn in which replies can."""
        self.wake: Callable[[], None] = lambda: None
        """Called when it is asked to stop, for a reply that waits for something else than the engine."""

    async def answer(
        self,
        reply: Message,
        asked: Message | None,
        generation: Generation | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        """Write a reply that the store has begun: by the engine, or by what is generated in its place."""
        self.session.tree.add(reply)
        self.streaming, self.stopping = reply, False
        record = Record(self.store, reply, self.tell_saving)
        outcome = Outcome()
        try:
            yield Began(asked, reply)
            async with aclosing(generation or self.generate(reply)) as events:
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
                    elif isinstance(event, TakenBack):
                        reply.text, reply.token_ids = event.text, list(event.token_ids)
                        del reply.records[len(event.token_ids) :]
                        record.rewrite()
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
        if reply.token_ids and reply.provenance.tokenizer != self.tokenizer:
            reply.token_ids, reply.records = [], []  # another model's: only now it is known which one answers
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

    async def _by_parts(self, reply: Message, asked: Message) -> Generation:
        """Write a reply from documents that are read part by part."""
        if self.options is None:
            raise EngineError("No model is chosen yet.", "load")
        info = await self.engine.ensure(self.options, self.progress)
        self.prompt, self.engine.tenant = None, self
        settings, again = self.settings(), len(self.session.tree.siblings(reply.id)) > 1
        first = settings.model_copy(update={"seed": parts.first_seed(self.session, asked)})
        seed = seed_for(settings if again or settings.seed != RANDOM_SEED else first, reply)
        draws = Segment(from_token=0, settings=settings, seed=seed)
        reply.provenance = begun(self.session, reply, info, draws)
        task = parts.task_of(self.session, asked, settings, seed)
        events = parts.reply_by_parts(
            task, self.store, self.engine, self.options, reply=reply, stopping=lambda: self.stopping
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def generate(self, reply: Message, settings: SamplingSettings | None = None) -> Generation:
        """Have the engine write a reply, or go on with it: with these settings, or those in force.

        Raises:
            EngineError: when no model can be loaded, or the prompt does not fit.
            EngineDied: when the process has ended.
        """
        if (asked := parts.asks_by_parts(self.session.tree, reply)) is not None:
            async with aclosing(self._by_parts(reply, asked)) as by_parts:
                async for event in by_parts:
                    yield event
            return
        goes_on = bool(reply.text or reply.token_ids)
        async with aclosing(self.prepare(reply)) as preparing:
            async for before in preparing:
                yield before
        info, prompt = self.engine.info, self.prompt
        if self.stopping or info is None or prompt is None:
            return
        settings = settings or self.settings()
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

    def stop(self) -> None:
        """Ask the running reply to stop; what was said is kept."""
        if self.streaming is not None:
            self.stopping = True
            self.engine.cancel()
            self.wake()

    def settings(self) -> SamplingSettings:
        """What the next token is drawn with; a grammar holds calls of tools where the template knows none."""
        settings, info = self.session.sampling().settings, self.engine.info
        if self.calls is None or info is None or info.tools:
            return settings
        return settings.model_copy(update={"grammar": grammar(calls=self.calls)})

    @property
    def tokenizer(self) -> str:
        """The vocabulary of the model in place; empty where there is none."""
        return self.engine.info.tokenizer if self.engine.info else ""


def seed_for(settings: SamplingSettings, begun: Message | None = None) -> int:
    """The seed for a reply: the one chosen, that of the reply it continues, or a new one."""
    if settings.seed != RANDOM_SEED:
        return settings.seed
    if begun is not None and begun.provenance.segments:
        return begun.provenance.segments[-1].seed
    return _SEEDS.getrandbits(31)
