"""What is wanted of the branch that one stands on: the keys of the page that grow, show and prune the tree."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from .reading import ReadingView


class BranchingView(ReadingView):
    """A reader who may fork the message they stand on, begin a reply, see how it came, or throw it away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "branches", "branches", id="page.branches"),
        Binding("f", "fork", "fork into a new session", id="page.fork"),
        Binding("b", "begin", "write the beginning of the reply", id="page.begin"),
        Binding("d", "details", "how it came to be", id="page.details"),
        Binding("delete", "prune", "to the trash, with all below", id="page.prune"),
    ]

    class Branches(Message):
        """The branches are to be shown."""

    class Fork(ReadingView.About):
        """The way to a message is to become a session."""

    class Begin(ReadingView.About):
        """The beginning of a reply is to be written, for the model to go on."""

    class Details(ReadingView.About):
        """How a message came to be is to be shown."""

    class Prune(ReadingView.About):
        """The message is to go to the trash, with everything below it."""

    def action_branches(self) -> None:
        """Ask for the branches."""
        self.post_message(self.Branches())

    def action_fork(self) -> None:
        """Ask for a session of the way to the message."""
        self.post_message(self.Fork(self._current()))

    def action_begin(self) -> None:
        """Ask to write the beginning of a reply."""
        self.post_message(self.Begin(self._current()))

    def action_details(self) -> None:
        """Ask how the message came to be."""
        self.post_message(self.Details(self._current()))

    def action_prune(self) -> None:
        """Ask to throw the message away."""
        self.post_message(self.Prune(self._current()))
