"""What is done with whole sessions and branches: labelled, copied, taken in from elsewhere, erased."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from chatapp.conversation.message import Message
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import Session
from chatapp.store import branches, labels, sessions
from chatapp.store.adopt import adopt
from chatapp.store.branches import Pruned
from chatapp.store.purge import Purged, purge, purge_pruned

P = ParamSpec("P")
R = TypeVar("R")


class Shelf(ABC):
    """The part of the store that handles sessions and their branches as wholes."""

    _folder: Path | None

    @abstractmethod
    async def _do(
        self, work: Callable[Concatenate[apsw.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R: ...

    @abstractmethod
    async def session(self, name: str) -> Session:
        """A whole session."""

    async def pin_session(self, session_id: int, *, pinned: bool) -> None:
        """Hold a session at the top of the list, or let it go."""
        await self._do(labels.pin, session_id, pinned=pinned)

    async def tag(self, session_id: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Put tags on a session and take others off."""
        await self._do(labels.tag, session_id, tuple(add), tuple(remove))

    async def adopt(self, session: Session, *, first: bool = True) -> str:
        """Keep a session from elsewhere as a new one; returns its uid. Nothing that is here is touched.

        Args:
            session: with all its branches; ids need only be unique in its tree.
            first: whether it becomes the one used last, or comes below all others with its own dates.

        Raises:
            ValueError: when a setting of it is unknown or out of its range.
        """
        return await self._do(adopt, session, first=first)

    async def duplicate(self, name: str) -> str:
        """Copy a session with every branch; returns the copy's uid.

        Raises:
            NoSuchSession: when none or more than one goes by that name.
        """
        session = await self.session(name)
        session.title = f"{session.title} (copy)" if session.title else ""
        session.pinned = False
        return await self.adopt(session)

    async def purge(self, session_id: int) -> Purged:
        """Erase a session that lies in the trash, for good: tables, index, log, saved states of the model.

        Raises:
            StoreError: when it does not lie in the trash.
        """
        return await self._do(purge, session_id, self._folder)

    async def persona(self, digest: str) -> Persona | None:
        """A persona as it was when a reply was made; none where it was never kept."""
        return await self._do(sessions.persona, digest)

    # Branches -----------------------------------------------------------------------------------------------

    async def prune(self, session_id: int, message_id: int) -> int:
        """Put a message with everything below it in the trash; returns how many messages that was.

        Raises:
            StoreError: when a reply is being written there; nothing was moved then.
        """
        return await self._do(branches.prune, session_id, message_id)

    async def bring_back(self, session_id: int, message_id: int) -> list[Message]:
        """Bring a message back from the trash, with what went with it and what it stands on: all of them."""
        return await self._do(branches.bring_back, session_id, message_id)

    async def pruned(self, session_id: int) -> list[Pruned]:
        """The branches of a session that lie in the trash, the one that went last first."""
        return await self._do(branches.pruned, session_id)

    async def purge_pruned(self, session_id: int) -> Purged:
        """Erase the branches of a session that lie in the trash, for good: tables, index, log, saved states."""
        return await self._do(purge_pruned, session_id, self._folder)
