"""The chat in view with files that go with its next message: found by `@`, read aside, shown, taken off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from textual import on, work
from textual.message import Message as Event

from chatapp.attaching import Fit, fit_of, given_of
from chatapp.chat import Chat
from chatapp.conversation.attachment import Attachment, Given, citations, files_text
from chatapp.conversation.by_parts import PartResult
from chatapp.conversation.message import Message
from chatapp.engine.client import EngineDied, EngineError
from chatapp.files import Stamp, Unreadable, read_file, sentence, stamp
from chatapp.files.listing import Found
from chatapp.fitting import file_tokens
from chatapp.store import StoreError
from chatapp.text import counted, display_line
from chatapp.tui.entries import file_facts
from chatapp.tui.estimating import about_parts
from chatapp.tui.lens_page import LensPage
from chatapp.tui.mentions import Finder
from chatapp.tui.screens.passage import PassageScreen
from chatapp.tui.screens.sheet import Item, Sheet
from chatapp.tui.screens.sources import SourcesScreen
from chatapp.tui.widgets.file_lines import AttachedLines, Chip, OfferLines
from chatapp.tui.widgets.transcript import Transcript
from chatapp.tui.widgets.writing_area import WritingArea


class AttachingPage(LensPage):
    """Attaches files to what is being written, and opens the passages that a reply cites."""

    class FilesChanged(Event):
        """Other files go with what is being written."""

    def on_mount(self) -> None:
        """Look for files where the app was started."""
        super().on_mount()
        self._finder = Finder(Path(os.getcwd()))  # noqa: PTH109
        self._offered: list[Found] = []

    # Finding ------------------------------------------------------------------------------------------------

    @on(WritingArea.Mentioned)
    def _mentioned(self, event: WritingArea.Mentioned) -> None:
        event.stop()
        if event.typed is None:
            self._finder.forget()
            self._offer([])
        else:
            self._look_for(event.typed)

    @work(group="mention", exclusive=True)
    async def _look_for(self, typed: str) -> None:
        self._offer(await asyncio.to_thread(self._finder.fitting, typed))

    def _offer(self, found: list[Found]) -> None:
        if self.composer.mention is None:
            found = []
        self._offered = found
        self.composer.offer(len(found))
        self.query_one(OfferLines).show([one.written for one in found])

    @on(WritingArea.OfferMoved)
    def _offer_moved(self, event: WritingArea.OfferMoved) -> None:
        event.stop()
        self.query_one(OfferLines).show([one.written for one in self._offered], event.at)

    @on(WritingArea.OfferTaken)
    def _offer_taken(self, event: WritingArea.OfferTaken) -> None:
        event.stop()
        if not 0 <= event.at < len(self._offered):
            return
        found = self._offered[event.at]
        if found.is_folder:
            self.composer.replace_mention(f'@"{found.written}' if " " in found.written else f"@{found.written}")
            return
        self.composer.replace_mention(found.path.name)
        self.attach(found.path)

    @on(WritingArea.PathPasted)
    def _path_pasted(self, event: WritingArea.PathPasted) -> None:
        event.stop()
        self.attach(Path(event.path), pasted=event.text)

    # Attaching ----------------------------------------------------------------------------------------------

    @work(group="attach")
    async def attach(self, path: Path, pasted: str = "") -> None:
        """Read a file for the next message; a pasted path that leads to no file is text."""
        chat = self.chat
        with suppress(RuntimeError):  # ~nobody
            path = await asyncio.to_thread(path.expanduser)
        if pasted and not await asyncio.to_thread(_is_file, path):
            self.composer.insert(pasted)
            return
        try:
            file = await read_file(path, [one.name for one in chat.files])
        except Unreadable as error:
            self.notify(sentence(path, error), markup=False, severity="warning", timeout=8)
            return
        if any((one.path, one.source) == (file.path, file.source) for one in chat.files):
            self.notify(f"{display_line(path.name)} goes along already.", markup=False, timeout=4)
            return
        fit = await self._fit(chat, file)
        chat.files = [*chat.files, file]
        await self.show_files()
        self.post_message(self.FilesChanged())
        self.plan_context()
        if fit is not None and not fit.fits:
            self._ask_what_to_give(chat, file, fit)

    async def _fit(self, chat: Chat, file: Attachment) -> Fit | None:
        """How it stands to the room there is; unknown while no model is loaded."""
        with suppress(EngineDied, EngineError):
            if self.desk.engine.alive and self.desk.model.ready:
                return await fit_of(chat, file, self.composer.text.strip("\n"), chat.files)
        return None

    def _ask_what_to_give(self, chat: Chat, file: Attachment, fit: Fit) -> None:
        """A file does not fit: the person chooses what is given of it."""
        items = [
            Item("of this file", "the passages that matter", detail="those with the words of your question",
                 right=f"up to {counted(fit.room, 'token')}", value=Given.PASSAGES),
            Item("of this file", "the beginning", detail="from the top, as much as fits",
                 right=f"up to {counted(fit.room, 'token')}", value=Given.BEGINNING),
            *self._by_parts(chat, fit),
            Item("of this file", "all of it at once", detail="what is older leaves the window, or it waits",
                 right=counted(fit.tokens, "token"), value=Given.WHOLE),
            Item("of this file", "nothing", detail="take it off again", value=None),
        ]  # fmt: skip
        said = f"{display_line(file.name)}: {counted(fit.tokens, 'token')}, {fit.room:,} free"
        self.app.push_screen(
            Sheet(items, placeholder=said, verb="give"), lambda item: self._chosen(chat, file, fit, item)
        )

    def _by_parts(self, chat: Chat, fit: Fit) -> list[Item]:
        """All of it, part by part, with about how many there are and how long that takes here."""
        return [
            Item("of this file", words, detail=detail, right=about_parts(chat, fit, given), value=given)
            for given, words, detail in (
                (Given.PARTS, "all of it, by parts", "what comes of them is brought together"),
                (Given.EACH_PART, "all of it, each part", "the results in order, as for a translation"),
            )
        ]

    def _chosen(self, chat: Chat, file: Attachment, fit: Fit, item: Item | None) -> None:
        if item is None or item.value is None:
            chat.files = [one for one in chat.files if one is not file]
            self._files_changed()
        elif isinstance(item.value, Given) and item.value is not Given.WHOLE:
            self._give(chat, file, item.value, fit.room)

    @work(group="give")
    async def _give(self, chat: Chat, file: Attachment, given: Given, room: int) -> None:
        chat.wanted[file.source] = (given, room)
        await self.fit_files(chat, self.composer.text)
        self._files_changed()

    async def fit_files(self, chat: Chat, question: str) -> None:
        """Choose again what is given of the files that do not fit, for what is asked now."""
        files = list(chat.files)
        for place, file in enumerate(files):
            given, room = chat.wanted.get(file.source, (Given.WHOLE, 0))
            if given is not Given.WHOLE:
                with suppress(EngineDied, EngineError):
                    files[place] = await given_of(self.desk.engine, file, given, question, room)
        chat.files = files

    @on(WritingArea.TakeOff)
    def take_off(self) -> None:
        """Take the last file off what is being written."""
        if self.chat.files:
            self.chat.files = self.chat.files[:-1]
            self._files_changed()

    def _files_changed(self) -> None:
        self.run_worker(self.show_files(), group="chips", exclusive=True)
        self.post_message(self.FilesChanged())
        self.plan_context()

    async def show_files(self) -> None:
        """The chips of the files that go with what is being written."""
        chat = self.chat
        chips = [await self._chip(file) for file in chat.files]
        if chat is self.desk.chat:
            self.query_one(AttachedLines).show(chips)

    async def _chip(self, file: Attachment) -> Chip:
        tokens = None
        with suppress(EngineDied, EngineError):
            if self.desk.engine.alive and self.desk.model.ready:
                tokens = await file_tokens(self.desk.engine, files_text([file]))
        seen = await asyncio.to_thread(stamp, Path(file.path)) if file.path else None
        warns = "" if seen in {None, Stamp(file.size, file.modified_ns)} else "changed since it was read"
        return Chip(file.name, file_facts(file, tokens), warns)

    async def renew_files(self, chat: Chat, question: str) -> None:
        """Read anew what has changed since it was attached, and say so."""
        files: list[Attachment] = []
        for file in chat.files:
            seen = await asyncio.to_thread(stamp, Path(file.path)) if file.path else None
            if seen is None or seen == Stamp(file.size, file.modified_ns):
                files.append(file)
                continue
            with suppress(Unreadable):
                now = await read_file(Path(file.path), [one.name for one in files])
                if now.source != file.source:
                    self.notify(
                        f"{display_line(file.name)} had changed: it was read anew.", markup=False, timeout=6
                    )
                    chat.wanted[now.source] = chat.wanted.get(file.source, (Given.WHOLE, 0))
                    file = now  # noqa: PLW2901
            files.append(file)
        chat.files = files
        await self.fit_files(chat, question)

    # Citations ----------------------------------------------------------------------------------------------

    @on(Transcript.Sources)
    def _sources(self, event: Transcript.Sources) -> None:
        event.stop()
        message = self.chat.session.tree.get(event.key)
        if message is None:
            return
        if files_above(self.chat, message.id):
            self._open_sources(message)
        else:
            self.notify("No file came with this.", markup=False, timeout=3)

    @on(Transcript.Cited)
    def _cited(self, event: Transcript.Cited) -> None:
        event.stop()
        for one in citations(event.citation, files_above(self.chat, event.key)):
            self.app.push_screen(PassageScreen(one.file, one.place))
            return

    @work(group="sources", exclusive=True)
    async def _open_sources(self, message: Message) -> None:
        """Open what a reply has it from, with what came of the parts where it was made by them."""
        files = files_above(self.chat, message.id)
        results: list[PartResult] = []
        if message.provenance.by_parts is not None:
            with suppress(StoreError):  # the files and the reply are there in any case
                results = await self.desk.store.parts.of(message.id)
        self.app.push_screen(SourcesScreen(citations(message.text, files), files, results))


def files_above(chat: Chat, message_id: int) -> Sequence[Attachment]:
    """The files that came with the messages up to this one; of two with one name the later counts."""
    by_name = {
        file.name.casefold(): file for message in chat.session.tree.path_to(message_id) for file in message.files
    }
    return list(by_name.values())


def _is_file(path: Path) -> bool:
    """Whether a path leads to a file; a text that is too long for a path does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
