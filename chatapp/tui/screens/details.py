"""How a message came to be, on a page of its own; from there it can be drawn again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import ClassVar, Literal

from textual import work
from textual.binding import Binding, BindingType

from chatapp.conversation.message import Role, Status
from chatapp.errors import Refusal
from chatapp.replay import Replayed
from chatapp.text import counted, display_line
from chatapp.tui.lines import Line
from chatapp.tui.look import Look
from chatapp.tui.screens.branch_lines import first_words
from chatapp.tui.screens.details_lines import Known, detail_page
from chatapp.tui.screens.reading_page import ReadingPage, ReadingScreen

Replays = Callable[[], AsyncGenerator[Replayed, None]]


class DetailsScreen(ReadingScreen[Literal["again"] | None]):
    """A page of its own; ends with the wish for another reply, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "replay", "draw it again, and compare", show=False, id="details.replay"),
        Binding("a", "again", "the same prompt with today's settings", show=False, id="details.again"),
        Binding("d", "leave", "stop the replay, else back to the page", show=False, id="details.leave"),
    ]

    def __init__(self, known: Known, replays: Replays) -> None:
        self._body = DetailsPage(known)
        super().__init__(self._body)
        self._known = known
        self._replays = replays

    @work(group="replay", exclusive=True)
    async def action_replay(self) -> None:
        """Draw the reply again, and say where it would first differ."""
        if not self._body.is_reply:
            return
        self._body.say("reading the prompt")
        last: Replayed | None = None
        try:
            async with aclosing(self._replays()) as events:
                async for last in events:
                    of = f"{last.done:,} of {counted(last.total, 'token')}"
                    self._body.say(f"{of} drawn again, all the same so far")
        except Refusal as refusal:
            self._body.say(str(refusal))
            return
        if last is not None:
            self._body.say(verdict(last, reproducible=self._known.message.provenance.reproducible))

    def action_again(self) -> None:
        """End with the wish for a sibling."""
        if self._body.is_reply:
            self.dismiss("again")

    def action_leave(self) -> None:
        """Go back; a replay that runs is stopped by it."""
        self.workers.cancel_node(self)
        self.dismiss(None)


def verdict(last: Replayed, *, reproducible: bool) -> str:
    """What a replay came to, in a sentence."""
    if last.differs_at is None:
        if last.done < last.total:
            return f"Stopped after {counted(last.done, 'token')}, all the same so far."
        return f"All {counted(last.total, 'token')} came out the same."
    was = f"“{display_line(last.was)}”" if last.was else "the end"
    now = f"“{display_line(last.now)}”" if last.now else "the end"
    why = "" if reproducible else " In the fast mode logits depend a little on how a prompt was read."
    return f"The first difference is token {last.differs_at + 1:,}: it was {was}, and now is {now}.{why}"


class DetailsPage(ReadingPage):
    """Draws what is known of the message."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self._known = known

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply that is at its end."""
        message = self._known.message
        return message.role is Role.ASSISTANT and message.status is not Status.STREAMING

    def title(self) -> tuple[str, str]:
        """The title, and how the message begins."""
        return "How it came to be", first_words(self._known.message.text)

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys of the page."""
        reply = (("r", "replay"), ("a", "again, with today's settings")) if self.is_reply else ()
        return (("↑ ↓", "scroll"), *reply, ("esc", "page"))

    def body(self, look: Look, cells: int) -> list[Line]:
        """All facts."""
        return detail_page(self._known, look, cells)
