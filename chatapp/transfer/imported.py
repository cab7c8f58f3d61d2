"""What a reader makes of a file: conversations as sessions of ours, and a report of what was not understood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from chatapp.conversation.message import Message, Provenance, Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import Session, title_from
from chatapp.conversation.tree import Tree
from chatapp.errors import Refusal
from chatapp.text import display_line, repair

MOST_MESSAGES = 100_000
"""Of one conversation."""
LONGEST_MESSAGE = 2**20
"""Characters of one message from another program."""
_LONGEST_NAME = 200


class Unreadable(Refusal):
    """A file, or a conversation in it, cannot be read; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("import", message)


@dataclass
class Imported:
    """A conversation that was read. Its session has no place in the store yet; ids count from 1."""

    session: Session
    warnings: list[str] = field(default_factory=list)


class Builder:
    """Makes a session of what another program wrote: repaired, within bounds, with its losses counted."""

    def __init__(self) -> None:
        self.title = ""
        self.speaker = ""
        """Who the assistant is called."""
        self.system: list[str] = []
        self.created_ms = 0
        self.updated_ms = 0
        self.tree = Tree()
        self.last: int | None = None
        """The message that was added last."""
        self._left_out: Counter[str] = Counter()

    def add(self, role: Role, text: str, parent: int | None, *, created_ms: int = 0, model: str = "") -> int:
        """Add a message below another (none: at the root); returns its id."""
        if len(self.tree) >= MOST_MESSAGES:
            raise Unreadable(f"it has more than {MOST_MESSAGES:,} messages")
        if len(text) > LONGEST_MESSAGE:
            self.leave_out(f"the end of a message of {len(text):,} characters")
            text = text[:LONGEST_MESSAGE]
        message = Message(
            id=len(self.tree) + 1,
            uid="",
            parent=parent,
            role=role,
            text=repair(text),
            created_ms=created_ms,
            provenance=Provenance(model_name=repair(model)[:_LONGEST_NAME]),
        )
        self.tree.add(message)
        self.last = message.id
        return message.id

    def follow(self, role: str, text: str, *, name: str = "", created_ms: int = 0, model: str = "") -> None:
        """Add a message at the end of a conversation without branches, whatever its role is called."""
        placed = self.place(role, text, name=name, parent=self.last)
        if placed is not None:
            self.add(*placed, self.last, created_ms=created_ms, model=model)

    def place(self, role: str, text: str, *, name: str = "", parent: int | None) -> tuple[Role, str] | None:
        """The role and the text that a message gets here; none where it is no message of its own.

        A system message at the beginning belongs to the persona. One in the middle, and what a tool answered, is
        quoted as the user's: it is text, it calls nothing, and roles go on taking turns.
        """
        if not text.strip():
            return None
        match role:
            case "user":
                return Role.USER, text
            case "assistant":
                return Role.ASSISTANT, text
            case "system" if parent is None:
                self.system.append(text)
            case "system":
                return Role.USER, f"[system]\n{text}"
            case "tool":
                return Role.USER, f"[result of {display_line(name or 'a tool')}]\n{text}"
            case _:
                self.leave_out(f"a message of the role ‘{display_line(role)[:40]}’")
        return None

    def leave_out(self, what: str) -> None:
        """Count something that was not taken over."""
        self._left_out[what] += 1

    def finish(self) -> Imported:
        """The session as far as it was understood.

        Raises:
            Unreadable: when no message was.
        """
        if not len(self.tree):
            raise Unreadable("there is no message in it")
        messages = self.tree.all()
        first = next((one.text for one in messages if one.role is Role.USER), messages[0].text)
        times = [one.created_ms for one in messages if one.created_ms]
        created = self.created_ms or min(times, default=0)
        session = Session(
            id=0,
            uid="",
            title=one_line(self.title) or title_from(first),
            persona=Persona(name=one_line(self.speaker) or "Assistant", system=repair("\n\n".join(self.system))),
            tree=self.tree,
            titled=bool(one_line(self.title)),
            created_ms=created,
            updated_ms=self.updated_ms or max(times, default=created),
        )
        left = [
            f"left out: {what}" + (f" ({many:,} times)" if many > 1 else "")
            for what, many in self._left_out.items()
        ]
        return Imported(session, left)


def one_line(text: str) -> str:
    """A name or a title as it may be kept."""
    return " ".join(repair(text).split())[:_LONGEST_NAME]
