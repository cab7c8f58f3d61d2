"""A reply that a person writes with the model, one token at a time: each is drawn, or chosen by them.

It is a turn like any other: a sibling of the reply that it begins as, on disk with every token. How the next token
would be decided is asked of `looking`; here is what becomes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from chatapp import forking
from chatapp.answering import Generation
from chatapp.chat import Chat
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message, Segment, StopReason, Timings
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Finished, Tokens
from chatapp.errors import Refusal
from chatapp.looking import Seen
from chatapp.provenance import begun
from chatapp.turn import TakenBack, TurnEvent

_NO_REQUEST = -1
_RECORDED = 10
"""Candidates of each token that are kept with the reply."""


@dataclass(frozen=True)
class _Wish:
    """What the person wants next; to end, where it is nothing."""

    seen: Seen | None = None
    token: int = 0
    """To be said, as it was seen."""
    back: bool = False
    run: SamplingSettings | None = None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Steps:
    """One reply in the making; until its first token nothing of it is kept."""

    def __init__(self, chat: Chat, reply: Message) -> None:
        """Steps that go on where a reply ends."""
        self.reply = reply
        """What it says so far."""
        self.started = self.over = False
        """Whether its turn is to be run, and whether that has ended."""
        self._chat = chat
        self._wishes: asyncio.Queue[_Wish] = asyncio.Queue()
        self._copied = len(reply.token_ids)
        """Tokens of it that were there before the first step."""
        self._prompt = self._evaluated = 0
        self._last = _Wish()

    @classmethod
    async def from_token(cls, chat: Chat, reply: Message, index: int) -> Steps:
        """Steps that go on from before one of the tokens of a reply, or from its end.

        Raises:
            Refusal: when they cannot.
        """
        if chat.streaming is not None:
            raise Refusal("step", "The model is busy; esc on the page stops it.")
        return cls(chat, await forking.beginning(chat.engine, reply, await chat.trace(reply), index))

    # What the person does: the first of these starts the turn -----------------------------------------------

    async def take(self, seen: Seen, token: int) -> None:
        """Say a token.

        Raises:
            Refusal: when it cannot be said.
        """
        await self._want(_Wish(seen, token))

    async def back(self) -> None:
        """Take the last token back, of those too that the reply began with."""
        await self._want(_Wish(back=True))

    def run(self, settings: SamplingSettings) -> None:
        """Let the model go on by itself, with these settings."""
        self.started = True
        self._wishes.put_nowait(_Wish(run=settings))

    def end(self) -> None:
        """Keep what there is."""
        self._wishes.put_nowait(_Wish())

    async def _want(self, wish: _Wish) -> None:
        """Wait until it is done, or the turn is over."""
        self.started = True
        if not self.over:
            self._wishes.put_nowait(wish)
            await asyncio.wait([wish.done])
            if not wish.done.cancelled():
                wish.done.result()

    # The turn -----------------------------------------------------------------------------------------------

    async def turn(self, on_full: Policy | None) -> AsyncGenerator[TurnEvent, None]:
        """The turn: it does what the person wants, until it is to end.

        Raises:
            NoRoom: when there is no room for a token more, and the policy is to ask.
        """
        self._chat.wake = self.end
        try:
            async with aclosing(self._chat.resume(self.reply, self.reply.records, on_full, self._write)) as events:
                async for event in events:
                    yield event
        finally:
            self._chat.wake = lambda: None
            self.over = True
            self._last.done.cancel()
            while not self._wishes.empty():
                self._wishes.get_nowait().done.cancel()

    async def _write(self, reply: Message) -> Generation:
        self.reply, info = reply, self._chat.engine.info
        if info is None:
            raise EngineDied("The engine is not running.")
        came, nothing = reply.provenance, Segment(from_token=0, settings=self._chat.settings(), seed=0)
        known = begun(self._chat.session, reply, info, nothing, continued=True, left_out=came.left_out)
        reply.provenance = known.model_copy(update={"segments": came.segments})
        while True:
            wish = self._last = await self._wishes.get()
            if wish.run is not None:
                async with aclosing(self._run(wish.run)) as events:
                    async for event in events:
                        yield event
                return
            if wish.back:
                yield await self._shortened()
            elif wish.seen is None:
                yield self._finished(StopReason.CANCELLED)
                return
            else:
                try:
                    said = await self._chat.engine.look.text([*reply.token_ids, wish.token])
                except EngineError as error:  # another control token: the reply may go on otherwise
                    wish.done.set_exception(Refusal("step", str(error)))
                    continue
                if not self._prompt:
                    self._prompt = wish.seen.decision.prompt_tokens - wish.seen.index
                    self._evaluated = wish.seen.decision.evaluated or 0
                if said.ends:
                    yield self._finished(StopReason.END)
                    return
                yield self._said(wish.seen, wish.token, said.text)
            wish.done.set_result(None)

    def _said(self, seen: Seen, token: int, text: str) -> Tokens:
        """The reply says a token more."""
        reply, draw, came = self.reply, seen.decision.draw, self.reply.provenance
        place, drawn = len(reply.token_ids), token == draw.token.id
        last = came.segments[-1] if came.segments else None
        goes_on = last is not None and (last.settings, last.seed) == (seen.settings, draw.seed)
        segment = Segment(from_token=place, settings=seen.settings, seed=draw.seed, memory=came.memory)
        said = Tokens(
            id=_NO_REQUEST,
            text=text[len(reply.text) :],
            token_ids=(token,),
            records=(seen.decision.record(token, _RECORDED, came.memory if draw.memory else None),),
            segments=() if goes_on else (segment,),
        )
        reply.provenance = came.model_copy(
            update={
                "memory": (draw.memory if drawn else None) or came.memory,
                "chosen": came.chosen if drawn else (*came.chosen, place),
            }
        )
        return said

    async def _shortened(self) -> TakenBack:
        """The reply says a token less."""
        reply, came = self.reply, self.reply.provenance
        kept = reply.token_ids[:-1]
        last = reply.records[-1] if reply.records else None
        self._copied = min(self._copied, len(kept))
        reply.provenance = came.model_copy(
            update={
                "segments": tuple(one for one in came.segments if one.from_token <= len(kept)),
                "chosen": tuple(place for place in came.chosen if place < len(kept)),
                "memory": (last.memory if last else None) or came.memory,
                "continued_from": self._copied,
            }
        )
        return TakenBack((await self._chat.engine.look.text(kept)).text, tuple(kept))

    async def _run(self, settings: SamplingSettings) -> Generation:
        """The model goes on by itself; what was said before counts as said by this reply too."""
        reply, stepped = self.reply, len(self.reply.token_ids) - self._copied
        async with aclosing(self._chat.generate(reply, settings)) as events:
            async for event in events:
                if not isinstance(event, Finished):
                    yield event
                    continue
                reply.provenance = reply.provenance.model_copy(update={"continued_from": self._copied})
                yield event.model_copy(
                    update={
                        "generated_tokens": event.generated_tokens + stepped,
                        "prompt_tokens": event.prompt_tokens - stepped,
                        "reused_tokens": max(0, event.reused_tokens - stepped),
                    }
                )

    def _finished(self, reason: StopReason) -> Finished:
        prompt = self._prompt + self._copied
        return Finished(
            id=_NO_REQUEST,
            stop_reason=reason,
            prompt_tokens=prompt,
            reused_tokens=max(0, prompt - self._evaluated),
            evaluated_tokens=self._evaluated,
            generated_tokens=len(self.reply.token_ids) - self._copied,
            segments=(),
            memory=self.reply.provenance.memory,
            timings=Timings(),
        )
