"""Chats as lists of {"role", "content"}: one object a line, as for fine-tuning, or one document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.transfer.imported import Builder, Imported
from chatapp.transfer.values import items, moment, string, table

_ROLES = {"developer": "system", "function": "tool", "human": "user", "model": "assistant"}


def fits(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a conversation of this kind."""
    return isinstance(value.get("messages"), list)


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a single message: then the list that it stands in is the conversation."""
    return isinstance(value.get("role"), str) and ("content" in value or "tool_calls" in value)


def read(value: Mapping[str, Any]) -> Imported:
    """One conversation.

    Raises:
        Unreadable: when there is no message in it, or too many.
    """
    builder = Builder()
    builder.title = string(value.get("title"))
    for one in items(value.get("messages")):
        add(builder, table(one))
    return builder.finish()


def read_list(messages: Iterable[Mapping[str, Any]]) -> Imported:
    """A conversation that is a bare list of messages.

    Raises:
        Unreadable: when there is no message in it, or too many.
    """
    builder = Builder()
    for one in messages:
        add(builder, one)
    return builder.finish()


def add(builder: Builder, message: Mapping[str, Any]) -> None:
    """Add one message; what a model wanted called is kept as text, and calls nothing."""
    role = string(message.get("role")).casefold()
    said = [_content(builder, message.get("content"))]
    said += [_call(table(call)) for call in items(message.get("tool_calls"))]
    builder.follow(
        _ROLES.get(role, role),
        "\n\n".join(filter(None, said)),
        name=string(message.get("name")),
        created_ms=moment(message.get("created_at")) or moment(message.get("timestamp")),
    )


def _content(builder: Builder, content: object) -> str:
    if isinstance(content, str):
        return content
    parts = []
    for part in map(table, items(content)):
        if said := string(part.get("text")):
            parts.append(said)
        else:
            builder.leave_out(f"an attachment ({string(part.get('type'))[:40] or 'unknown'})")
    return "\n\n".join(parts)


def _call(call: Mapping[str, Any]) -> str:
    function = table(call.get("function"))
    return f"[calls {string(function.get('name'))}]\n```json\n{string(function.get('arguments'))}\n```"


def turns_of(session: Session, path: Iterable[Message]) -> list[dict[str, str]]:
    """The system prompt, the greeting and a path, as messages."""
    turns = []
    if session.persona.system.strip():
        turns.append({"role": "system", "content": session.persona.system})
    if session.persona.greeting.strip():
        turns.append({"role": "assistant", "content": session.persona.greeting})
    return [*turns, *({"role": one.role.value, "content": one.text} for one in path if one.text)]


def write_line(session: Session) -> str:
    """The active path as one line of JSON."""
    return json.dumps({"messages": turns_of(session, session.tree.path())}, ensure_ascii=False) + "\n"


def write_document(session: Session) -> str:
    """The active path as one JSON document, to be read by people too."""
    document = {"title": session.title, "messages": turns_of(session, session.tree.path())}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_preferences(session: Session) -> str:
    """Pairs for preference training, a line each: the reply in view is preferred to each of its siblings."""
    lines = []
    for message in session.tree.path():
        if message.role is not Role.ASSISTANT or not message.text.strip():
            continue
        prompt = turns_of(session, session.tree.path_to(message.parent))
        lines += [
            {"prompt": prompt, "chosen": _said(message), "rejected": _said(other)}
            for other in session.tree.siblings(message.id)
            if other.role is Role.ASSISTANT and other.text.strip() and other.text != message.text
        ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _said(message: Message) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": message.text}]
