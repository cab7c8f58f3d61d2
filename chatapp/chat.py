"""One turn, from the user's text to the finished reply, for the TUI and for `ask` alike.

A `Chat` is a session that is being held: its tree in memory, the store that keeps it, the engine that answers.
Each of its verbs (send, again, go_on, edit) is an async iterator of what happens. The user's message is on disk
before the engine starts; the reply is appended to the store by a task of its own, four times a second or every
64 tokens, whatever the pace of the reader of these events.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from chatapp.config import Settings
from chatapp.conversation.decision import Memory
from chatapp.conversation.message import Message, Provenance, Role, Segment, Status, StopReason
from chatapp.conversation.prompt import Turn, turns
from chatapp.conversation.sampling import RANDOM_SEED, SamplingSettings
from chatapp.conversation.session import Session, title_from
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.protocol import Finished, Loading, ModelInfo, ModelOptions, Prefill, Tokens
from chatapp.store import NotSaved, Store, StoreError

FLUSH_SECONDS = 0.2
"""Shorter than the 300 ms that may be lost, because the write takes time too."""
FLUSH_TOKENS = 64
RETRY_SECONDS = 2.0
_SEEDS = random.SystemRandom()


@dataclass(frozen=True)
class Began:
    """The turn is on disk: what was asked, if it is new, and the reply that starts to stream."""

    asked: Message | None
    reply: Message


@dataclass(frozen=True)
class Ended:
    """The reply is final, and on disk unless an `Unsaved` said otherwise."""

    reply: Message


@dataclass(frozen=True)
class Unsaved:
    """The disk refused; the text is kept in memory and tried again. A sentence for people."""

    sentence: str


@dataclass(frozen=True)
class Saved:
    """What was unsaved is on disk again."""


TurnEvent = Began | Prefill | Tokens | Ended
Saving = Unsaved | Saved


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
    ) -> None:
        self.session = session
        self.store = store
        self.engine = engine
        self.options = options
        self.progress = progress
        self.on_saving: Callable[[Saving], None] = lambda _saving: None
        """Told when the disk refuses a reply, and when it takes it after all, be it long after its end."""
        self.streaming: Message | None = None
        self.stopping = False
        """Whether the running reply was asked to stop; it may not even have started, with an engine that loads."""

    # The verbs ----------------------------------------------------------------------------------------------

    def send(self, text: str) -> AsyncGenerator[TurnEvent, None]:
        """Say something at the tip of the active path."""
        tip = self.session.tree.tip()
        return self._ask(tip.id if tip else None, text)

    def edit(self, message_id: int, text: str) -> AsyncGenerator[TurnEvent, None]:
        """Say something else in the place of an own message: a new branch beside it."""
        return self._ask(self.session.tree[message_id].parent, text)

    async def again(self, reply_id: int) -> AsyncGenerator[TurnEvent, None]:
        """Answer once more: a sibling of a reply."""
        reply = await self.store.begin_reply(self.session.id, self.session.tree[reply_id].parent)
        async with aclosing(self._answer(reply, None)) as events:
            async for event in events:
                yield event

    async def go_on(self, reply_id: int) -> AsyncGenerator[TurnEvent, None]:
        """Continue a reply: a sibling that copies it and goes on from exactly there."""
        before = self.session.tree[reply_id]
        kept = before.token_ids if before.provenance.tokenizer == self._tokenizer else []
        reply = await self.store.begin_reply(
            self.session.id,
            before.parent,
            text=before.text,
            token_ids=kept,
            provenance=before.provenance.model_copy(update={"continued_from": len(kept)}),
        )
        async with aclosing(self._answer(reply, None)) as events:
            async for event in events:
                yield event

    def stop(self) -> None:
        """Ask the running reply to stop; what was said is kept."""
        if self.streaming is not None:
            self.stopping = True
            self.engine.cancel()

    # Settings -----------------------------------------------------------------------------------------------

    async def tune(self, preset: str | None, overrides: Mapping[str, Any]) -> None:
        """Take new sampling settings: from the next token on, and kept with the session."""
        self.session.preset = preset
        self.session.overrides = dict(overrides)
        if self.streaming is not None:
            self.engine.retune(self._settings())
        if self.session.id:
            await self.store.save_sampling(self.session.id, preset, self.session.overrides)

    async def count(self) -> int:
        """Tokens that the active path takes in the context window."""
        path = self.session.tree.path()
        return await self.engine.count(
            self._turns(path),
            template=self.session.persona.template,
            open_last=bool(path) and path[-1].role is Role.ASSISTANT,
        )

    def _settings(self) -> SamplingSettings:
        return self.session.sampling().settings

    @property
    def _tokenizer(self) -> str:
        return self.engine.info.tokenizer if self.engine.info else ""

    # One turn -----------------------------------------------------------------------------------------------

    async def _ask(self, parent: int | None, text: str) -> AsyncGenerator[TurnEvent, None]:
        asked, reply = await self.store.begin_turn(self.session.id, parent, text)
        self.session.tree.add(asked)
        self.session.title = self.session.title or title_from(text)
        async with aclosing(self._answer(reply, asked)) as events:
            async for event in events:
                yield event

    async def _answer(self, reply: Message, asked: Message | None) -> AsyncGenerator[TurnEvent, None]:
        self.session.tree.add(reply)
        self.streaming, self.stopping = reply, False
        record = _Record(self.store, reply, self._tell_saving)
        outcome = _Outcome()
        try:
            yield Began(asked, reply)
            async with aclosing(self._generate(reply)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        outcome.finished = event
                        continue
                    if isinstance(event, Tokens):
                        reply.text += event.text
                        reply.token_ids += event.token_ids
                        record.add(event.text, event.token_ids)
                    yield event
        except (EngineDied, EngineError) as error:
            outcome.failure = error
        finally:
            # Also when the reader went away: the reply is never left as if it still streamed.
            self.streaming = None
            reply.status, reply.provenance = outcome.of(reply, self)
            await asyncio.shield(record.close())
        yield Ended(reply)

    def _tell_saving(self, saving: Saving) -> None:
        self.on_saving(saving)

    async def _generate(self, reply: Message) -> AsyncGenerator[Prefill | Tokens | Finished, None]:
        if self.options is None:
            raise EngineError("No model is chosen yet.", "load")
        info = await self.engine.ensure(self.options, self.progress)
        if self.stopping:
            return
        persona = self.session.persona
        path = self.session.tree.path_to(reply.parent)
        prompt = self._turns(path)
        begun = bool(reply.text)
        if not begun and persona.prefill:
            yield Tokens(id=0, text=persona.prefill, token_ids=())
        if reply.text:
            prompt.append(Turn(role=Role.ASSISTANT, content=reply.text, token_ids=tuple(reply.token_ids)))
        settings = self._settings()
        seed = _seed(settings, reply if begun else None)
        reply.provenance = self._begun(
            reply, info, Segment(from_token=len(reply.token_ids), settings=settings, seed=seed), continued=begun
        )
        async with aclosing(
            self.engine.generate(
                prompt,
                settings,
                seed,
                template=persona.template,
                open_last=bool(reply.text),
                first_index=len(reply.token_ids),
                memory=reply.provenance.memory,
            )
        ) as events:
            async for event in events:
                yield event

    def _turns(self, path: list[Message]) -> list[Turn]:
        return turns(self.session.persona, path, self._tokenizer)

    def _begun(self, reply: Message, info: ModelInfo, draws: Segment, *, continued: bool) -> Provenance:
        """Where a reply comes from, as far as that is known before its end; it may break off at any moment."""
        return Provenance(
            model_name=f"{info.name} {info.quantisation}".strip(),
            model_path=info.path,
            model_fingerprint=info.fingerprint,
            tokenizer=info.tokenizer,
            persona=self.session.persona.digest,
            preset=self.session.sampling().preset.name,
            reproducible=info.reproducible,
            segments=(*(reply.provenance.segments if continued else ()), draws),
            memory=reply.provenance.memory if continued else Memory(),
            continued_from=len(reply.token_ids),
        )


def _seed(settings: SamplingSettings, begun: Message | None) -> int:
    """The seed for a reply: the one chosen, that of the reply it continues, or a new one."""
    if settings.seed != RANDOM_SEED:
        return settings.seed
    if begun is not None and begun.provenance.segments:
        return begun.provenance.segments[-1].seed
    return _SEEDS.getrandbits(31)


@dataclass
class _Outcome:
    """How a reply ended: with a report of the engine, with a failure, or because its reader went away."""

    finished: Finished | None = None
    failure: EngineDied | EngineError | None = None

    def of(self, reply: Message, chat: Chat) -> tuple[Status, Provenance]:
        """The status and the provenance that the reply is kept with."""
        came_from = reply.provenance
        if self.finished is not None:
            done = self.finished
            ended = done.stop_reason in {StopReason.END, StopReason.STOP_STRING}
            return Status.COMPLETE if ended else Status.STOPPED, came_from.model_copy(
                update={
                    "segments": came_from.segments[:-1] + done.segments,  # the last was only begun
                    "memory": done.memory,
                    "prompt_tokens": done.prompt_tokens,
                    "reused_tokens": done.reused_tokens,
                    "evaluated_tokens": done.evaluated_tokens,
                    "generated_tokens": done.generated_tokens,
                    "timings": done.timings,
                    "stop_reason": done.stop_reason,
                }
            )
        if self.failure is not None:
            detail = {"stop_reason": _reason(self.failure), "detail": str(self.failure)}
            return Status.ERROR, came_from.model_copy(update=detail)
        chat.engine.cancel()
        return Status.STOPPED if chat.stopping else Status.INTERRUPTED, came_from.model_copy(
            update={"stop_reason": StopReason.CANCELLED}
        )


def _reason(failure: EngineDied | EngineError) -> StopReason | None:
    """Why a reply failed: a prompt that does not fit is no crash."""
    if isinstance(failure, EngineDied):
        return StopReason.CRASHED
    return StopReason.CONTEXT_FULL if failure.reason == "context" else None


class _Record:
    """Writes a streaming reply to the store, at its own pace, and keeps what the disk refuses."""

    def __init__(self, store: Store, reply: Message, tell: Callable[[Saving], None]) -> None:
        self._store = store
        self._reply = reply
        self._tell = tell
        self._text: list[str] = []
        self._ids: list[int] = []
        self._due = asyncio.Event()
        self._closing = False
        self._refused = False
        self._task = asyncio.create_task(self._run())

    def add(self, text: str, ids: tuple[int, ...]) -> None:
        """Take what was said; cheap, called for every token."""
        self._text.append(text)
        self._ids += ids
        if not self._refused and (len(self._text) == 1 or len(self._ids) >= FLUSH_TOKENS):
            self._due.set()

    async def close(self) -> None:
        """Write the end of the reply, with its status and provenance; where the disk refuses, go on trying."""
        self._closing = True
        self._due.set()
        await self._task
        if not await self._finish():
            insisting = asyncio.create_task(self._insist())
            _INSISTING.add(insisting)
            insisting.add_done_callback(_INSISTING.discard)

    async def _run(self) -> None:
        while not self._closing:
            await self._due.wait()
            self._due.clear()
            if not self._closing and len(self._ids) < FLUSH_TOKENS:
                await self._pause(FLUSH_SECONDS)
            if not self._closing and not await self._write():
                await self._pause(RETRY_SECONDS)
                self._due.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), seconds)

    async def _write(self) -> bool:
        text, ids = "".join(self._text), list(self._ids)
        chunks, count = len(self._text), len(ids)
        if not chunks or await self._try(self._store.append(self._reply.id, text, ids)):
            del self._text[:chunks]
            del self._ids[:count]
            return True
        return False

    async def _finish(self) -> bool:
        reply = self._reply
        return await self._try(
            self._store.finish(
                reply.id, reply.status, reply.provenance, text=reply.text, token_ids=reply.token_ids
            )
        )

    async def _insist(self) -> None:
        while not await self._finish():  # noqa: ASYNC110  the disk sends no event when it has room again
            await asyncio.sleep(RETRY_SECONDS)

    async def _try(self, writing: Awaitable[None]) -> bool:
        """Whether it was written. Only a refusal of the disk may be tried again: the rest is told and given up."""
        try:
            await writing
        except NotSaved as error:
            if not self._refused:
                self._tell(Unsaved(str(error)))
            self._refused = True
            return False
        except StoreError as error:
            self._tell(Unsaved(str(error)))
            return True
        if self._refused:
            self._tell(Saved())
        self._refused = False
        return True


_INSISTING: set[asyncio.Task[None]] = set()
"""What still tries to write the end of a reply; a task that nobody holds may vanish."""
