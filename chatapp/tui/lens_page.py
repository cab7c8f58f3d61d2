"""The lens over the chat in view: opened, moved, left, and used to go on with another token."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message as Event

from chatapp.conversation.message import Kind, Message, Role
from chatapp.tui.lens_state import Reading
from chatapp.tui.lens_view import LensView
from chatapp.tui.widgets.lens_bar import LensBar
from chatapp.tui.widgets.transcript import Transcript


class LensPage(LensView):
    """Opens the lens, moves it by its keys, and goes on with another token."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "lens", "lens: how each token was decided", id="lens.open"),
    ]

    _from_page = False

    class CutAt(Event):
        """It is to be shown, stage by stage, how a token of a reply was decided."""

        def __init__(self, key: int, index: int, *, stepping: bool = False) -> None:
            super().__init__()
            self.key = key
            self.index = index
            self.stepping = stepping
            """Whether the reply is to be written from there, token by token."""

    # Opening and closing ------------------------------------------------------------------------------------

    @on(Transcript.Lens)
    def _lens_on(self, event: Transcript.Lens) -> None:
        event.stop()
        message = self.chat.session.tree.get(event.key)
        if message is not None and message.kind is Kind.SAID:
            self._look_at(message)

    def action_lens(self) -> None:
        """Look at the tokens of the newest reply; again, and one writes on with the lens over it."""
        if self.looking:
            self._write_on()
        elif (message := self._target()) is None:
            self.notify("There is nothing to look at yet.", markup=False, timeout=3)
        else:
            self._look_at(message)

    def _target(self) -> Message | None:
        """What the lens is for: the message one stands on, the one it lies on, else the newest reply."""
        tree = self.chat.session.tree
        path = [message for message in tree.path() if message.kind is Kind.SAID]
        stood_on = tree.get(self.transcript.cursor or (self.reading.message.id if self.reading else 0))
        if stood_on is not None and stood_on in path:
            return stood_on
        replies = [message for message in path if message.role is Role.ASSISTANT]
        return next(reversed(replies or path), None)

    def _look_at(self, message: Message) -> None:
        if not self.looking:
            self._from_page = self.transcript.has_focus
            self.was_following = self.transcript.following
        self.looking = True
        self.transcript.following = False  # what is read stays where it is
        self.add_class("-looking")
        self.query_one(LensBar).focus()
        if self.reading is None or self.reading.message is not message:
            self.read(message)
        else:
            self.show_reading()

    def _write_on(self) -> None:
        """Back to writing; what is said next is coloured as it comes."""
        self.leave_looking()
        self.composer.focus()
        self.show_reading()

    @on(LensBar.Leave)
    def _leave(self, event: LensBar.Leave) -> None:
        """Stop what runs, else take the lens away."""
        event.stop()
        if self.chat.streaming is not None:
            self.chat.stop()
            return
        message, from_page = self.reading.message if self.reading else None, self._from_page
        self.take_away()
        if from_page and message is not None:
            self.transcript.focus()
            self.transcript.stand_on(message.id)
        else:
            self.composer.focus()

    # Keys ---------------------------------------------------------------------------------------------------

    def _turn_to(self, reading: Reading | None) -> None:
        if reading is not None and reading.trace:
            self.reading = reading
            self.show_reading()

    @on(LensBar.Go)
    def _go(self, event: LensBar.Go) -> None:
        if self.reading is not None:
            self._turn_to(self.reading.to(self.reading.at + event.step))

    @on(LensBar.Surprise)
    def _surprise(self, event: LensBar.Surprise) -> None:
        if self.reading is not None:
            self._turn_to(self.reading.to_surprise(event.step))

    @on(LensBar.Recolour)
    def _recolour(self) -> None:
        if self.reading is not None:
            self.measure = self.measure.next
            self._turn_to(self.reading.coloured())

    @on(LensBar.Choose)
    def _choose(self, event: LensBar.Choose) -> None:
        if self.reading is not None:
            self._turn_to(self.reading.choosing(event.place))

    @on(LensBar.OtherMessage)
    def _other_message(self, event: LensBar.OtherMessage) -> None:
        path = [message for message in self.chat.session.tree.path() if message.kind is Kind.SAID]
        if self.reading is None or self.reading.message not in path:
            return
        place = path.index(self.reading.message) + event.step
        if 0 <= place < len(path):
            self.read(path[place])

    @on(LensBar.Page)
    def _page(self, event: LensBar.Page) -> None:
        self.transcript.scroll_pages(event.pages)

    @on(LensBar.Cut)
    def _cut_view(self, event: LensBar.Cut) -> None:
        if self.reading is not None and self.reading.message.role is Role.ASSISTANT:
            self.post_message(self.CutAt(self.reading.message.id, self.reading.at, stepping=event.stepping))
        else:
            self.notify("Only a reply was decided by a chain.", markup=False, timeout=3)

    @on(LensBar.Fork)
    def _fork(self) -> None:
        reading = self.reading
        if reading is None:
            return
        if reading.chosen is None:
            self.notify("Choose another token by its number first.", markup=False, timeout=3)
        elif reading.message.role is not Role.ASSISTANT:
            self.notify("Only a reply can go on with another token.", markup=False, timeout=3)
        else:
            fork = partial(self.chat.fork_at, reading.message.id, reading.at, reading.chosen.id)
            if not self.desk.turns.run(self.chat, fork):
                self.notify("The model is busy; esc stops it.", markup=False, timeout=3)
