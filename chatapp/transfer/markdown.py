"""A session to be read: the active path as Markdown with front matter, which is understood again when imported.

A turn begins with a heading that carries an HTML comment, `## You <!-- chatapp:user -->`: nothing else ends the
turn before. A line of a message that looks like one gets a backslash, and loses it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.text import display, display_line
from chatapp.transfer.imported import Builder, Imported, Unreadable
from chatapp.transfer.values import iso, moment, string, table

_HEADING = re.compile(r"^## [^\n]*<!-- chatapp:(user|assistant|system)(?: (\d+))? -->$", re.MULTILINE)
_LIKE_HEADING = re.compile(r"^(\\*## [^\n]*<!-- chatapp:\w+(?: \d+)? -->)$", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(\\*## [^\n]*<!-- chatapp:\w+(?: \d+)? -->)$", re.MULTILINE)
_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


def write(session: Session) -> str:
    """The active path."""
    front = {
        "chatapp": 1,
        "title": session.title,
        "persona": session.persona.name,
        "system": session.persona.system,
        "created": iso(session.created_ms),
        "updated": iso(session.updated_ms),
        "tags": list(session.tags),
    }
    kept = {name: value for name, value in front.items() if value}
    turns = [_turn(session, message) for message in session.tree.path()]
    return f"---\n{yaml.safe_dump(kept, allow_unicode=True, sort_keys=False)}---\n" + "".join(turns)


def _turn(session: Session, message: Message) -> str:
    name = "You" if message.role is Role.USER else display_line(session.persona.name).replace("<", "‹")
    body = _LIKE_HEADING.sub(r"\\\1", message.text)
    return f"\n## {name} <!-- chatapp:{message.role} {message.created_ms} -->\n\n{body}\n"


def fits(text: str) -> bool:
    """Whether a text is of this kind."""
    return text.startswith("---\n") and _HEADING.search(text) is not None


def read(text: str) -> Imported:
    """The session in a text.

    Raises:
        Unreadable: when there is no message in it, or too many, or the front matter is no YAML.
    """
    builder = Builder()
    front = _FRONT.match(text)
    try:
        said = table(yaml.safe_load(front[1])) if front else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unreadable("its front matter is no YAML") from None
    builder.title, builder.speaker = string(said.get("title")), string(said.get("persona"))
    builder.created_ms, builder.updated_ms = moment(said.get("created")), moment(said.get("updated"))
    builder.system = [string(said.get("system"))]
    for role, created, body in _turns(text[front.end() if front else 0 :]):
        builder.add(role, body, builder.last, created_ms=created)
    return builder.finish()


def _turns(text: str) -> Iterator[tuple[Role, int, str]]:
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() - 1 for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        body = text[heading.end() : end].removeprefix("\n").removeprefix("\n").removesuffix("\n")
        yield Role(heading[1]), moment(int(heading[2] or 0)), _ESCAPED.sub(r"\1", body)


def write_plain(session: Session) -> str:
    """The active path as plain text, harmless in any terminal."""
    lines = [display_line(session.title), ""]
    for message in session.tree.path():
        name = "You" if message.role is Role.USER else display_line(session.persona.name)
        lines += [f"{name}:", display(message.text).strip("\n"), ""]
    return "\n".join(lines)
