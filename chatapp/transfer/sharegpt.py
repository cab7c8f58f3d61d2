"""ShareGPT's form: {"conversations": [{"from": "human", "value": "…"}, …]}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chatapp.conversation.session import Session
from chatapp.transfer.imported import Builder, Imported
from chatapp.transfer.openai import turns_of
from chatapp.transfer.values import items, string, table

_ROLES = {
    **dict.fromkeys(("human", "user", "prompter"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bot", "model", "bard", "bing", "function_call"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "observation", "function_response"), "tool"),
}
_NAMES = {"user": "human", "assistant": "gpt", "system": "system"}


def fits(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a conversation of this kind."""
    return isinstance(value.get("conversations"), list) or isinstance(value.get("conversation"), list)


def read(value: Mapping[str, Any]) -> Imported:
    """One conversation.

    Raises:
        Unreadable: when there is no message in it, or too many.
    """
    builder = Builder()
    builder.title = string(value.get("title"))
    builder.follow("system", string(value.get("system")))
    for one in map(table, items(value.get("conversations") or value.get("conversation"))):
        if "human" in one or "assistant" in one:  # some writers put both turns into one object
            builder.follow("user", string(one.get("human")))
            builder.follow("assistant", string(one.get("assistant")))
            continue
        role = (string(one.get("from")) or string(one.get("role"))).casefold()
        builder.follow(_ROLES.get(role, role), string(one.get("value")) or string(one.get("content")))
    return builder.finish()


def write(session: Session) -> str:
    """The active path as one line of JSON."""
    turns = turns_of(session, session.tree.path())
    said = [{"from": _NAMES[turn["role"]], "value": turn["content"]} for turn in turns]
    return json.dumps({"id": session.uid, "conversations": said}, ensure_ascii=False) + "\n"
