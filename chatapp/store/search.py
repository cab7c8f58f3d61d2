"""Finds messages: the full-text index for words, a walk through the texts for what is not made of words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import apsw

from chatapp.conversation.message import Role
from chatapp.conversation.query import Query, Term
from chatapp.conversation.session import tag_from
from chatapp.store.schema import UNSPACED
from chatapp.text import folded

SHORTEST_PREFIX = 2
"""A beginning of fewer letters is taken for a word: half of all words begin with it."""
_BEFORE, _AROUND = 24, 160
"""Characters of context before a hit, and in a snippet altogether."""


@dataclass(frozen=True)
class Hit:
    """A message that was found; `marks` are the places (begin, end) of the words in the snippet."""

    session: str
    """The session's uid."""
    title: str
    message: str
    """The message's uid."""
    role: Role
    created_ms: int
    snippet: str
    """One line of the text, around the first of the words."""
    marks: tuple[tuple[int, int], ...]


def search(connection: apsw.Connection, query: Query, limit: int) -> list[Hit]:
    """The messages that a query finds, the newest first; those in the trash are not looked at."""
    if query.empty:
        return []
    conditions = _Conditions()
    words = [group for group in query.groups if not any(term.literal for term in group)]
    others = [group for group in query.groups if any(term.literal for term in group)]
    if words:
        conditions.add("message_fts MATCH ?", " AND ".join(f"({_either(group)})" for group in words))
    for group in others:
        conditions.add_any([_found(term) for term in group])
    for term in query.without:
        condition, values = _found(term)
        conditions.add(f"NOT {condition}", *values)
    _filter(conditions, query)
    # The cross join keeps the planner from walking messages where the index has the answer.
    source = "message_fts AS f CROSS JOIN message AS m ON m.id = f.rowid" if words else "message AS m"
    rows = connection.execute(
        f"SELECT s.uid, s.title, m.uid, m.role, m.created_ms, m.body FROM {source}"  # noqa: S608  no value in it
        f" CROSS JOIN session AS s ON s.id = m.session WHERE {' AND '.join(conditions.parts)}"
        " AND m.kind = 'said' AND m.deleted_ms IS NULL AND m.status <> 'streaming' AND s.deleted_ms IS NULL"
        f" ORDER BY {'f.rowid' if words else 'm.id'} DESC LIMIT ?",
        (*conditions.values, limit),
    )
    return [
        Hit(session, title, message, Role(role), created, *snippet(body, query))
        for session, title, message, role, created, body in rows
    ]


def snippet(body: str, query: Query) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A line of a text around the first word that was looked for, and where such words stand in it."""
    first = query.pattern.search(folded(body)) if query.pattern else None
    begin = _begin(body, first.start()) if first else 0
    line = " ".join(body[begin : begin + _AROUND].split())
    said = ("…" if begin else "") + line + ("…" if begin + _AROUND < len(body) else "")
    marks = query.pattern.finditer(folded(said)) if query.pattern else ()
    return said, tuple(mark.span() for mark in marks)


def _begin(body: str, hit: int) -> int:
    """Where a snippet begins: at a word, not far before the hit."""
    begin = max(0, hit - _BEFORE)
    if begin == 0:
        return 0
    blank = body.find(" ", begin, hit)
    return blank + 1 if blank >= 0 else begin


class _Conditions:
    """Conditions with the values of their question marks."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.values: list[Any] = []

    def add(self, part: str, *values: object) -> None:
        self.parts.append(part)
        self.values += values

    def add_any(self, found: Iterable[tuple[str, tuple[object, ...]]]) -> None:
        found = list(found)
        self.add("(" + " OR ".join(part for part, _ in found) + ")", *(v for _, values in found for v in values))


def _either(group: Iterable[Term]) -> str:
    return " OR ".join(map(_phrase, group))


def _phrase(term: Term) -> str:
    """A term in the index's own language: always a quoted phrase, so that nothing typed is an operator."""
    long_enough = len(term.text.split()[-1]) >= SHORTEST_PREFIX
    return '"' + term.text.replace('"', " ") + '"' + (" *" if term.prefix and long_enough else "")


def _found(term: Term) -> tuple[str, tuple[object, ...]]:
    """The condition that a term is in a message."""
    if not term.literal:
        return "m.id IN (SELECT rowid FROM message_fts WHERE message_fts MATCH ?)", (_phrase(term),)
    known = f"m.body GLOB '{UNSPACED}' AND " if term.unspaced else ""
    if any(character.isascii() and character.isalpha() for character in term.text):
        return f"({known}m.body LIKE ? ESCAPE '\\')", (f"%{_escaped(term.text)}%",)
    return f"({known}instr(m.body, ?))", (term.text,)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _filter(conditions: _Conditions, query: Query) -> None:
    if query.roles:
        conditions.add(f"m.role IN ({', '.join('?' * len(query.roles))})", *query.roles)
    for name in query.personas:
        conditions.add(
            "s.persona IN (SELECT digest FROM persona WHERE json_extract(body, '$.name') LIKE ? ESCAPE '\\')",
            f"%{_escaped(name)}%",
        )
    for name in query.models:
        like = f"%{_escaped(name)}%"
        conditions.add(
            "(json_extract(m.provenance, '$.model_name') LIKE ? ESCAPE '\\' OR s.model LIKE ? ESCAPE '\\')",
            like,
            like,
        )
    for name in query.tags:
        conditions.add("s.id IN (SELECT session FROM tag WHERE name = ?)", tag_from(name))
    if query.after_ms is not None:
        conditions.add("m.created_ms >= ?", query.after_ms)
    if query.before_ms is not None:
        conditions.add("m.created_ms < ?", query.before_ms)
