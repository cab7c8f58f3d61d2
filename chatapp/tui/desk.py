"""What lies on the desk: the store, the engine, and the chats that are open.

The screen asks the desk to do things and is told what happened through its listener; the desk knows no widget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from chatapp.calls import Toolbox
from chatapp.chat import Chat
from chatapp.conversation.session import Session, SessionHead, tag_from
from chatapp.engine.catalog import ModelFile
from chatapp.engine.client import Engine
from chatapp.home import Home
from chatapp.store import Damaged, Store, StoreError
from chatapp.tui.keeping import Keeping
from chatapp.tui.listener import Listener
from chatapp.tui.loader import Loader, ModelState
from chatapp.tui.turns import Turns
from chatapp.tui.unsent import Unsent
from chatapp.tui.watch import catch_up, follow, look_after

NOT_KEPT = "This session is temporary: nothing is written."
CLOSE_SECONDS = 2.0


class Desk:
    """The store, the engine, and the open chats with what is asked in them."""

    def __init__(self, home: Home, listener: Listener) -> None:
        self.home = home
        self.chat: Chat | None = None
        self.engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
        self.loader = Loader(self.engine, home, self, listener.hear_model)
        self.store: Store
        self.states = Keeping(None)
        self.unsent = Unsent(self.keep, listener.hear_saving)
        self.turns = Turns(self.unsent, self.loader, self.states, listener, self.keep)
        self._listener = listener
        self._chats: dict[str, Chat] = {}
        self._behind: list[asyncio.Task[None]] = []
        self._keeping = asyncio.Lock()
        self._open = False
        self._refuses = ""
        """Why no tool may write, where that is so."""

    # Opening and closing ------------------------------------------------------------------------------------

    async def open(self, *, temporary: bool, reading: str = "") -> None:
        """Open the store; `reading` says why it is to be opened for reading only, if it is.

        Raises:
            StoreError: when it cannot be used.
        """
        if temporary:
            self.home.experience.write_nothing()
        path = self.home.paths.database
        if temporary:
            self.store = await Store.temporary()
        elif reading:
            self.store = await Store.open_for_reading(path, reading)
        else:
            self.store = await Store.open_as_possible(path)
        self._open, self._refuses = True, NOT_KEPT if temporary else ""
        kept = not (temporary or self.store.read_only)
        self.states.recall = self.home.recall(self.engine) if kept else None
        self._behind = [asyncio.create_task(look_after(self.store, self.tell))]
        if not temporary:
            self._behind.append(asyncio.create_task(follow(self.store, self._hear_others)))

    async def _hear_others(self) -> None:
        chat = self.chat
        own = chat.streaming.id if chat and chat.streaming else None
        if chat is not None and chat.session.id and await catch_up(self.store, chat.session, own):
            self._listener.hear_others(chat)
        else:
            self._listener.hear_others(None)

    def tell(self, error: StoreError) -> None:
        """Tell of what went wrong with the chats; a damaged file that is not known yet is more than trouble."""
        if isinstance(error, Damaged) and not self.store.read_only:
            self._listener.hear_damage(error)
        else:
            self._listener.tell_trouble(str(error))

    async def close(self) -> None:
        """Stop what runs, keep what was said, end the engine."""
        self.stop_all()
        for task in self._behind:
            task.cancel()
        await self.loader.close()
        await self.turns.close(CLOSE_SECONDS)
        await self.states.close(CLOSE_SECONDS)
        await self.engine.close()
        if self._open:
            await self.store.close()

    # The model ----------------------------------------------------------------------------------------------

    @property
    def model(self) -> ModelState:
        """The model, and how far its load is."""
        return self.loader.state

    def load(self, file: ModelFile) -> None:
        """Load a model, which then takes the place of the present one."""
        self.loader.load(file)

    async def make_room(self) -> None:
        """Stop the running reply, and wait until it is kept."""
        self.stop_all()
        await self.turns.over()

    def stop_all(self) -> None:
        """Ask every reply that is being written to stop."""
        for chat in self._chats.values():
            chat.stop()

    async def use(self, file: ModelFile) -> None:
        """Answer with this model from now on, in every chat, and send what waits."""
        for chat in {*self._chats.values(), *filter(None, [self.chat])}:
            chat.options = self.loader.options(file)
        if self.chat is not None:
            self.states.opened(self.chat)
            self.chat.session.model = str(file.path)
            if self.chat.session.id:
                await self.store.save_model(self.chat.session.id, str(file.path))
        self.turns.try_all_again()

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done."""
        self._listener.tell_trouble(sentence)

    # Sessions -----------------------------------------------------------------------------------------------

    async def sessions(self, limit: int | None = None, tag: str = "") -> list[SessionHead]:
        """The sessions (with a tag, if given), the pinned ones first, then the one used last; so many at most."""
        heads = await self.store.sessions(limit=limit, pinned_first=True, tag=tag)
        for head in heads:
            chat = self._chats.get(head.uid)
            head.streaming = bool(chat and chat.streaming)
        return heads

    async def show(self, uid: str) -> Chat:
        """Bring a session into view; one whose reply streams goes on as it is.

        Raises:
            NoSuchSession: when it is gone.
        """
        chat = self._chats.get(uid)
        if chat is None:
            chat = self._hold(await self.store.session(uid))
        return self._view(chat)

    async def begin(self, persona_name: str | None = None) -> Chat:
        """Start a session. It is kept from its first word on, so that looking around leaves nothing behind.

        Raises:
            Refusal: when there is no such persona.
        """
        name = self.model.file.name if self.model.file else ""
        return self._view(self._hold(Session(0, "", "", self.home.persona(persona_name, name))))

    def _view(self, chat: Chat) -> Chat:
        if chat is not self.chat:
            self.states.left(self.chat)
        self.chat = chat
        self.states.opened(chat)
        return chat

    async def apply_persona(self, name: str) -> None:
        """Give the chat in view another persona, from the next reply on.

        Raises:
            Refusal: when there is no such persona.
        """
        chat = self.chat
        assert chat is not None  # noqa: S101  it is asked for from the page
        chat.session.persona = self.home.persona(name, self.model.file.name if self.model.file else "")
        if chat.session.id:
            await self.store.save_persona(chat.session.id, chat.session.persona)

    async def keep(self, chat: Chat) -> None:
        """Give a new session its place in the store."""
        session = chat.session
        async with self._keeping:  # a draft and a message may want the place at once
            if session.id:
                return
            kept = await self.store.create_session(
                session.persona, preset=session.preset, overrides=session.overrides, model=session.model
            )
            session.id, session.uid = kept.id, kept.uid
            self._chats[session.uid] = chat
            if session.on_full is not None:
                await self.store.save_policy(session.id, session.on_full)

    async def rename(self, uid: str, title: str) -> None:
        """Give a session a title of one's own."""
        session = await self._session(uid)
        await self.store.rename(session.id, title)
        session.title = title

    async def pin(self, uid: str, *, pinned: bool) -> None:
        """Hold a session at the top of the list, or let it go."""
        session = await self._session(uid)
        await self.store.pin_session(session.id, pinned=pinned)
        session.pinned = pinned

    async def tag(self, uid: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Put tags on a session and take others off; returns those that it carries then."""
        session = await self._session(uid)
        await self.store.tag(session.id, add, remove)
        gone = {tag_from(name) for name in remove}
        session.tags = tuple(sorted({*session.tags, *filter(None, map(tag_from, add))} - gone))
        return session.tags

    async def trash(self, uid: str) -> None:
        """Move a session to the trash."""
        session = await self._session(uid)
        if (chat := self._chats.pop(uid, None)) is not None:
            self.turns.forget(chat)
        await self.store.trash(session.id)
        self.states.forget(uid)

    async def restore(self, uid: str) -> None:
        """Bring a session back from the trash."""
        await self.store.restore((await self._session(uid)).id)

    async def _session(self, uid: str) -> Session:
        chat = self._chats.get(uid)
        return chat.session if chat else await self.store.session(uid)

    def _hold(self, session: Session) -> Chat:
        file = self.model.file
        options = self.loader.options(file) if file else None
        on_full = self.home.settings.on_full
        chat = Chat(session, self.store, self.engine, options, self.loader.report, on_full=on_full)
        chat.files = list(session.draft_files)
        chat.toolbox = Toolbox(self.store, self.home.memory, self._listener.agrees, self._refuses)
        chat.on_saving = self._listener.hear_saving
        if session.uid:
            self._chats[session.uid] = chat
        return chat
