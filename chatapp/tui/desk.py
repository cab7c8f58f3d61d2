"""What lies on the desk: the store, the engine, the chats that are open, and the messages that wait.

The screen asks the desk to do things and is told what happened through its listener; the desk knows no widget.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import NamedTuple, Protocol

from chatapp.chat import Began, Chat, Ended, TurnEvent
from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Kind
from chatapp.conversation.session import Session, SessionHead
from chatapp.engine.catalog import ModelFile
from chatapp.engine.client import Engine
from chatapp.errors import Refusal
from chatapp.fitting import NoRoom
from chatapp.home import Home
from chatapp.recording import Saved, Saving, Unsaved
from chatapp.store import Damaged, NotSaved, Store, StoreError
from chatapp.tui.keeping import Keeping
from chatapp.tui.loader import Loader, ModelState
from chatapp.tui.watch import catch_up, follow, look_after

CLOSE_SECONDS = 2.0
RETRY_SECONDS = 2.0
"""Until a message that the disk refused is tried again."""


Verb = Callable[[Policy | None], AsyncGenerator[TurnEvent, None]]
"""A turn that can be run, given what is to be done once if the context window is full."""


class Waiting(NamedTuple):
    """A message that waits for the model, with the files that go with it."""

    chat: Chat
    text: str
    files: tuple[Attachment, ...]


class Listener(Protocol):
    """Who is told: called on the event loop, and quick."""

    def hear_turn(self, chat: Chat, event: TurnEvent) -> None:
        """Something happened in a turn, of the chat in view or of another."""

    def hear_saving(self, saving: Saving) -> None:
        """The disk refuses a reply, or has taken it after all."""

    def hear_model(self) -> None:
        """The model is another, or loads, or failed to."""

    def hear_waiting(self) -> None:
        """What waits has changed."""

    def hear_idle(self) -> None:
        """A turn is over, and the model is free."""

    def hear_others(self, chat: Chat | None) -> None:
        """Another window has written something; in this chat, if one is given."""

    def hear_damage(self, error: StoreError) -> None:
        """The file that holds the chats was found to be damaged."""

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done."""


