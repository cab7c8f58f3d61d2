"""A screen whose sessions column lists what was talked about, and does what is wished there."""

from __future__ import annotations

from datetime import datetime

from textual import on, work

from chatapp.conversation.session import SessionHead
from chatapp.store import StoreError
from chatapp.tui.collector import collector_rests
from chatapp.tui.screens.sampling_screen import SamplingScreen
from chatapp.tui.tagging import choose_tag, tag_session
from chatapp.tui.widgets.sessions import SessionList

SESSIONS_AT_ONCE = 500
"""Sessions that the list is given at first, and more each time its end comes near."""


class SessionsScreen(SamplingScreen):
    """Brings sessions into view, begins, names, pins and throws them away."""

    _most_sessions = SESSIONS_AT_ONCE
    _tag = ""
    """The tag that the list is narrowed to, if it is."""

    def show_chat(self) -> None:
        """Everything about the chat in view, anew."""
        self.page.show_chat()
        self.fill_columns()

    def fill_columns(self) -> None:
        """The sessions and the settings, wherever they are shown."""
        self.show_sampling()
        self.show_sessions()

    @work(group="sessions", exclusive=True)
    async def show_sessions(self) -> None:
        """The list of sessions."""
        try:
            heads = await self.desk.sessions(self._most_sessions, self._tag)
        except StoreError as error:
            self.desk.tell(error)
            return
        file = self.desk.model.file
        for one in self.columns(SessionList):
            one.show(
                heads,
                self.chat.session.uid,
                now=datetime.now().astimezone(),
                model=file.name if file else "",
                quantisation=file.quantisation if file else "",
                tag=self._tag,
            )

    # What is wished -----------------------------------------------------------------------------------------

    async def begin(self, persona: str | None) -> None:
        """Start a session with a persona."""
        await self.page.save_draft(self.chat)
        with self.page.trouble_told():
            await self.desk.begin(persona)
        self.show_chat()
        self.page.composer.focus()

    async def open_session(self, uid: str) -> None:
        """Bring a session into view."""
        await self.page.save_draft(self.chat)
        with collector_rests():
            with self.page.trouble_told():
                await self.desk.show(uid)
            self.show_chat()
        self.page.composer.focus()

    async def restore(self, uid: str) -> None:
        """Bring a session back from the trash, and into view."""
        with self.page.trouble_told():
            await self.desk.restore(uid)
        await self.open_session(uid)

    async def apply_persona(self, name: str) -> None:
        """Give this session another persona, from the next reply on."""
        with self.page.trouble_told():
            await self.desk.apply_persona(name)
        self.show_chat()
        self.page.composer.focus()

    @on(SessionList.Opened)
    async def _opened(self, event: SessionList.Opened) -> None:
        self.close_drawer()
        await self.open_session(event.uid)

    @on(SessionList.Renamed)
    async def _renamed(self, event: SessionList.Renamed) -> None:
        with self.page.trouble_told():
            await self.desk.rename(event.uid, event.title)
        self.page.show_names()
        self.show_sessions()

    @on(SessionList.NearEnd)
    def _more_sessions(self, event: SessionList.NearEnd) -> None:
        if event.shown >= self._most_sessions:
            self._most_sessions += SESSIONS_AT_ONCE
            self.show_sessions()

    @on(SessionList.Pinned)
    async def _pinned(self, event: SessionList.Pinned) -> None:
        with self.page.trouble_told():
            await self.desk.pin(event.uid, pinned=event.pinned)
        self.show_sessions()

    def show_tagged(self, tag: str) -> None:
        """Narrow the list to the sessions with a tag, and go to it; without one, show all of them again."""
        self._tag = tag
        self.show_sessions()
        if not any(one.has_focus for one in self.columns(SessionList)):
            self.action_column("sessions")

    @on(SessionList.Tagging)
    def _tagging(self, event: SessionList.Tagging) -> None:
        head = event.head
        self.run_worker(self._tag_session(head), group="tags", exclusive=True)

    async def _tag_session(self, head: SessionHead) -> None:
        with self.page.trouble_told():
            await tag_session(self, head.uid, head.title, head.tags)

    @on(SessionList.Narrowing)
    def _narrowing(self) -> None:
        if self._tag:
            self.show_tagged("")
        else:
            self.run_worker(choose_tag(self), group="tags", exclusive=True)

    @on(SessionList.Duplicated)
    async def _duplicated(self, event: SessionList.Duplicated) -> None:
        with self.page.trouble_told():
            await self.desk.store.duplicate(event.uid)
        self.show_sessions()

    @on(SessionList.Trashed)
    async def _trashed(self, event: SessionList.Trashed) -> None:
        with self.page.trouble_told():
            await self.desk.trash(event.uid)
            if event.uid == self.chat.session.uid:
                await self.desk.begin()
                self.page.show_chat()
        self.show_sessions()

    @on(SessionList.Restored)
    async def _restored(self, event: SessionList.Restored) -> None:
        with self.page.trouble_told():
            await self.desk.restore(event.uid)
        self.show_sessions()
