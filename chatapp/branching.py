"""What a person does to the branches of a session, without a model: throw away, bring back, write over, fork."""

from __future__ import annotations

from dataclasses import replace

from chatapp.conversation.message import Message, Provenance
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree
from chatapp.store import Pruned, Purged, Store


class Branches:
    """The branches of one session, in memory and on disk."""

    def __init__(self, session: Session, store: Store) -> None:
        self._session = session
        self._store = store
        self._undo: list[int] = []

    async def prune(self, message_id: int) -> int:
        """Put a message with everything below it in the trash; returns how many messages that was.

        Raises:
            StoreError: when a reply is being written there, or the disk refuses; nothing was moved then.
        """
        count = await self._store.prune(self._session.id, message_id)
        self._session.tree.prune(message_id)
        self._undo.append(message_id)
        return count

    async def undo(self) -> Message | None:
        """Bring back what was thrown away last since the session was opened; returns it, if it is there."""
        return await self.bring_back(self._undo[-1]) if self._undo else None

    async def bring_back(self, message_id: int) -> Message | None:
        """Bring a message back with what went with it, and into view; returns it, if it is there."""
        tree = self._session.tree
        for message in await self._store.bring_back(self._session.id, message_id):
            if message.id not in tree:
                tree.take(message)
        self._undo = [one for one in self._undo if one != message_id]
        back = tree.get(message_id)
        if back is not None:
            await self._store.activate(self._session.id, tree.activate(message_id))
        return back

    async def pruned(self) -> list[Pruned]:
        """What lies in the trash, the branch that went last first."""
        return await self._store.pruned(self._session.id) if self._session.id else []

    async def purge(self) -> Purged:
        """Erase what lies in the trash for good.

        Raises:
            StoreError: when a file that may hold it cannot be removed.
        """
        self._undo.clear()
        return await self._store.purge_pruned(self._session.id)

    async def write_over(self, reply_id: int, text: str) -> Message:
        """Put a text of one's own in the place of a reply: a sibling that claims to come from no model."""
        before = self._session.tree[reply_id]
        came = Provenance(edited_from=before.uid)
        reply = await self._store.add_reply(self._session.id, before.parent, text, came)
        self._session.tree.add(reply)
        return reply

    async def fork(self, message_id: int) -> str:
        """Make a session of the way to a message; returns its uid. This one stays as it is."""
        tree = self._session.tree
        path = tree.path_to(message_id)
        borders = [border for message in path for border in tree.borders(message.id) if not border.undone]
        kept = sorted([*path, *borders], key=lambda message: message.id)
        title = f"{self._session.title} (fork)" if self._session.title else ""
        whole = await self._store.session(self._session.uid, with_traces=True)
        traces = {message.id: message.trace for message in whole.tree.all()}
        copies = (replace(one, active_child=None, trace=traces.get(one.id, b"")) for one in kept)
        forked = replace(self._session, title=title, tree=Tree(copies), draft="", draft_files=())
        return await self._store.adopt(replace(forked, pinned=False, tags=(), created_ms=0))
