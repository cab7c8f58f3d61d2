"""The branches of a session: every message that was ever said in it, to go to, compare, fork or throw away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatapp.branching import Branches
from chatapp.conversation.session import Session
from chatapp.store import StoreError
from chatapp.text import counted
from chatapp.tui.screens.branch_page import BranchPage
from chatapp.tui.screens.comparison import Comparison

_FRESH_SECONDS = 0.5
"""Between two looks at whether something was said meanwhile."""


@dataclass(frozen=True)
class BranchChoice:
    """What is to be done with a message now."""

    does: Literal["go", "fork", "bring back"]
    message: int = 0


class BranchesScreen(Screen[BranchChoice | None]):
    """A page of its own; ends with a choice, or with None."""

    CSS_PATH = "../styles/branches.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "message above", show=False, id="branches.up"),
        Binding("down", "move(1)", "message below", show=False, id="branches.down"),
        Binding("left", "sibling(-1)", "sibling before", show=False, id="branches.sibling_before"),
        Binding("right", "sibling(1)", "sibling after", show=False, id="branches.sibling_after"),
        Binding("pageup", "page(-1)", "page up", show=False, id="branches.page_up"),
        Binding("pagedown,space", "page(1)", "page down", show=False, id="branches.page_down"),
        Binding("home,g", "move(-1000000)", "first", show=False, id="branches.first"),
        Binding("end,G", "move(1000000)", "last", show=False, id="branches.last"),
        Binding("enter", "choose('go')", "go there", show=False, id="branches.go"),
        Binding("d", "compare", "compare with a sibling", show=False, id="branches.compare"),
        Binding("f", "choose('fork')", "fork into a new session", show=False, id="branches.fork"),
        Binding("x,delete", "prune", "to the trash, with all below", show=False, id="branches.prune"),
        Binding("u", "undo", "bring back what went last", show=False, id="branches.undo"),
        Binding("b", "choose('bring back')", "what lies in the trash", show=False, id="branches.trash"),
        Binding("escape,f7,q,t", "leave", "back to the page", show=False, id="branches.leave"),
    ]

    def __init__(self, session: Session, branches: Branches, at: int | None) -> None:
        super().__init__()
        self._tree = session.tree
        self._branches = branches
        self._page = BranchPage(session.tree, session.title, at)
        self._said = len(session.tree)

    def compose(self) -> ComposeResult:
        """The page."""
        yield self._page

    def on_mount(self) -> None:
        """Look now and then at what is said meanwhile."""
        self.set_interval(_FRESH_SECONDS, self._look_again)
        self._count_trash()

    def _look_again(self) -> None:
        if len(self._tree) != self._said:
            self._show(self._page.here.id if self._page.here else None)
        else:
            self._page.redraw()

    def _show(self, message_id: int | None) -> None:
        self._said = len(self._tree)
        self._page.show(message_id)

    @work(group="trash", exclusive=True)
    async def _count_trash(self) -> None:
        with self._trouble_told():
            self._page.trashed = sum(one.messages for one in await self._branches.pruned())
            self._page.redraw()

    @contextmanager
    def _trouble_told(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._page.say(str(error))

    # Moving -------------------------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """Go up or down."""
        self._page.stand_on(self._page.at + rows)

    def action_page(self, pages: int) -> None:
        """Go up or down by what the screen holds."""
        self._page.stand_on(self._page.at + pages * max(1, self._page.room - 2))

    def action_sibling(self, step: int) -> None:
        """Go to the alternative before or after."""
        if (here := self._page.here) and (other := self._tree.sibling(here.id, step)):
            self._page.stand_on_message(other.id)

    # Doing --------------------------------------------------------------------------------------------------

    @on(BranchPage.Chosen)
    def _clicked(self) -> None:
        self.action_choose("go")

    def action_choose(self, does: Literal["go", "fork", "bring back"]) -> None:
        """End with what is to be done with the message one stands on."""
        if does == "bring back" and self._page.trashed:
            self.dismiss(BranchChoice(does))
        elif does != "bring back" and (here := self._page.here) is not None:
            self.dismiss(BranchChoice(does, here.id))

    def action_compare(self) -> None:
        """Compare the message one stands on with a sibling."""
        here = self._page.here
        if here is None:
            return
        if len(self._tree.siblings(here.id)) > 1:
            self.app.push_screen(Comparison(self._tree, here), self._compared)
        else:
            self._page.say("This message has no sibling yet.")

    def _compared(self, sibling: int | None) -> None:
        if sibling is not None:
            self._page.stand_on_message(sibling)

    @work(group="prune")
    async def action_prune(self) -> None:
        """Put the message one stands on in the trash, with everything below it."""
        here = self._page.here
        if here is None:
            return
        beside = self._tree.sibling(here.id, 1) or self._tree.sibling(here.id, -1)
        with self._trouble_told():
            count = await self._branches.prune(here.id)
            self._show(beside.id if beside else here.parent)
            self._page.say(f"{counted(count, 'message')} moved to the trash. u brings back what went last.")
        self._count_trash()

    @work(group="prune")
    async def action_undo(self) -> None:
        """Bring back what went last."""
        with self._trouble_told():
            back = await self._branches.undo()
            if back is None:
                self._page.say("Nothing was thrown away since this session was opened. b shows its trash.")
            else:
                self._show(back.id)
        self._count_trash()

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)
