"""SillyTavern's chats: a header line, then one message a line; alternatives of a message are its swipes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.transfer.imported import Builder, Imported
from chatapp.transfer.values import iso, items, moment, string, table

_SYSTEM = "system_prompt"
"""Where a chat says what stands in the place of its character's own system prompt."""
_NOBODY = {"", "unused"}


def fits(first: Mapping[str, Any]) -> bool:
    """Whether a file that begins with this object is of this kind."""
    return "chat_metadata" in first or ("user_name" in first and "character_name" in first) or is_message(first)


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether an object is a message, and no header."""
    return isinstance(value.get("mes"), str)


def read(lines: Iterable[Mapping[str, Any]]) -> Imported:
    """A chat; the swipes of a message become siblings.

    Raises:
        Unreadable: when there is no message in it, or too many.
    """
    builder = Builder()
    above: int | None = None
    for line in lines:
        if not is_message(line):
            if (name := string(line.get("character_name"))) not in _NOBODY:
                builder.speaker = name
            if system := string(table(line.get("chat_metadata")).get(_SYSTEM)):
                builder.system = [system]
            continue
        if line.get("is_system") is True:
            builder.leave_out("a message that was hidden from the model")
            continue
        above = _add(builder, line, above)
    return builder.finish()


def _add(builder: Builder, line: Mapping[str, Any], parent: int | None) -> int | None:
    """Add a message and its swipes; returns the one that was shown."""
    role = Role.USER if line.get("is_user") is True else Role.ASSISTANT
    said = string(line.get("mes"))
    swipes = [swipe for swipe in items(line.get("swipes")) if isinstance(swipe, str)]
    shown = line.get("swipe_id")
    if not isinstance(shown, int) or not 0 <= shown < len(swipes) or swipes[shown] != said:
        # What was shown stands in `mes`, also where it was edited after the swipe was written.
        shown = swipes.index(said) if said in swipes else len(swipes)
        swipes[shown:] = [said, *swipes[shown + 1 :]]
    if role is Role.ASSISTANT and not builder.speaker:
        builder.speaker = string(line.get("name"))
    infos = items(line.get("swipe_info"))
    chosen = parent
    for place, text in enumerate(swipes):
        if not text.strip() and place != shown:
            continue
        info = table(infos[place]) if place < len(infos) else {}
        extra = table(info.get("extra")) or (table(line.get("extra")) if place == shown else {})
        created = moment(info.get("send_date")) or moment(line.get("send_date"))
        added = builder.add(role, text, parent, created_ms=created, model=string(extra.get("model")))
        chosen = added if place == shown else chosen
    if chosen is not None and chosen != parent:
        builder.tree.activate(chosen)
    return chosen


def write(session: Session) -> str:
    """The active path, a message a line; the siblings of a reply are its swipes. Branches below those stay out."""
    header = {
        "user_name": "You",
        "character_name": session.persona.name,
        "create_date": iso(session.created_ms),
        "chat_metadata": {_SYSTEM: session.persona.system} if session.persona.system else {},
    }
    tree = session.tree
    lines = [header, *(_line(session, one, tree.siblings(one.id)) for one in tree.path())]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _line(session: Session, message: Message, siblings: list[Message]) -> dict[str, Any]:
    asks = message.role is Role.USER
    line = {
        "name": "You" if asks else session.persona.name,
        "is_user": asks,
        "is_system": False,
        "send_date": iso(message.created_ms),
        "mes": message.text,
        "extra": _extra(message),
    }
    if not asks:
        line |= {
            "swipes": [one.text for one in siblings],
            "swipe_id": siblings.index(message),
            "swipe_info": [{"send_date": iso(one.created_ms), "extra": _extra(one)} for one in siblings],
        }
    return line


def _extra(message: Message) -> dict[str, Any]:
    return {"model": message.provenance.model_name} if message.provenance.model_name else {}
