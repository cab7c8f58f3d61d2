"""The chat in view with a lens over one of its messages: how each of its tokens was decided."""

from __future__ import annotations

import time

from textual import work
from textual.app import ComposeResult
from textual.message import Message as Event

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
from chatapp.turn import Began, Ended, TurnEvent

NARROW = 100
"""Under so many columns there is no column beside the page: the token is told below it."""
_CALM = 20
"""Between two looks at a reply that grows, so many times as long as the last one took: 5 % at most."""


class LensView(BranchingPage):
    """Shows how each token was decided. The lens stays while one writes on, and follows the newest reply."""

    reading: Reading | None = None
    """What is under the lens."""
    looking = False
    """Whether the keys are the lens's."""
    measure = Measure.SURPRISE
    _scoring: Prefill | bool = False
    was_following = True
    _grows_at = 0.0

    class Lensed(Event):
        """Another token is under the lens, or none any more."""

    def compose(self) -> ComposeResult:
        """The bars stand above the status line."""
        for widget in super().compose():
            if isinstance(widget, StatusLine):
                yield LensBar(id="lens-bar")
            yield widget

    def show_chat(self) -> None:
        """Another chat comes into view, without the lens."""
        if self.reading is not None or self.looking:
            self.take_away()
        super().show_chat()

    def take_away(self) -> None:
        """Take the lens off the page."""
        self.workers.cancel_group(self, "lens")
        self._scoring, self.reading = False, None
        self.leave_looking()
        self.show_reading()

    def leave_looking(self) -> None:
        """The keys are the lens's no more."""
        self.looking = False
        self.remove_class("-looking")
        if self.was_following:
            self.call_after_refresh(self.transcript.follow)

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
                self.take_away()
                self.composer.focus()
            return
        finally:
            self._scoring = False
        first = Reading(message, trace, message.text, self.measure, scored=scored)
        self.reading = first if message.role is Role.USER or not trace else first.to_surprise(1)
        self.show_reading()

    def _hear_scoring(self, progress: Prefill) -> None:
        self._scoring = progress
        self.refresh_status()

    def _show_event(self, event: TurnEvent) -> None:
        super()._show_event(event)
        if self.reading is None:
            return
        if isinstance(event, Began) and event.reply.kind is Kind.SAID:
            self.reading = Reading(event.reply, list(event.reply.records), event.reply.text, self.measure)
            self.reading = self.reading.to(len(self.reading.trace))
            self.show_reading()
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
        self.show_reading()
        self.transcript.owners()
        now = time.monotonic()
        self._grows_at = now + max(0.1, _CALM * (now - began))

    def show_reading(self) -> None:
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
        moves = (("← →", "token"), ("n N", "next"), ("c", "colour"))
        keys = (fork, *moves, ("x", "cut view"), ("s", "steps"), ("esc", "page"))
        return State("", "▎", keys=keys)
