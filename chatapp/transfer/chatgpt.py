"""ChatGPT's archive, conversations.json: each conversation a tree of nodes, `current_node` its tip.

Nodes without text of their own (roots, hidden system messages, a model's thoughts) are passed through: what
hangs below them hangs below the nearest message above.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any

from chatapp.transfer.imported import MOST_MESSAGES, Builder, Imported, Unreadable
from chatapp.transfer.values import items, moment, string, table

_SILENT = {"thoughts", "reasoning_recap", "user_editable_context", "model_editable_context"}


def fits(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a conversation of this kind."""
    return isinstance(value.get("mapping"), dict)


def read(value: Mapping[str, Any]) -> Imported:
    """One conversation with all its branches.

    Raises:
        Unreadable: when there is no message in it, or too many.
    """
    nodes = {key: table(node) for key, node in value["mapping"].items()}
    if len(nodes) > 2 * MOST_MESSAGES:
        raise Unreadable(f"it has more than {MOST_MESSAGES:,} messages")
    builder = Builder()
    builder.title = string(value.get("title"))
    builder.created_ms = moment(value.get("create_time"))
    builder.updated_ms = moment(value.get("update_time"))
    ids: dict[str, int | None] = {}
    for key, parent in _parents_first(nodes):
        above = ids[parent] if parent is not None else None
        ids[key] = _add(builder, table(nodes[key].get("message")), above)
    for _ in range(len(nodes) - len(ids)):
        builder.leave_out("a message that hangs in a circle")
    tip = ids.get(string(value.get("current_node")))
    if tip is not None:
        builder.tree.activate(tip)
    return builder.finish()


def _parents_first(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """Nodes with their parents, older ones first, but none before its parent."""
    children: dict[str | None, list[str]] = {}
    for key, node in nodes.items():
        above = string(node.get("parent"))
        children.setdefault(above if above in nodes and above != key else None, []).append(key)
    place = {key: number for number, key in enumerate(nodes)}
    ready: list[tuple[int, int, str, str | None]] = []

    def queue(parent: str | None, after: int) -> None:
        for key in children.get(parent, []):
            # A child is never older than its parent, whatever the clocks said.
            age = max(after, moment(table(nodes[key].get("message")).get("create_time")))
            heapq.heappush(ready, (age, place[key], key, parent))

    queue(None, 0)
    while ready:
        age, _, key, parent = heapq.heappop(ready)
        yield key, parent
        queue(key, age)


def _add(builder: Builder, message: Mapping[str, Any], parent: int | None) -> int | None:
    """Add what a node says below a message; returns the message that its children hang below."""
    metadata = table(message.get("metadata"))
    if not message or message.get("weight") == 0 or metadata.get("is_visually_hidden_from_conversation"):
        return parent
    author = table(message.get("author"))
    said = _text(builder, table(message.get("content")))
    placed = builder.place(string(author.get("role")), said, name=string(author.get("name")), parent=parent)
    if placed is None:
        return parent
    return builder.add(
        *placed,
        parent,
        created_ms=moment(message.get("create_time")),
        model=string(metadata.get("model_slug")),
    )


def _text(builder: Builder, content: Mapping[str, Any]) -> str:
    kind = string(content.get("content_type"))
    if kind in _SILENT:
        builder.leave_out(f"what the format calls ‘{kind}’")
        return ""
    if kind == "code":
        language = string(content.get("language"))
        return f"```{language if language.isalnum() else ''}\n{string(content.get('text'))}\n```"
    if "parts" in content:
        return "\n\n".join(filter(None, (_part(builder, part) for part in items(content.get("parts")))))
    return string(content.get("text")) or string(content.get("result"))


def _part(builder: Builder, part: object) -> str:
    if isinstance(part, str):
        return part
    if said := string(table(part).get("text")):
        return said
    kind = string(table(part).get("content_type"))[:40] or "unknown"
    builder.leave_out(f"an attachment ({kind})")
    return ""
