"""The tree of a session's messages. Editing, regenerating and continuing only ever add nodes.

Each node remembers its active child. The path along the active children, from the root to the tip, is what is
shown and what the model sees.
"""

from __future__ import annotations

from collections.abc import Iterable

from chatapp.conversation.message import Kind, Message


class Tree:
    """Messages by id, with their children in the order in which they were written."""

    def __init__(self, messages: Iterable[Message] = (), active_root: int | None = None) -> None:
        self._messages: dict[int, Message] = {}
        self._children: dict[int | None, list[int]] = {None: []}
        self._borders: dict[int | None, list[int]] = {}
        self.active_root = active_root
        for message in messages:
            self._insert(message)

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._messages

    def __getitem__(self, message_id: int) -> Message:
        return self._messages[message_id]

    def get(self, message_id: int) -> Message | None:
        """A node, if there is one of that id."""
        return self._messages.get(message_id)

    def all(self) -> list[Message]:
        """Every message of every branch, parents before children."""
        return list(self._messages.values())

    def add(self, message: Message) -> None:
        """Add a node and make it the active child of its parent; a border is on no path."""
        self._insert(message)
        if message.kind is Kind.SAID:
            self._set_active(message.parent, message.id)

    def in_view(self, message_id: int | None) -> Message | None:
        """The child of a node (of the root, for none) that is in view, or was last."""
        child = self._active_child(message_id)
        return None if child is None else self._messages[child]

    def prune(self, message_id: int) -> list[Message]:
        """Take a node out with everything below it; returns them, parents before children."""
        gone = [message_id]
        for one in gone:  # grows while it is walked
            gone += self._children.pop(one, []) + self._borders.pop(one, [])
        message = self._messages[message_id]
        family = self._children if message.kind is Kind.SAID else self._borders
        family[message.parent].remove(message_id)
        return [self._messages.pop(one) for one in gone]

    def take(self, message: Message) -> None:
        """Add a node that another window wrote; what was in view here stays in view."""
        self._insert(message)
        family = self._children if message.kind is Kind.SAID else self._borders
        family[message.parent].sort()

    def children(self, message_id: int | None) -> list[Message]:
        """The children of a node (of the root, for none), oldest first."""
        return [self._messages[child] for child in self._children.get(message_id, [])]

    def siblings(self, message_id: int) -> list[Message]:
        """The node and its alternatives, oldest first."""
        return self.children(self._messages[message_id].parent)

    def path(self) -> list[Message]:
        """The active path, from the root to the tip."""
        path: list[Message] = []
        here = self._active_child(None)
        while here is not None:
            path.append(self._messages[here])
            here = self._active_child(here)
        return path

    def path_to(self, message_id: int | None) -> list[Message]:
        """The messages from the root to this one, whether active or not."""
        path: list[Message] = []
        while message_id is not None:
            message = self._messages[message_id]
            path.append(message)
            message_id = message.parent
        return path[::-1]

    def tip(self) -> Message | None:
        """The last message of the active path."""
        path = self.path()
        return path[-1] if path else None

    def leaves(self) -> int:
        """How many branches the session has."""
        said = (message.id for message in self._messages.values() if message.kind is Kind.SAID)
        return sum(1 for message_id in said if not self._children.get(message_id))

    def borders(self, message_id: int) -> list[Message]:
        """The borders that were ever drawn below a node, oldest first."""
        return [self._messages[border] for border in self._borders.get(message_id, [])]

    def border_after(self, message_id: int) -> Message | None:
        """The border below a node that is in force: the newest that was not undone."""
        return next((border for border in reversed(self.borders(message_id)) if border.holds), None)

    def activate(self, message_id: int) -> list[tuple[int | None, int]]:
        """Bring a node into the active path; returns the (parent, active child) pairs that changed."""
        changed: list[tuple[int | None, int]] = []
        for message in self.path_to(message_id):
            if self._active_child(message.parent) != message.id:
                self._set_active(message.parent, message.id)
                changed.append((message.parent, message.id))
        return changed

    def sibling(self, message_id: int, step: int) -> Message | None:
        """The alternative so many places before or after this one, if there is one."""
        siblings = self.siblings(message_id)
        place = siblings.index(self._messages[message_id]) + step
        return siblings[place] if 0 <= place < len(siblings) else None

    def _insert(self, message: Message) -> None:
        if message.parent is not None and message.parent not in self._messages:
            raise ValueError(f"message {message.id} comes before its parent {message.parent}")
        self._messages[message.id] = message
        family = self._children if message.kind is Kind.SAID else self._borders
        family.setdefault(message.parent, []).append(message.id)

    def _active_child(self, message_id: int | None) -> int | None:
        children = self._children.get(message_id)
        if not children:
            return None
        wanted = self.active_root if message_id is None else self._messages[message_id].active_child
        return wanted if wanted in children else children[-1]

    def _set_active(self, parent: int | None, child: int) -> None:
        if parent is None:
            self.active_root = child
        else:
            self._messages[parent].active_child = child
