"""Keeps the KV states of sessions on disk: when one is left, when the model is idle for a while, and at the end.

Nobody waits for it: all of it happens beside the screen and the turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from chatapp.chat import Chat
from chatapp.engine.recall import Recall

IDLE_SECONDS = 20.0
"""Without a turn, until what was computed since is kept."""


class Keeping:
    """When the states of the open chats are brought back and kept; without a `recall`, never."""

    def __init__(self, recall: Recall | None) -> None:
        self.recall = recall
        self._due: set[Chat] = set()
        """Chats with something new since they were kept."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, chat: Chat) -> None:
        """A chat has come into view: have its state in the engine before its next message."""
        chat.recall = self.recall
        if self.recall is not None and chat.session.uid:
            self._start(self.recall.bring_back(chat.session.uid))

    def left(self, chat: Chat | None) -> None:
        """A chat has gone out of view."""
        if chat in self._due:
            self._start(self._keep(chat))

    def turn_began(self) -> None:
        """The model is busy."""
        if self._timer is not None:
            self._timer.cancel()

    def turn_ended(self, chat: Chat) -> None:
        """The model is free, and a chat has something new."""
        self.turn_began()
        if self.recall is not None:
            self._due.add(chat)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(IDLE_SECONDS, lambda: self._start(self._keep_all()))

    def forget(self, uid: str) -> None:
        """A session was thrown away."""
        self._due = {chat for chat in self._due if chat.session.uid != uid}
        if self.recall is not None:
            self._start(self.recall.forget(uid))

    async def close(self, seconds: float) -> None:
        """Keep what is new, if that takes no longer."""
        self.turn_began()
        self._start(self._keep_all())
        await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()

    async def _keep_all(self) -> None:
        for chat in list(self._due):
            await self._keep(chat)

    async def _keep(self, chat: Chat) -> None:
        self._due.discard(chat)
        await chat.keep_state()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
