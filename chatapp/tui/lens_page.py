"""The chat in view with a lens over one of its messages: opened, moved, and used to go on with another token."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message as Event

from chatapp.chat import Began, Ended, TurnEvent
from chatapp.conversation.lens import Measure
from chatapp.conversation.message import Kind, Message, Role
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.errors import Refusal
from chatapp.scoring import score
from chatapp.store import StoreError
from chatapp.tui.branching_page import BranchingPage
from chatapp.tui.lens_lines import measure_words, token_text
from chatapp.tui.lens_state import Reading
from chatapp.tui.widgets.head import RunningHead
from chatapp.tui.widgets.lens_bar import LensBar
from chatapp.tui.widgets.status import State, StatusLine
from chatapp.tui.widgets.transcript import Transcript

NARROW = 100
"""Under so many columns there is no column beside the page: the token is told below it."""
_CALM = 20
"""Between two looks at a reply that grows, so many times as long as the last one took: 5 % at most."""


class LensPage(BranchingPage):
    """Shows how each token was decided. The lens stays while one writes on, and follows the newest reply."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "lens", "lens: how each token was decided", id="lens.open"),
    ]

    reading: Reading | None = None
    """What is under the lens."""
    looking = False
    """Whether the keys are the lens's."""
    _measure = Measure.SURPRISE
    _scoring: Prefill | bool = False
    _was_following = True
    _from_page = False
    _grows_at = 0.0

    class Lensed(Event):
        """Another token is under the lens, or none any more."""

    class CutAt(Event):
        """It is to be shown, stage by stage, how a token of a reply was decided."""

        def __init__(self, key: int, index: int) -> None:
            super().__init__()
            self.key = key
            self.index = index

    def compose(self) -> ComposeResult:
        """The bars stand above the status line."""
        for widget in super().compose():
            if isinstance(widget, StatusLine):
                yield LensBar(id="lens-bar")
            yield widget

    def show_chat(self) -> None:
        """Another chat comes into view, without the lens."""
        if self.reading is not None or self.looking:
            self._take_away()
        super().show_chat()

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
            self._was_following = self.transcript.following
        self.looking = True
        self.transcript.following = False  # what is read stays where it is
        self.add_class("-looking")
        self.query_one(LensBar).focus()
        if self.reading is None or self.reading.message is not message:
            self.read(message)
        else:
            self._show_reading()

    def _write_on(self) -> None:
        """Back to writing; what is said next is coloured as it comes."""
        self._leave_looking()
        self.composer.focus()
        self._show_reading()

    def _take_away(self) -> None:
        self.workers.cancel_group(self, "lens")
        self._scoring, self.reading = False, None
        self._leave_looking()
        self._show_reading()

    def _leave_looking(self) -> None:
        self.looking = False
        self.remove_class("-looking")
        if self._was_following:
            self.call_after_refresh(self.transcript.follow)

    @on(LensBar.Leave)
    def _leave(self, event: LensBar.Leave) -> None:
        """Stop what runs, else take the lens away."""
        event.stop()
        if self.chat.streaming is not None:
            self.chat.stop()
            return
        message, from_page = self.reading.message if self.reading else None, self._from_page
        self._take_away()
        if from_page and message is not None:
            self.transcript.focus()
            self.transcript.stand_on(message.id)
        else:
            self.composer.focus()

    # Reading ------------------------------------------------------------------------------------------------

    @work(group="lens", exclusive=True, exit_on_error=False)
    async def read(self, message: Message) -> None:
        """Read how a message was decided; where that is not known, find it out by one prefill."""
        chat = self.chat
        try:
            trace = await chat.trace(message)
            scored = message is not chat.streaming and not (trace and all(trace))
            if scored:
                self._scoring = True
                self.refresh_status()
                trace = await score(chat, message, self._hear_scoring)
        except (Refusal, StoreError) as error:
            self.notify(str(error), markup=False, severity="error", timeout=6)
            if self.reading is None:
                self._take_away()
                self.composer.focus()
            return
        finally:
            self._scoring = False
        first = Reading(message, trace, message.text, self._measure, scored=scored)
        self.reading = first if message.role is Role.USER or not trace else first.to_surprise(1)
        self._show_reading()

    def _hear_scoring(self, progress: Prefill) -> None:
        self._scoring = progress
        self.refresh_status()

    def _show_event(self, event: TurnEvent) -> None:
        super()._show_event(event)
        if self.reading is None:
            return
        if isinstance(event, Began) and event.reply.kind is Kind.SAID:
            self.reading = Reading(event.reply, list(event.reply.records), event.reply.text, self._measure)
            self.reading = self.reading.to(len(self.reading.trace))
            self._show_reading()
        elif isinstance(event, Tokens) and time.monotonic() >= self._grows_at:
            self._grow()
        elif isinstance(event, Ended) and event.reply is self.reading.message:
            self._grow()
            if not all(self.reading.trace):
                self.read(event.reply)

    def _grow(self) -> None:
        """Take over what was said since the last look, as often as that costs little."""
        if self.reading is None:
            return
        began = time.monotonic()
        message = self.reading.message
        self.reading = self.reading.grown(list(message.records), message.text)
        self._show_reading()
        self.transcript.owners()
        now = time.monotonic()
        self._grows_at = now + max(0.1, _CALM * (now - began))

    def _show_reading(self) -> None:
        """The page, the bars and the column show what is under the lens."""
        reading = self.reading
        self.transcript.lay_over(reading.tint if reading is not None else None, standing=self.looking)
        self.query_one(LensBar).show(reading, brief=self.app.size.width < NARROW)
        self.query_one(RunningHead).note(measure_words(reading.measure) if reading is not None else "")
        if reading is not None and self.looking:
            self.transcript.reveal_token(reading.at)
        self.post_message(self.Lensed())
        self.refresh_status()

    def looking_state(self) -> State | None:
        """What the status line says while one looks."""
        if self._scoring:
            told = self._scoring if isinstance(self._scoring, Prefill) else None
            facts = (f"{told.done:,} / {told.total:,}",) if told else ()
            share = told.done / told.total if told and told.total else None
            return State("scoring", "◐", share=share, facts=facts, keys=(("esc", "stop"),))
        if not self.looking or self.reading is None or self.chat.streaming is not None:
            return None
        chosen = self.reading.chosen
        fork = ("enter", f"fork with {token_text(chosen)}") if chosen else ("1–9", "choose")
        keys = (fork, ("← →", "token"), ("n N", "next"), ("c", "colour"), ("x", "cut view"), ("esc", "page"))
        return State("", "▎", keys=keys)

    # Keys ---------------------------------------------------------------------------------------------------

    def _turn_to(self, reading: Reading | None) -> None:
        if reading is not None and reading.trace:
            self.reading = reading
            self._show_reading()

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
            self._measure = self._measure.next
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
    def _cut_view(self) -> None:
        if self.reading is not None and self.reading.message.role is Role.ASSISTANT:
            self.post_message(self.CutAt(self.reading.message.id, self.reading.at))
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
