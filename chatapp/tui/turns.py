"""What is asked of the model, one turn after another: what runs, what waits for it, and what waits for room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial

from chatapp.chat import Chat
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Kind
from chatapp.errors import Refusal
from chatapp.fitting import NoRoom
from chatapp.store import NotSaved, StoreError
from chatapp.tui.keeping import Keeping
from chatapp.tui.listener import Listener
from chatapp.tui.loader import Loader
from chatapp.tui.unsent import Unsent, Waiting
from chatapp.turn import Began, Ended, TurnEvent

RETRY_SECONDS = 2.0
"""Until a message that the disk refused is tried again."""

Verb = Callable[[Policy | None], AsyncGenerator[TurnEvent, None]]
"""A turn that can be run, given what is to be done once if the context window is full."""


class Turns:
    """Runs one turn at a time, and sends what waits as soon as the model is free."""

    def __init__(
        self,
        unsent: Unsent,
        loader: Loader,
        states: Keeping,
        listener: Listener,
        place: Callable[[Chat], Awaitable[None]],
    ) -> None:
        self._unsent = unsent
        self._loader = loader
        self._states = states
        self._listener = listener
        self._place = place
        self._no_room: dict[Chat, tuple[NoRoom, Verb, Waiting | None]] = {}
        """The chats whose next turn does not fit into the window, that turn, and the message that waits for it."""
        self._turn: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a reply is being written, in whatever session."""
        return self._turn is not None and not self._turn.done()

    @property
    def free(self) -> bool:
        """Whether a turn can begin."""
        return self._loader.state.ready and not self.busy

    async def over(self) -> None:
        """Wait until the running turn is over and kept."""
        if self._turn is not None:
            await asyncio.shield(self._turn)

    async def close(self, seconds: float) -> None:
        """Wait for the running turn, and end it if it takes longer."""
        if self._turn is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn, seconds)

    # Messages -----------------------------------------------------------------------------------------------

    def submit(self, chat: Chat, text: str) -> None:
        """Send a message, with the files that go with it, as soon as the model is free; until then it waits."""
        self._unsent.add(chat, text)
        self._listener.hear_waiting()
        self.pump()

    def take_back(self, chat: Chat) -> str | None:
        """The last message of a chat that waits, taken out of the queue."""
        text = self._unsent.take_back(chat)
        if text is not None:
            if not self._unsent.of(chat):
                self._no_room.pop(chat, None)
            self._listener.hear_waiting()
        return text

    def pump(self) -> None:
        """Send what waits longest, if the model is free; it leaves the queue when it is on disk."""
        waited = next((one for one in self._unsent.queue if one.chat not in self._no_room), None)
        if waited is not None and self.free:
            verb = partial(waited.chat.send, waited.text, files=waited.files)
            self._turn = asyncio.create_task(self._run(waited.chat, verb, waited))

    def forget(self, chat: Chat) -> None:
        """Nothing of a chat is to be run any more."""
        chat.stop()
        self._no_room.pop(chat, None)
        self._unsent.forget(chat)

    # Room in the window -------------------------------------------------------------------------------------

    def no_room(self, chat: Chat) -> NoRoom | None:
        """Why the next turn of a chat waits for room in the context window, if it does."""
        return self._no_room[chat][0] if chat in self._no_room else None

    def make_fit(self, chat: Chat, on_full: Policy) -> bool:
        """Run what waits for room in a chat, and do this for it; whether there was anything."""
        if chat not in self._no_room or not self.free:
            return False
        _, verb, waited = self._no_room.pop(chat)
        self._turn = asyncio.create_task(self._run(chat, verb, waited, on_full))
        return True

    def try_again(self, chat: Chat) -> None:
        """Something has changed that may make room for what waits in a chat."""
        if self._no_room.pop(chat, None) is not None:
            self._listener.hear_waiting()
            self.pump()

    def try_all_again(self) -> None:
        """The window is another one, and may have room for all that waits."""
        self._no_room.clear()
        self.pump()

    # The turn -----------------------------------------------------------------------------------------------

    def run(self, chat: Chat, verb: Verb, on_refused: Callable[[], None] = lambda: None) -> bool:
        """Run a turn of a chat, if the model is free; whether it was.

        `on_refused` is called when nothing came of it, so that what was typed can be given back.
        """
        if not self.free:
            return False
        self._no_room.pop(chat, None)
        self._turn = asyncio.create_task(self._run(chat, verb, on_refused=on_refused))
        return True

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
        self._states.turn_began()
        try:
            await self._place(chat)
            async with aclosing(verb(on_full)) as events:
                async for event in events:
                    if isinstance(event, Began):
                        await self._began(chat, event, waited)
                    elif isinstance(event, Ended):
                        self._loader.learn(event.reply)
                    self._listener.hear_turn(chat, event)
        except NoRoom as refused:
            self._no_room[chat] = (refused, verb, waited)
            on_refused()
        except NotSaved as error:
            pause = RETRY_SECONDS
            self._unsent.refuse("turn", error)
        except (StoreError, Refusal) as error:
            pause = RETRY_SECONDS
            self._listener.tell_trouble(str(error))
            on_refused()
        finally:
            self._turn = None
            self._states.turn_ended(chat)
            self._listener.hear_idle()
            asyncio.get_running_loop().call_later(pause, self.pump)

    async def _began(self, chat: Chat, event: Began, waited: Waiting | None) -> None:
        """The turn is on disk, and with it the message that waited for it."""
        self._unsent.accept("turn")
        if event.reply.kind is not Kind.SUMMARY:
            self._unsent.sent(waited)
        try:
            await self._unsent.save_again(chat)
        except StoreError as error:
            self._listener.tell_trouble(str(error))
