"""The tree of a session as rows: the active path runs straight down, other branches leave it to the right.

Other branches come before the active sibling, in the order in which they were written. Inside of them the same
holds for the child that was last in view, if it goes on: so a long branch goes down, and not off to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from chatapp.conversation.message import Message, Role
from chatapp.conversation.tree import Tree

DEEPEST = 60
"""Cells of rails that are kept: those nearest to the message."""
_STEP, _LAST_STEP = "├─ ", "╰─ "
_RUNS_ON, _ENDED = "│  ", "   "


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A message in its place, or a blank line between two turns."""

    message: Message | None
    rails: str = ""
    """What stands between the line of the active path and the message: blanks, and the lines of other branches."""
    place: tuple[int, int] = (1, 1)
    """Which sibling it is, of how many."""
    active: bool = False


class _Visit(NamedTuple):
    message: Message
    rails: str
    under: str
    """The rails of what goes on below it."""
    place: tuple[int, int]


def branch_rows(tree: Tree) -> list[BranchRow]:
    """Every message that was said, each once, with the blank lines between the turns of the active path."""
    active = {message.id for message in tree.path()}
    rows: list[BranchRow] = []
    left = _children(tree, None, "  ", active)
    while left:
        visit = left.pop()
        message = visit.message
        is_active = message.id in active
        if is_active and message.role is Role.USER and rows:
            rows.append(BranchRow(None, active=True))
        rows.append(BranchRow(message, visit.rails, visit.place, is_active))
        left += _children(tree, message.id, visit.under, active)
    return rows


def _children(tree: Tree, parent: int | None, under: str, active: set[int]) -> list[_Visit]:
    """The children of a node, the one that is drawn last first."""
    children = tree.children(parent)
    straight = _straight(tree, parent, children, active)
    places = {child.id: (which, len(children)) for which, child in enumerate(children, 1)}
    others = [child for child in children if child is not straight]
    visits = []
    for child in others:
        last = child is others[-1]
        rails = (under + (_LAST_STEP if last else _STEP))[-DEEPEST:]
        below = (under + (_ENDED if last else _RUNS_ON))[-DEEPEST:]
        below += "" if child.role is Role.USER else "   "
        visits.append(_Visit(child, rails, below, places[child.id]))
    if straight is not None:
        on_path = straight.id in active
        rails = "" if on_path else under
        rails += "" if straight.role is Role.USER else "  "
        visits.append(_Visit(straight, rails, under, places[straight.id]))
    return visits[::-1]


def _straight(tree: Tree, parent: int | None, children: list[Message], active: set[int]) -> Message | None:
    """The child that goes on where its parent was: the active one, a lone one, or the one last in view."""
    if len(children) == 1:
        return children[0]
    seen = tree.in_view(parent)
    if seen is None or seen.id in active or tree.children(seen.id):
        return seen
    return None
