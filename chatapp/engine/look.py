"""Looking into the model's decisions: the app's side of it, reached as `Engine.look`.

Nothing here disturbs the conversation: its KV cache is read, and left as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatapp.conversation.decision import Decision, Memory, Token, TokenRecord
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.asking import Asker
from chatapp.engine.protocol import (
    Choose,
    Chosen,
    Decide,
    Decided,
    Detokenize,
    Detokenized,
    Prefill,
    Restage,
    Score,
    Scored,
    Spell,
    Spelled,
)


class Look:
    """Questions to one engine."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def tokens(self, text: str, *, special: bool = False) -> tuple[Token, ...]:
        """The tokens of a text as it is; also while a reply is running.

        Raises:
            EngineDied: when the process has ended.
        """
        return (await self._asker.ask(Spell(id=self._asker.number(), text=text, special=special), Spelled)).tokens

    async def text(self, token_ids: Sequence[int]) -> Detokenized:
        """What a reply that begins with these tokens says, and whether the last one ends it.

        Also while a reply is running.

        Raises:
            EngineError: when the last one is another control token, or one of them is no token at all.
            EngineDied: when the process has ended.
        """
        return await self._asker.ask(Detokenize(id=self._asker.number(), token_ids=tuple(token_ids)), Detokenized)

    async def decide(
        self,
        turns: Sequence[Turn],
        settings: SamplingSettings,
        seed: int,
        *,
        template: bool = True,
        open_last: bool = False,
        begun: Sequence[int] = (),
        index: int | None = None,
        memory: Memory | None = None,
        top: int = 50,
        curves: bool = False,
        along: bool = False,
    ) -> Decision:
        """How the next token is decided, stage by stage; waits for a running reply.

        For the arguments see `Decide`. `index` is the number of tokens in `begun` unless it is given. Being
        cancelled stops it.

        Raises:
            EngineError: when it cannot be shown.
            EngineDied: when the process has ended.
        """
        request = Decide(
            id=self._asker.number(),
            turns=tuple(turns),
            template=template,
            open_last=open_last,
            begun=tuple(begun),
            settings=settings,
            seed=seed,
            index=len(begun) if index is None else index,
            memory=memory or Memory(),
            top=top,
            curves=curves,
            along=along,
        )
        return (await self._asker.ask(request, Decided)).decision

    async def restage(
        self,
        settings: SamplingSettings,
        *,
        seed: int | None = None,
        memory: Memory | None = None,
        top: int = 50,
        curves: bool = False,
    ) -> Decision:
        """The token that was decided last with other settings: no evaluation, also while a reply is running.

        Raises:
            EngineError: when it cannot be decided with these settings.
            EngineDied: when the process has ended.
        """
        request = Restage(
            id=self._asker.number(), settings=settings, seed=seed, memory=memory, top=top, curves=curves
        )
        return (await self._asker.ask(request, Decided)).decision

    async def score(
        self,
        turns: Sequence[Turn],
        settings: SamplingSettings | None = None,
        *,
        seed: int = 0,
        template: bool = True,
        top: int = 10,
        progress: Callable[[Prefill], None] | None = None,
    ) -> tuple[TokenRecord, ...]:
        """How each token of the last turn would be decided; waits for a running reply.

        For the arguments see `Score`. Being cancelled stops it.

        Raises:
            EngineError: when the text cannot be scored.
            EngineDied: when the process has ended.
        """
        request = Score(
            id=self._asker.number(), turns=tuple(turns), template=template, settings=settings, seed=seed, top=top
        )
        return (await self._asker.ask(request, Scored, progress)).records

    async def choose(
        self, turns: Sequence[Turn], choices: Sequence[str], *, template: bool = True
    ) -> tuple[float, ...]:
        """The natural logarithm of the probability that the reply begins with each choice, by its first token.

        Raises:
            EngineError: when the choices cannot be told apart by their first tokens.
            EngineDied: when the process has ended.
        """
        number = self._asker.number()
        request = Choose(id=number, turns=tuple(turns), template=template, choices=tuple(choices))
        return (await self._asker.ask(request, Chosen)).logprobs
