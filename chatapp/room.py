"""The context window of a chat: what is in it, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Sequence

from chatapp import fitting
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import ContextPlan, Policy
from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.protocol import Inspected
from chatapp.errors import Refusal
from chatapp.store import Store


class Room:
    """Plans prompts of one session, and keeps what was decided about them."""

    def __init__(self, session: Session, store: Store, engine: Engine, default: Policy) -> None:
        self._session = session
        self._store = store
        self._engine = engine
        self._default = default

    @property
    def policy(self) -> Policy:
        """What is done when the context window is full."""
        return self._session.on_full or self._default

    async def choose_policy(self, policy: Policy | None) -> None:
        """Choose it for this session; none goes back to the settings."""
        self._session.on_full = policy
        if self._session.id:
            await self._store.save_policy(self._session.id, policy)

    async def plan(self, draft: str = "", files: Sequence[Attachment] = ()) -> ContextPlan:
        """What the window holds, with a draft and its files that would be sent next; also while a reply runs.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        return (await self.present(draft, files)).plan

    async def present(self, draft: str = "", files: Sequence[Attachment] = ()) -> fitting.Prompt:
        """The prompt as it stands, with a draft and its files that would be sent next.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        path = self._session.tree.path()
        reply = path.pop() if path and path[-1].role is Role.ASSISTANT else None
        return await fitting.prepare(self._session, self._engine, path, draft=draft, files=files, reply=reply)

    async def inspect(self, draft: str = "", files: Sequence[Attachment] = ()) -> tuple[fitting.Prompt, Inspected]:
        """The prompt as it stands, with a draft that would be sent next, token by token.

        Raises:
            EngineError: when the prompt cannot be made.
            EngineDied: when the process has ended.
        """
        prompt = await self.present(draft, files)
        template = self._session.persona.template
        return prompt, await self._engine.prompts.inspect(
            prompt.turns, template=template, open_last=prompt.open_last
        )

    async def pin(self, message_id: int, *, pinned: bool) -> None:
        """Let a message's turn stay in the context window, whatever leaves; or let it go."""
        self._session.tree[message_id].pinned = pinned
        await self._store.pin(message_id, pinned=pinned)

    async def undo_border(self, border_id: int, *, undone: bool) -> None:
        """Undo a border: the model sees again what is above it; or put it in force again."""
        self._session.tree[border_id].undone = undone
        await self._store.undo_border(border_id, undone=undone)

    async def rewrite_summary(self, border_id: int, text: str) -> Message:
        """Put a summary of one's own in the place of one; the one before stays in the tree."""
        parent = self._session.tree[border_id].parent
        assert parent is not None  # noqa: S101  a border stands below a message
        summary = await self._store.add_border(self._session.id, parent, text)
        self._session.tree.add(summary)
        return summary

    async def prepare(
        self, path: Sequence[Message], *, draft: str, files: Sequence[Attachment], reply: Message | None
    ) -> fitting.Prompt:
        """The prompt for a path before anything is kept; for the arguments see `fitting.prepare`.

        Raises:
            Refusal: when the engine cannot say.
        """
        try:
            return await fitting.prepare(self._session, self._engine, path, draft=draft, files=files, reply=reply)
        except (EngineDied, EngineError) as error:
            raise Refusal("engine", str(error)) from error

    async def cut(self, last: Message) -> Message:
        """Draw a border below a message: what is above it is left out."""
        border = await self._store.add_border(self._session.id, last.id)
        self._session.tree.add(border)
        return border
