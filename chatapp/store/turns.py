"""What is said in a session, as it is said: turns, replies that stream, borders, how tokens were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.message import Message, Provenance, Status
from chatapp.store import messages, traces
from chatapp.store.disk import must_have_room
from chatapp.store.jobs import Jobs


class Turns(Jobs):
    """The part of the store that handles messages."""

    async def begin_turn(
        self, session_id: int, parent: int | None, text: str, files: Sequence[Attachment] = ()
    ) -> tuple[Message, Message]:
        """Keep what the person said, files with it, and an empty reply that streams; the draft is cleared.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        return await self._do(messages.begin_turn, self._owner, session_id, parent, text, files=tuple(files))

    async def begin_reply(
        self,
        session_id: int,
        parent: int | None,
        *,
        text: str = "",
        token_ids: Sequence[int] = (),
        provenance: Provenance | None = None,
    ) -> Message:
        """One more reply that streams, beside those that are there; Continue gives it the text to go on from.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        return await self._do(
            messages.begin_reply,
            self._owner,
            session_id,
            parent,
            text=text,
            token_ids=tuple(token_ids),
            provenance=provenance,
        )

    async def keep_calls(self, reply: Message) -> None:
        """Keep with a reply that has ended what its calls of tools gave."""
        await self._do(messages.keep_calls, reply.id, reply.provenance)

    async def add_reply(self, session_id: int, parent: int | None, text: str, provenance: Provenance) -> Message:
        """A reply that a person wrote, beside those that are there.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.add_reply, session_id, parent, text, provenance)

    async def begin_many(
        self,
        session_id: int,
        parent: int | None,
        *,
        text: str | None,
        count: int,
        files: Sequence[Attachment] = (),
    ) -> tuple[Message | None, list[Message]]:
        """Several replies that stream, to what was said or to a `text` said now, with files; the first is in view.

        Raises:
            NoSuchSession: when the session is gone.
        """
        await self._must_have_room()
        many, about = messages.begin_many, tuple(files)
        return await self._do(many, self._owner, session_id, parent, text=text, count=count, files=about)

    async def begin_summary(self, session_id: int, parent: int) -> Message:
        """A summary that streams, of the path that ends with a message.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.begin_summary, self._owner, session_id, parent)

    async def add_border(self, session_id: int, parent: int, text: str = "") -> Message:
        """A border below a message: a summary with a text, or else a bare cut.

        Raises:
            NoSuchSession: when the session is gone.
        """
        return await self._do(messages.add_border, session_id, parent, text)

    async def undo_border(self, message_id: int, *, undone: bool = True) -> None:
        """Undo a border, or put it in force again."""
        await self._do(messages.set_undone, message_id, undone=undone)

    async def pin(self, message_id: int, *, pinned: bool = True) -> None:
        """Pin a message, so that its turn stays in the context window, or let it go."""
        await self._do(messages.set_pinned, message_id, pinned=pinned)

    async def append(
        self, reply_id: int, text: str, token_ids: Iterable[int], *, provenance: Provenance | None = None
    ) -> None:
        """Add to a reply that this store began.

        Raises:
            NotStreaming: when it has ended, or is another process's.
        """
        await self._do(messages.append, self._owner, reply_id, text, tuple(token_ids), provenance=provenance)

    async def rewrite(self, reply_id: int, text: str, token_ids: Iterable[int], provenance: Provenance) -> None:
        """Let a reply that this store began, and that streams still, say something else than it did.

        Raises:
            NotStreaming: when it has ended, or is another process's.
        """
        await self._do(
            messages.rewrite, self._owner, reply_id, text=text, token_ids=tuple(token_ids), provenance=provenance
        )

    async def finish(
        self,
        reply_id: int,
        status: Status,
        provenance: Provenance,
        *,
        text: str | None = None,
        token_ids: Iterable[int] | None = None,
        trace: bytes | None = None,
    ) -> None:
        """End a reply that this store began; text and ids, where given, replace what was appended.

        A `trace` says how its tokens were chosen.

        Raises:
            NotStreaming: when it has ended already, or is another process's.
        """
        ids = None if token_ids is None else tuple(token_ids)
        await self._do(
            messages.finish,
            self._owner,
            reply_id,
            status=status,
            provenance=provenance,
            text=text,
            token_ids=ids,
            trace=trace,
        )

    async def trace(self, message_id: int) -> bytes | None:
        """How the tokens of a reply were chosen, as it was given to `finish`."""
        return await self._do(traces.load, message_id)

    async def keep_trace(self, message_id: int, trace: bytes, provenance: Provenance) -> None:
        """Keep how the tokens of a final message were chosen, found out afterwards, and its new provenance."""
        await self._do(traces.keep, message_id, trace, provenance)

    async def activate(self, session_id: int, changes: Iterable[messages.Change]) -> None:
        """Remember which children are in view: pairs of parent (none: the root) and child."""
        await self._do(messages.activate, session_id, tuple(changes))

    async def _must_have_room(self) -> None:
        """Nothing is begun that could not be saved to its end."""
        if self._path is not None:
            await self._do(must_have_room, self._path.parent)
