"""Several replies to one message, written side by side; one is kept, or some of them, or all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatapp.chat import Chat
from chatapp.conversation.message import Message
from chatapp.conversation.variation import Variation
from chatapp.engine.protocol import Tokens
from chatapp.tui.screens.ways_page import WaysPage
from chatapp.tui.ways_lines import Column
from chatapp.ways import OfWay

LETTERS = "ABCDEFGH"
_RATE_SECONDS = 1.0
_LEAST_SECONDS = 0.2
_FRAME_SECONDS = 0.02
"""Events of one frame of the engine come within this."""


@dataclass(frozen=True)
class WaysChoice:
    """Which reply is to be in view, and which go to the trash."""

    chosen: int
    dropped: tuple[int, ...] = ()


class WaysScreen(Screen[WaysChoice]):
    """A page of its own; ends with a choice once all of them have ended."""

    DEFAULT_CSS = """
    WaysScreen { background: $background; }
    WaysPage { width: 100%; height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "look(-1)", "look at the one before", id="ways.before"),
        Binding("right,l,tab", "look(1)", "look at the next one", id="ways.next"),
        Binding("up", "scroll(1)", "back in this one", id="ways.up"),
        Binding("down", "scroll(-1)", "on in this one", id="ways.down"),
        Binding("pageup", "scroll(10)", "a page back in it", id="ways.page_up", show=False),
        Binding("pagedown", "scroll(-10)", "a page on in it", id="ways.page_down", show=False),
        Binding("enter", "keep", "keep this one, and those that are marked", id="ways.keep"),
        Binding("space", "mark", "mark it to be kept, or not", id="ways.mark"),
        Binding("x", "stop_one", "stop this one", id="ways.stop"),
        Binding("w", "parting", "where they part", id="ways.parting"),
        Binding("escape,f6,q", "leave", "stop all; then keep all of them", id="ways.leave"),
    ]

    def __init__(self, chat: Chat, replies: Sequence[Message], wanted: Sequence[Variation], question: str) -> None:
        super().__init__()
        self._chat = chat
        self._columns = [
            Column(letter, one.title, reply) for letter, one, reply in zip(LETTERS, wanted, replies, strict=False)
        ]
        self._page = WaysPage(self._columns, question, _rate_alone(chat))
        self._came: deque[tuple[float, int, int]] = deque()
        """Of the last second: when, which way, how many tokens."""
        self._wanted: WaysChoice | None = None
        """What was chosen while some were still written."""

    def compose(self) -> ComposeResult:
        """The page."""
        yield self._page

    # What happens -------------------------------------------------------------------------------------------

    def hear(self, event: OfWay) -> None:
        """Something was said, or one of them has ended."""
        if isinstance(event.event, Tokens):
            self._count(event.way, len(event.event.token_ids))
        if self._going:
            self._page.ask()
        else:
            self._page.redraw()

    def end(self) -> None:
        """All of them have ended, and are on disk."""
        if self._wanted is not None:
            self.dismiss(self._wanted)
        else:
            self._page.redraw()

    def _count(self, way: int, tokens: int) -> None:
        now = time.monotonic()
        self._came.append((now, way, tokens))
        while self._came[0][0] < now - _RATE_SECONDS:
            self._came.popleft()
        since = now - self._came[0][0]
        if since < _LEAST_SECONDS:
            return
        # What came in the first frame was drawn before it.
        drawn = [(one, count) for when, one, count in self._came if when > self._came[0][0] + _FRAME_SECONDS]
        self._page.rate = sum(count for _, count in drawn) / since
        for place, column in enumerate(self._columns):
            column.rate = sum(count for one, count in drawn if one == place) / since

    @property
    def _going(self) -> bool:
        return not all(column.ended for column in self._columns)

    # Keys ---------------------------------------------------------------------------------------------------

    def action_look(self, step: int) -> None:
        """Look at another one."""
        self._page.at = (self._page.at + step) % len(self._columns)
        self._page.redraw()

    def action_scroll(self, lines: int) -> None:
        """Go back in the one that is looked at, or on."""
        here = self._columns[self._page.at]
        here.scrolled = max(0, here.scrolled + lines)
        self._page.redraw()

    def action_mark(self) -> None:
        """Mark the one that is looked at to be kept, or take the mark off."""
        here = self._columns[self._page.at]
        here.kept = not here.kept
        self._page.redraw()

    def action_parting(self) -> None:
        """Show where they part in the place of the columns, or the columns again."""
        self._page.parting = not self._page.parting
        self._page.redraw()

    def action_stop_one(self) -> None:
        """Stop the one that is looked at; the others go on."""
        if not self._columns[self._page.at].ended:
            self._chat.engine.cancel_way(self._page.at)

    def action_keep(self) -> None:
        """Keep the one that is looked at, and those that are marked; the others go to the trash."""
        here = self._columns[self._page.at]
        dropped = tuple(one.reply.id for one in self._columns if one is not here and not one.kept)
        self._choose(WaysChoice(here.reply.id, dropped))

    def action_leave(self) -> None:
        """Stop all of them; when they have ended, keep all."""
        if self._going:
            self._chat.stop()
        else:
            self._choose(WaysChoice(self._columns[self._page.at].reply.id))

    def _choose(self, choice: WaysChoice) -> None:
        if self._chat.streaming is None:
            self.dismiss(choice)
        else:
            self._wanted = choice
            self._chat.stop()


def _rate_alone(chat: Chat) -> float:
    """Tokens per second of the last reply of this session that was written alone by the same model."""
    info = chat.engine.info
    for message in reversed(chat.session.tree.all()):
        came = message.provenance
        if info and came.model_fingerprint == info.fingerprint and came.timings.tokens_per_s > 0:
            alone = came.evaluated_tokens > 0 and len(chat.session.tree.siblings(message.id)) == 1
            if alone and came.generated_tokens > 8:
                return came.timings.tokens_per_s
    return 0.0
