"""What is written and not yet part of a conversation: the messages that wait, and the commands not answered yet.

It is kept with the draft of its session, so that nothing of it is lost if the app dies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chatapp.chat import Chat
from chatapp.conversation.attachment import Attachment
from chatapp.recording import Saved, Saving, Unsaved
from chatapp.store import NotSaved


class Waiting(NamedTuple):
    """A message that waits for the model, with the files that go with it."""

    chat: Chat
    text: str
    files: tuple[Attachment, ...]


class Unsent:
    """The queue of messages, and the drafts that hold it on disk.

    `place` gives a new session its place in the store; `hear_saving` is told when the disk refuses, and when it
    takes again what it refused.
    """

    def __init__(self, place: Callable[[Chat], Awaitable[None]], hear_saving: Callable[[Saving], None]) -> None:
        self.queue: list[Waiting] = []
        self._place = place
        self._hear_saving = hear_saving
        self._asked: defaultdict[Chat, list[str]] = defaultdict(list)
        """Commands whose dialogs are not answered yet, each with the chat that it was written in."""
        self._refused = ""

    def of(self, chat: Chat) -> list[str]:
        """The messages of a chat that wait for the model."""
        return [one.text for one in self.queue if one.chat is chat]

    def add(self, chat: Chat, text: str) -> None:
        """Let a message wait, with the files that go with it."""
        chat.session.draft, chat.session.draft_files = "", ()
        self.queue.append(Waiting(chat, text, tuple(chat.files)))
        chat.files = []

    def take_back(self, chat: Chat) -> str | None:
        """The last message of a chat that waits, taken out of the queue; its files are the draft's again."""
        for place in reversed(range(len(self.queue))):
            if self.queue[place].chat is chat:
                waited = self.queue.pop(place)
                chat.files = [*waited.files, *chat.files]
                return waited.text
        return None

    def sent(self, waited: Waiting | None) -> None:
        """A message is part of its conversation now."""
        self.queue = [one for one in self.queue if one is not waited]

    def forget(self, chat: Chat) -> None:
        """Nothing of a chat is to be sent any more."""
        self.queue = [one for one in self.queue if one.chat is not chat]

    def hold(self, chat: Chat, command: str, *, done: bool = False) -> None:
        """Keep a command with the draft until what it asks is answered: then it is done."""
        if done:
            self._asked[chat].remove(command)
        else:
            self._asked[chat].append(command)

    @property
    def asking(self) -> bool:
        """Whether a command's dialog is not answered yet."""
        return any(self._asked.values())

    async def save_draft(self, chat: Chat, draft: str) -> None:
        """Keep what is being written, with what waits, and their files: nothing is lost if the app dies."""
        text = "\n\n".join([*self.of(chat), *self._asked[chat], draft]).strip("\n")
        files = [file for one in self.queue if one.chat is chat for file in one.files]
        files += chat.session.draft_files
        if chat.store.read_only or not (chat.session.id or text.strip() or files):
            return
        try:
            await self._place(chat)
            await chat.store.save_draft(chat.session.id, text, files)
        except NotSaved as error:
            self.refuse("draft", error)
        else:
            self.accept("draft")

    async def save_again(self, chat: Chat) -> None:
        """Save the draft again, since a message took its place in the store; its session need not be in view."""
        if chat.session.draft or chat.session.draft_files or self.of(chat) or self._asked[chat]:
            await self.save_draft(chat, chat.session.draft)

    def refuse(self, what: str, error: NotSaved) -> None:
        """The disk refuses: said for as long as it does, while the text waits in memory."""
        self._refused = what
        self._hear_saving(Unsaved(str(error)))

    def accept(self, what: str) -> None:
        """The disk takes it."""
        if self._refused == what:
            self._refused = ""
            self._hear_saving(Saved())
