"""KV states on their way between the engine and the app. Reached as `Engine.states`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence

from chatapp.conversation.prompt import Turn
from chatapp.engine.asking import Asker
from chatapp.engine.frames import Piece, pack_piece
from chatapp.engine.protocol import GiveState, KeepState, ReadState, StateTaken, TakeState


class States:
    """Takes KV states out of one engine, and gives them back."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def take(self, turns: Sequence[Turn], *, template: bool = True) -> StateTaken:
        """Have the KV state copied that serves best for a prompt, to read it.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        request = TakeState(id=self._asker.number(), turns=tuple(turns), template=template)
        return await self._asker.ask(request, StateTaken)

    async def read(self, start: int, length: int) -> bytes:
        """A piece of the state that was taken last; shorter than `length` at its end.

        Raises:
            EngineDied: when the process has ended.
        """
        return (await self._asker.ask(ReadState(id=self._asker.number(), start=start, length=length), Piece)).data

    async def give(self, token_ids: Sequence[int], batched: int, size: int, pieces: AsyncIterable[bytes]) -> None:
        """Let a KV state of so many bytes wait in the engine; for the arguments see `GiveState`.

        It is dropped there when `pieces` raises, which is how a file says that it is not sound after all.

        Raises:
            EngineDied: when the process has ended.
        """
        link, number, sound = self._asker.living(), self._asker.number(), False
        link.send(GiveState(id=number, size=size, token_ids=tuple(token_ids), batched=batched))
        try:
            async for piece in pieces:
                link.check()
                link.child.send(pack_piece(number, piece))
                await link.child.drained()
            sound = True
        finally:
            link.send(KeepState(id=number, sound=sound))
