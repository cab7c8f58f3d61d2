"""What tools work with, and who is asked before one of them writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chatapp.calls.proposals import Proposal, proposed
from chatapp.calls.reading_tools import read
from chatapp.conversation.session import Session
from chatapp.conversation.tool_use import Outcome
from chatapp.errors import Refusal
from chatapp.memory import MemoryFile
from chatapp.store import Store, StoreError
from chatapp.text import repair
from chatapp.tools.catalogue import BY_NAME
from chatapp.tools.reading import Call, Unreadable

LONGEST_RESULT = 4_000
"""Characters of what a tool gives: it must leave room in the context window."""
DECLINED = "The user looked at it and did not want it. Nothing was written."


@dataclass
class Toolbox:
    """The user's chats, agenda, notes and memory. Nothing is written unless `agrees` says so."""

    store: Store
    memory: MemoryFile
    agrees: Callable[[Proposal], Awaitable[bool]] | None = None
    refuses: str = ""
    """Why nothing can be written at all, where that is so."""

    async def use(self, call: Call | Unreadable, session: Session) -> tuple[Outcome, str]:
        """Carry out a call: what became of it, and what the model is told."""
        if isinstance(call, Unreadable):
            return "failed", call.sentence
        try:
            if BY_NAME[call.name].writes:
                return await self._propose(call, session)
            result = repair(await read(call.arguments, session, self.store, self.memory))
        except (Refusal, StoreError, ValueError, ArithmeticError) as error:
            return "failed", str(error)
        cut = f"{result[:LONGEST_RESULT]} […]" if len(result) > LONGEST_RESULT else result
        return "done", cut

    async def _propose(self, call: Call, session: Session) -> tuple[Outcome, str]:
        if self.refuses:
            return "failed", self.refuses
        proposal = await proposed(call.arguments, session, self.store, self.memory)
        if self.agrees is None or not await self.agrees(proposal):
            return "declined", DECLINED
        return "done", await proposal.keep()