class Desk:
    """The store, the engine, the open chats and the queue of messages."""

    def __init__(self, home: Home, listener: Listener) -> None:
        self.home = home
        self.chat: Chat | None = None
        self.engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
        self.loader = Loader(self.engine, home, self, listener.hear_model)
        self.store: Store
        self.states = Keeping(None)
        self._listener = listener
        self._chats: dict[str, Chat] = {}
        self._waiting: list[Waiting] = []
        self._no_room: dict[Chat, tuple[NoRoom, Verb, Waiting | None]] = {}
        """The chats whose next turn does not fit into the window, that turn, and the message that waits for it."""
        self._asked: defaultdict[Chat, list[str]] = defaultdict(list)
        """Commands whose dialogs are not answered yet, each with the chat that it was written in."""
        self._turn: asyncio.Task[None] | None = None
        self._behind: list[asyncio.Task[None]] = []
        self._refused = ""
        self._keeping = asyncio.Lock()
        self._open = False

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
        self._open = True
        kept = not (temporary or self.store.read_only)
        self.states = Keeping(self.home.recall(self.engine) if kept else None)
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
        if self._turn is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn, CLOSE_SECONDS)
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
        if self._turn is not None:
            self.stop_all()
            await asyncio.shield(self._turn)

    async def use(self, file: ModelFile) -> None:
        """Answer with this model from now on, in every chat, and send what waits."""
        for chat in {*self._chats.values(), *filter(None, [self.chat])}:
            chat.options = self.loader.options(file)
        if self.chat is not None:
            self.states.opened(self.chat)
            self.chat.session.model = str(file.path)
            if self.chat.session.id:
                await self.store.save_model(self.chat.session.id, str(file.path))
        self._no_room.clear()  # another window has other room
        self._pump()

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done."""
        self._listener.tell_trouble(sentence)

    # Sessions -----------------------------------------------------------------------------------------------

    async def sessions(self, limit: int | None = None) -> list[SessionHead]:
        """The sessions, the pinned ones first, then the one used last; so many at most."""
        heads = await self.store.sessions(limit=limit, pinned_first=True)
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

    async def save_draft(self, chat: Chat, draft: str) -> None:
        """Keep what is being written, with what waits: neither is lost if the app dies."""
        text = "\n\n".join([*self.waiting(chat), *self._asked[chat], draft]).strip("\n")
        if self.store.read_only or not (chat.session.id or text.strip()):
            return
        try:
            await self.keep(chat)
            await self.store.save_draft(chat.session.id, text)
        except NotSaved as error:
            self._refuse("draft", error)
        else:
            self._accept("draft")

    def hold(self, chat: Chat, command: str, *, done: bool = False) -> None:
        """Keep a command with the draft until what it asks is answered: then it is done."""
        if done:
            self._asked[chat].remove(command)
        else:
            self._asked[chat].append(command)

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

    async def trash(self, uid: str) -> None:
        """Move a session to the trash."""
        session = await self._session(uid)
        if (chat := self._chats.pop(uid, None)) is not None:
            chat.stop()
            self._no_room.pop(chat, None)
            self._waiting = [one for one in self._waiting if one.chat is not chat]
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
        chat.on_saving = self._listener.hear_saving
        if session.uid:
            self._chats[session.uid] = chat
        return chat

    # Turns --------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a reply is being written, in whatever session."""
        return self._turn is not None and not self._turn.done()

    def waiting(self, chat: Chat) -> list[str]:
        """The messages of a chat that wait for the model."""
        return [one.text for one in self._waiting if one.chat is chat]

    def submit(self, text: str) -> None:
        """Send a message, with the files that go with it, as soon as the model is free; until then it waits."""
        assert self.chat is not None  # noqa: S101  there is a chat in view before anything can be written
        self.chat.session.draft = ""
        self._waiting.append(Waiting(self.chat, text, tuple(self.chat.files)))
        self.chat.files = []
        self._listener.hear_waiting()
        self._pump()

    def take_back(self) -> str | None:
        """The last message of the chat in view that waits, taken out of the queue."""
        for place in reversed(range(len(self._waiting))):
            if self._waiting[place].chat is self.chat:
                waited = self._waiting.pop(place)
                self.chat.files = [*waited.files, *self.chat.files]
                if not self.waiting(self.chat):
                    self._no_room.pop(self.chat, None)
                self._listener.hear_waiting()
                return waited.text
        return None

    def run(self, verb: Verb, on_refused: Callable[[], None] = lambda: None) -> bool:
        """Run a turn of the chat in view, if the model is free; whether it was.

        `on_refused` is called when nothing came of it, so that what was typed can be given back.
        """
        if self.chat is None or self.busy or not self.model.ready:
            return False
        self._no_room.pop(self.chat, None)
        self._turn = asyncio.create_task(self._run(self.chat, verb, on_refused=on_refused))
        return True

    def no_room(self, chat: Chat) -> NoRoom | None:
        """Why the next turn of a chat waits for room in the context window, if it does."""
        return self._no_room[chat][0] if chat in self._no_room else None

    def make_fit(self, on_full: Policy) -> bool:
        """Run what waits for room in the chat in view, and do this for it; whether there was anything."""
        if self.chat is None or self.chat not in self._no_room or self.busy or not self.model.ready:
            return False
        _, verb, waited = self._no_room.pop(self.chat)
        self._turn = asyncio.create_task(self._run(self.chat, verb, waited, on_full))
        return True

    def try_again(self) -> None:
        """Something has changed that may make room for what waits in the chat in view."""
        if self.chat is not None and self._no_room.pop(self.chat, None) is not None:
            self._listener.hear_waiting()
            self._pump()

    async def choose_policy(self, policy: Policy | None) -> None:
        """Choose what is done in the chat in view when the context window is full."""
        if self.chat is not None:
            await self.chat.room.choose_policy(policy)
            self.try_again()

    def _pump(self) -> None:
        """Send what waits longest, if the model is free; it leaves the queue when it is on disk."""
        if self.busy or not self.model.ready:
            return
        waited = next((one for one in self._waiting if one.chat not in self._no_room), None)
        if waited is not None:
            verb = partial(waited.chat.send, waited.text, files=waited.files)
            self._turn = asyncio.create_task(self._run(waited.chat, verb, waited))

    async def _run(
        self,
        chat: Chat,
        verb: Verb,
        waited: Waiting | None = None,
        on_full: Policy | None = None,
        *,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        pause = 0.0
        self.states.turn_began()
        try:
            await self.keep(chat)
            async with aclosing(verb(on_full)) as events:
                async for event in events:
                    if isinstance(event, Began):
                        self._accept("turn")
                    if isinstance(event, Began) and event.reply.kind is Kind.SUMMARY:
                        await self._keep_unsent(chat)
                    elif isinstance(event, Began):
                        self._waiting = [one for one in self._waiting if one is not waited]
                        await self._keep_unsent(chat)
                    elif isinstance(event, Ended):
                        self.loader.learn(event.reply)
                    self._listener.hear_turn(chat, event)
        except NoRoom as refused:
            self._no_room[chat] = (refused, verb, waited)
            on_refused()
        except NotSaved as error:
            pause = RETRY_SECONDS
            self._refuse("turn", error)
        except (StoreError, Refusal) as error:
            pause = RETRY_SECONDS
            self._listener.tell_trouble(str(error))
            on_refused()
        finally:
            self._turn = None
            self.states.turn_ended(chat)
            self._listener.hear_idle()
            asyncio.get_running_loop().call_later(pause, self._pump)

    async def _keep_unsent(self, chat: Chat) -> None:
        """Save the draft again, since a message took its place in the store; its session need not be in view."""
        if chat.session.draft or self.waiting(chat) or self._asked[chat]:
            try:
                await self.save_draft(chat, chat.session.draft)
            except StoreError as error:
                self._listener.tell_trouble(str(error))

    def _refuse(self, what: str, error: NotSaved) -> None:
        """The disk refuses: said for as long as it does, while the text waits in memory."""
        self._refused = what
        self._listener.hear_saving(Unsaved(str(error)))

    def _accept(self, what: str) -> None:
        if self._refused == what:
            self._refused = ""
            self._listener.hear_saving(Saved())

    def stop_all(self) -> None:
        """Ask every reply that is being written to stop."""
        for chat in self._chats.values():
            chat.stop()
