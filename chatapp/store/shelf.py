"""What is done with whole sessions and branches: made, listed, labelled, copied, taken in, erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import Preset
from chatapp.conversation.session import Session, SessionHead
from chatapp.store import branches, drafts, labels, sessions
from chatapp.store.adopt import adopt
from chatapp.store.branches import Pruned
from chatapp.store.erase import Gone
from chatapp.store.jobs import Jobs
from chatapp.store.purge import Purged, purge, purge_pruned
from chatapp.store.rewriting import StillHeld, rewrite_backups, surely_held


class Shelf(Jobs):
    """The part of the store that handles sessions and their branches as wholes."""

    async def sessions(
        self, *, deleted: bool = False, limit: int | None = None, pinned_first: bool = False, tag: str = ""
    ) -> list[SessionHead]:
        """The sessions, those in the trash, or those with a tag; last used first, or the pinned ones before it."""
        return await self._do(sessions.heads, deleted=deleted, limit=limit, pinned_first=pinned_first, tag=tag)

    async def session(self, name: str, *, with_traces: bool = False) -> Session:
        """A whole session, by its uid or the beginning of it; one in the trash too.

        With traces its messages say how their tokens were chosen, for one that is copied or exported.

        Raises:
            NoSuchSession: with a sentence, when none or more than one goes by that name.
        """
        return await self._do(sessions.load, name, with_traces=with_traces)

    async def create_session(
        self,
        persona: Persona,
        *,
        preset: Preset | None = None,
        overrides: Mapping[str, Any] | None = None,
        model: str | None = None,
    ) -> Session:
        """A new session without messages."""
        return await self._do(sessions.create, persona, preset, overrides or {}, model)

    async def rename(self, session_id: int, title: str, *, by_person: bool = True) -> None:
        """Give a title; an automatic one never replaces a person's."""
        await self._do(sessions.rename, session_id, title, by_person=by_person)

    async def trash(self, session_id: int) -> None:
        """Put a session in the trash."""
        await self._do(sessions.set_deleted, session_id, deleted=True)

    async def restore(self, session_id: int) -> None:
        """Bring a session back from the trash."""
        await self._do(sessions.set_deleted, session_id, deleted=False)

    async def touch(self, session_id: int) -> None:
        """Make it the session used last."""
        await self._do(sessions.touch, session_id)

    async def save_draft(self, session_id: int, text: str, files: Sequence[Attachment] | None = None) -> None:
        """Keep what is being written; an empty text clears it. Files that are given go with it from now on."""
        await self._do(drafts.save, session_id, text, files)

    async def save_sampling(self, session_id: int, preset: Preset | None, overrides: Mapping[str, Any]) -> None:
        """Keep the session's preset and its own settings.

        Raises:
            ValueError: when a setting is unknown or out of its range.
        """
        await self._do(sessions.save_sampling, session_id, preset, dict(overrides))

    async def save_persona(self, session_id: int, persona: Persona) -> None:
        """Hold the session with another persona from now on."""
        await self._do(sessions.save_persona, session_id, persona)

    async def save_model(self, session_id: int, path: str | None) -> None:
        """Remember the model last used."""
        await self._do(sessions.save_model, session_id, path)

    async def save_policy(self, session_id: int, policy: Policy | None) -> None:
        """Keep what is done in a session when the context window is full; none: as the settings say."""
        await self._do(sessions.save_policy, session_id, policy)

    async def pin_session(self, session_id: int, *, pinned: bool) -> None:
        """Hold a session at the top of the list, or let it go."""
        await self._do(labels.pin, session_id, pinned=pinned)

    async def tag(self, session_id: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Put tags on a session and take others off."""
        await self._do(labels.tag, session_id, tuple(add), tuple(remove))

    async def tags(self) -> list[tuple[str, int]]:
        """The tags in use, each with how many sessions carry it."""
        return await self._do(labels.tags)

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
        session = await self.session(name, with_traces=True)
        session.title = f"{session.title} (copy)" if session.title else ""
        session.pinned = False
        return await self.adopt(session)

    async def purge(self, session_id: int) -> Purged:
        """Erase a session that lies in the trash, for good: tables, index, log, saved states of the model.

        Raises:
            StoreError: when it does not lie in the trash.
        """
        return await self._do(purge, session_id, self._path)

    async def erase_from_backups(self, gone: Gone) -> list[StillHeld]:
        """Write the copies of the chats anew that hold what is gone; returns those where that was not possible."""
        return await self._aside(rewrite_backups, self._path, gone) if self._path else []

    async def held_in_backups(self, gone: Gone) -> bool:
        """Whether a copy of the chats surely holds it; those that cannot be read are not counted."""
        return await self._aside(surely_held, self._path, gone) if self._path else False

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
        return await self._do(purge_pruned, session_id, self._path)
