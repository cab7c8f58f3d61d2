"""A row of the tree as a line, and what one stands on as a page: pure functions."""

from __future__ import annotations

import re
from datetime import datetime

from rich.style import Style

from chatapp.conversation.message import Message, Role, Status
from chatapp.conversation.tree import Tree
from chatapp.text import counted, display_line
from chatapp.tui.entries import entry, tuning
from chatapp.tui.lines import Line, clip, ends, gap, on
from chatapp.tui.look import Look
from chatapp.tui.screens.branch_layout import BranchRow
from chatapp.tui.widgets.session_lines import when
from chatapp.tui.widgets.transcript.view import MessageView, Place, Sheet

_RIGHT = 14
"""Cells for tokens, a time or a state."""
_LONGEST = 8_000
"""Characters of a message that the preview lays out."""
_LOOKED_AT = 2_000
_FENCE = re.compile(r"^\s*(```|~~~)")
_MARKS = re.compile(r"^[\s#>|]+|[*`]+")
_STATES = {
    Status.STREAMING: "writing",
    Status.STOPPED: "stopped",
    Status.INTERRUPTED: "interrupted",
    Status.ERROR: "broke off",
}


def first_words(text: str) -> str:
    """The first line that says something, without Markdown's marks; an ellipsis where more follows."""
    head = text[:_LOOKED_AT]
    lines = [line for line in head.splitlines() if line.strip() and not _FENCE.match(line)]
    said = [" ".join(_MARKS.sub("", line).split()) for line in lines[:2]]
    first = next(filter(None, said), "")
    return f"{first} …" if first and (len(lines) > 1 or len(text) > len(head)) else first


def standing(message: Message, now: datetime) -> str:
    """What is said of a message in a few cells: how it stands, its tokens, or when it was written."""
    if message.status in _STATES:
        return _STATES[message.status]
    if message.provenance.edited_from:
        return "edited"
    if message.role is Role.ASSISTANT and message.token_ids:
        return counted(len(message.token_ids), "token")
    return when(datetime.fromtimestamp(message.created_ms / 1000, now.tzinfo), now) if message.created_ms else ""


def row_line(row: BranchRow, look: Look, cells: int, now: datetime, *, stood_on: bool) -> Line:
    """A row of the tree, on a ground of its own where one stands on it."""
    message = row.message
    if message is None:
        return [("│", look.accent)]
    asks = message.role is Role.USER
    words = look.muted if not row.active else look.strong if asks else look.text
    line = _left(row, look, cells, asks=asks)
    if row.place[1] > 1:
        line.append((f"‹{row.place[0]}/{row.place[1]}› ", look.accent if row.active else look.muted))
    room = cells - sum(len(text) for text, _ in line) - _RIGHT - 1
    line.append((clip(display_line(first_words(message.text)) or "nothing yet", room), words))
    line = ends(line, [gap(1), (standing(message, now), look.muted if stood_on else look.faint)], cells)
    return on(line, look.selection, cells) if stood_on else line


def _left(row: BranchRow, look: Look, cells: int, *, asks: bool) -> Line:
    """The line of the active path, the lines of the branches, and the mark of a question."""
    if row.active:
        return [("›" if asks else "│", look.accent), gap(1)]
    rails, most = row.rails[1:], max(8, cells // 3)
    if len(rails) > most:
        rails = "…" + rails[-most + 1 :]
    return [("│", look.accent), (rails, look.rule), *([("› ", look.muted)] if asks else [])]


# What one stands on ---------------------------------------------------------------------------------------------


def detail_lines(tree: Tree, message: Message, look: Look, cells: int, room: int) -> list[Line]:
    """The message, as much of it as there is room for above the facts, and how it was made."""
    facts = [_fact(name, value, look, cells) for name, value in _facts(tree, message)]
    text = preview(tree, message, look, cells)
    most = max(3, room - len(facts) - 1)
    if len(text) > most:
        text = [*text[: most - 1], [("…", look.faint)]]
    return [*text, *([[]] if text else []), *facts]


def preview(tree: Tree, message: Message, look: Look, cells: int) -> list[Line]:
    """A message as the page shows it."""
    shown = entry(tree, message)
    view = MessageView(type(shown)(shown.key, asks=False, text=message.text[:_LONGEST]))
    rows = view.rows(Sheet(look, cells + 2), Place(0, newest=False, standing=False))
    bold = look.strong if shown.asks else Style()
    return [[(text, style + bold) for text, style in row.line] for row in rows]


def _facts(tree: Tree, message: Message) -> list[tuple[str, str]]:
    came = message.provenance
    facts: list[tuple[str, str]] = []
    if message.role is Role.ASSISTANT:
        if came.model_name:
            facts.append(("model", came.model_name))
        if came.segments:
            facts.append(("preset", tuning(came, came.segments[-1].settings)))
            facts.append(("seed", f"{came.segments[-1].seed}"))
        if came.edited_from:
            facts.append(("written", "by you, over a reply"))
        if message.token_ids:
            facts.append(("tokens", f"{len(message.token_ids):,}"))
    if message.status in _STATES:
        facts.append(("state", _STATES[message.status]))
    elif message.role is not Role.ASSISTANT and message.created_ms:
        at = datetime.fromtimestamp(message.created_ms / 1000).astimezone()
        facts.append(("written", f"{at.day} {at:%b %Y}, {at:%H:%M}"))
    children = len(tree.children(message.id))
    return [*facts, ("children", f"{children:,}" if children else "none yet")]


def _fact(name: str, value: str, look: Look, cells: int) -> Line:
    return ends([(name, look.muted)], [(clip(display_line(value), cells - len(name) - 2), look.text)], cells)
