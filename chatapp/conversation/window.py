"""What of a path the model is given when not all of it fits.

A border is a message of its own kind, a child of the last message that the model no longer sees: a bare cut, or a
summary that stands for what was left out. It is never part of the path, so it changes nothing about the branches;
every path through its parent has it. Whole turns leave, from the oldest on; pinned ones stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatapp.conversation.message import Message, Role
from chatapp.conversation.tree import Tree

Turn = list[Message]
"""A question with all that follows it, up to the next question."""


@dataclass(frozen=True)
class Window:
    """The messages of a path that the model sees, and those that it does not."""

    border: Message | None
    """The cut or the summary that is in force."""
    left_out: tuple[Message, ...]
    seen: tuple[Message, ...]
    """Pinned turns from before the border, then everything behind it."""

    @property
    def summary(self) -> str:
        """What stands for the messages that were left out."""
        return self.border.text if self.border is not None else ""

    def may_leave(self, *, keep_last: bool) -> list[Turn]:
        """The turns that may be left out next, the oldest first; with `keep_last` not the one that is answered."""
        turns = turns_of(self.seen)
        return [turn for turn in (turns[:-1] if keep_last else turns) if not _pinned(turn)]

    def border_for(
        self, tokens: Mapping[int, int], need: int, *, keep_last: bool, most: int | None = None
    ) -> Message | None:
        """The message after which the window must begin, so that so many tokens become free.

        Args:
            tokens: What each message takes.
            need: Tokens to be freed; fewer are freed where there are no more that may leave.
            keep_last: Whether the last turn is the one that is answered.
            most: Tokens that may leave at once; one turn leaves in any case.

        Returns:
            None when nothing may leave.
        """
        freed, last = 0, None
        for turn in self.may_leave(keep_last=keep_last):
            size = sum(tokens.get(message.id, 0) for message in turn)
            if last is not None and (freed >= need or (most is not None and freed + size > most)):
                break
            freed += size
            last = turn[-1]
        return last


def window_of(tree: Tree, path: Sequence[Message]) -> Window:
    """The window on a path, by the last border on it."""
    for place in range(len(path), 0, -1):
        if (border := tree.border_after(path[place - 1].id)) is not None:
            before = turns_of(path[:place])
            stay = tuple(message for turn in before if _pinned(turn) for message in turn)
            out = tuple(message for turn in before if not _pinned(turn) for message in turn)
            return Window(border, out, stay + tuple(path[place:]))
    return Window(None, (), tuple(path))


def turns_of(path: Sequence[Message]) -> list[Turn]:
    """The turns of a path; replies before the first question are a turn of their own."""
    turns: list[Turn] = []
    for message in path:
        if message.role is Role.USER or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _pinned(turn: Turn) -> bool:
    return any(message.pinned for message in turn)
