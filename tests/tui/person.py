"""Someone who uses the whole app in a test without a terminal."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager

from textual.events import Paste

from chatapp.conversation.message import Role
from chatapp.tui.screens.main import MainScreen


class Person:
    """Someone at the keys of the app, who can also look into the store."""

    def __init__(self, app, pilot, hold=None):
        self.app = app
        self.pilot = pilot
        self.hold = hold

    @property
    def screen(self):
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    @property
    def desk(self):
        return self.screen.desk

    @property
    def chat(self):
        return self.screen.chat

    @property
    def draft(self):
        return self.screen.page.composer.text

    async def until(self, true, seconds=10):
        """Wait until something holds."""
        for _ in range(round(seconds / 0.02)):
            assert self.app._exception is None
            if true():
                await self.pilot.pause()
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not come to that in time")

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text):
        """Write into whatever has the focus; all at once, since pressing a key takes a test 50 ms."""
        self.app.focused.post_message(Paste(text))
        await self.pilot.pause()

    async def say(self, text):
        """Write and send, without waiting for the reply."""
        await self.type(text)
        await self.press("enter")

    async def ask(self, text):
        """Write and send, and wait for the whole reply."""
        await self.say(text)
        await self.until(lambda: len(self.chat.session.tree) >= 2 and self.idle)

    @property
    def idle(self):
        return self.desk.turns.free and not self.desk.unsent.queue

    @contextmanager
    def engine_held(self):
        """The metronome says no more than a reply's first word meanwhile: what is true of it stays true."""
        self.hold.touch()
        try:
            yield
        finally:
            self.hold.unlink()

    async def kept(self):
        """The session in view, as the store has it."""
        return await self.desk.store.session(self.chat.session.uid)

    async def said(self):
        """The texts of the active path in the store, replies by their status."""
        path = (await self.kept()).tree.path()
        return [message.text if message.role is Role.USER else message.status for message in path]

    async def heads(self):
        return await self.desk.store.sessions()

    async def wait_for_heads(self, titles):
        for _ in range(200):
            found = [head.title for head in await self.heads()]
            if found == titles:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{found} instead of {titles}")


@asynccontextmanager
async def at_the_keys(app, *, size, notifications=False):
    """Someone who sits down when a chat is open and the model is there, and leaves the app in good order."""
    async with app.run_test(size=size, notifications=notifications) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.desk.chat is not None, 30)
        await person.until(lambda: person.desk.model.ready, 60)
        try:
            yield person
        finally:
            await app.action_leave()
