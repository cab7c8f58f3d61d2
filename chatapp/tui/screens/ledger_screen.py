"""A screen with one ledger on it: moving, undoing and leaving are the same wherever there is such a list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatapp.errors import Refusal
from chatapp.store import StoreError
from chatapp.tui.screens.ledger import Ledger

Undo = Callable[[], Awaitable[None]]


class LedgerScreen(Screen[str | None]):
    """Ends with a text for the composer, or with None."""

    CSS = "LedgerScreen { background: $background; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "above", show=False, id="ledger.up"),
        Binding("down,j", "move(1)", "below", show=False, id="ledger.down"),
        Binding("home,g", "move(-100000)", "first", show=False, id="ledger.first"),
        Binding("end,G", "move(100000)", "last", show=False, id="ledger.last"),
        Binding("u", "undo", "undo", id="ledger.undo"),
        Binding("escape,q", "leave", "back to the page", show=False, id="ledger.leave"),
    ]

    def __init__(self, title: str, nothing: str) -> None:
        super().__init__()
        self.ledger = Ledger(title, nothing)
        self._undoing: list[tuple[str, Undo]] = []

    def compose(self) -> ComposeResult:
        """The list."""
        yield self.ledger

    async def fill(self) -> None:
        """Show what there is now; for whoever knows."""
        raise NotImplementedError

    async def on_mount(self) -> None:
        """Show what there is."""
        with self.trouble_said():
            await self.fill()

    @contextmanager
    def trouble_said(self) -> Iterator[None]:
        """What cannot be done is said on the page."""
        try:
            yield
        except (StoreError, Refusal) as error:
            self.ledger.say(str(error))

    async def change(self, does: Awaitable[object], said: str, undo: Undo) -> None:
        """Do something that can be undone, and say so."""
        with self.trouble_said():
            await does
            self._undoing.append((said, undo))
            await self.fill()
            self.ledger.say(f"{said} u brings it back.")

    def action_move(self, step: int) -> None:
        """Go up or down the list."""
        self.ledger.move(step)

    async def action_undo(self) -> None:
        """Take back what was done last here."""
        if not self._undoing:
            self.ledger.say("There is nothing to undo.")
            return
        _, undo = self._undoing.pop()
        with self.trouble_said():
            await undo()
            await self.fill()
            self.ledger.say("Undone.")

    def action_leave(self) -> None:
        """Go back to the page."""
        self.dismiss(None)
