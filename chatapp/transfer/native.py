"""Our own format: one JSON document, versioned, with everything that a session is.

    {"format": "chatapp-session", "version": 1, "session": {…}, "messages": [{…}, …]}

`session` and each message carry the fields of `Session` and `Message` under their own names. Messages stand with
parents before children; `id` counts from 1, and `parent`, `active_child` and `active_root` refer to it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chatapp.conversation.attachment import Attachment, citable_name
from chatapp.conversation.message import Message, Provenance
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import SHIPPED, Preset, checked
from chatapp.conversation.session import Session, tag_from
from chatapp.conversation.tree import Tree
from chatapp.text import repair
from chatapp.transfer.imported import MOST_MESSAGES, Imported, Unreadable, one_line
from chatapp.transfer.values import items, moment, string, table

FORMAT = "chatapp-session"
VERSION = 1

_MESSAGE = TypeAdapter(Message)
_SESSION = TypeAdapter(Session)
_PRESET = TypeAdapter(Preset)
_HELD = {"records", "trace"}
"""What a message has while it streams, and what needs another form."""
_PLACE = {"id", "tree"}
"""What a session has by its place in a store, or what stands elsewhere in the file."""


def write(session: Session) -> str:
    """The whole session as one JSON document."""
    messages = session.tree.all()
    number: dict[int | None, int | None] = {message.id: place for place, message in enumerate(messages, 1)}
    head = _SESSION.dump_python(session, mode="json", exclude=_PLACE)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "session": head | {"active_root": number.get(session.tree.active_root)},
        "messages": [
            _MESSAGE.dump_python(message, mode="json", exclude=_HELD)
            | {
                "trace": b64encode(message.trace).decode(),
                "id": number[message.id],
                "parent": number.get(message.parent),
                "active_child": number.get(message.active_child),
            }
            for message in messages
        ],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def fits(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is of this format."""
    return value.get("format") == FORMAT


def read(value: Mapping[str, Any]) -> Imported:
    """The session in a document.

    Raises:
        Unreadable: when it is of a newer version, or its tree makes no sense.
    """
    if value.get("version") != VERSION:
        raise Unreadable(f"it was written by a newer chatapp (its format is {value.get('version')!r:.20})")
    warnings: list[str] = []
    head = table(value.get("session"))
    rows = items(value.get("messages"))
    if len(rows) > MOST_MESSAGES:
        raise Unreadable(f"it has more than {MOST_MESSAGES:,} messages")
    try:
        tree = Tree((_message(row, warnings) for row in rows), _number(head.get("active_root")))
    except ValueError as error:
        raise Unreadable(str(error)) from None
    if len(tree) != len(rows):
        raise Unreadable("two of its messages have the same id")
    return Imported(_session(head, tree, warnings), list(dict.fromkeys(warnings)))


def _session(head: Mapping[str, Any], tree: Tree, warnings: list[str]) -> Session:
    persona = _persona(head.get("persona"), warnings)
    known = {
        **{name: head[name] for name in _SESSION_FIELDS if name in head},
        "id": 0,
        "uid": "",
        "tree": tree,
        "persona": persona,
        "title": one_line(string(head.get("title"))),
        "draft": string(head.get("draft")),
        "preset": _preset(head.get("preset"), warnings),
        "overrides": _overrides(head.get("overrides"), warnings),
        "tags": tuple(tag for tag in map(tag_from, map(string, items(head.get("tags")))) if tag),
        "created_ms": moment(head.get("created_ms")),
        "updated_ms": moment(head.get("updated_ms")),
    }
    try:
        session = _SESSION.validate_python(known)
    except ValidationError as error:
        raise Unreadable(_reason("its session", error)) from None
    session.draft_files = _citable(session.draft_files)
    return session


_SESSION_FIELDS = tuple(field.name for field in fields(Session))


def _message(row: Any, warnings: list[str]) -> Message:
    said = dict(table(row))
    try:
        Provenance.model_validate(said.get("provenance", {}))
    except ValidationError:
        del said["provenance"]
        warnings.append("how some replies were made is not understood here; their text is kept")
    try:
        message = _MESSAGE.validate_python(
            {name: value for name, value in said.items() if name not in _HELD}
            | {"created_ms": moment(said.get("created_ms"))}
        )
    except ValidationError as error:
        raise Unreadable(_reason("a message", error)) from None
    if not all(0 <= token < 2**32 for token in message.token_ids):
        message.token_ids = []
        warnings.append("the tokens of some messages make no sense; their text is kept")
    message.trace = _trace(said.get("trace"), warnings)
    message.files = _citable(message.files)
    return message


def _trace(value: object, warnings: list[str]) -> bytes:
    """How the tokens were chosen, packed; it is read with care when somebody looks at it."""
    try:
        return b64decode(string(value), validate=True)
    except ValueError:
        warnings.append("how the tokens of some replies were chosen is not understood; their text is kept")
        return b""


def _citable(files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    names: list[str] = []
    for file in files:
        names.append(citable_name(file.name, names))
    return tuple(replace(file, name=name) for file, name in zip(files, names, strict=True))


def _preset(value: object, warnings: list[str]) -> Preset | None:
    """The preset with its values; of one that older files have by its name alone, what ships under that name."""
    if not value:
        return None
    try:
        return SHIPPED.named(value) if isinstance(value, str) else _PRESET.validate_python(value)
    except ValueError:
        warnings.append("its preset is not known here; the persona's is in force")
        return None


def _overrides(value: object, warnings: list[str]) -> dict[str, Any]:
    kept = {}
    for name, setting in table(value).items():
        try:
            kept[name] = checked(name, setting)
        except ValueError:
            warnings.append("some of its settings are not known here, and were left out")
    return kept


def _persona(value: object, warnings: list[str]) -> Persona:
    try:
        # A file from elsewhere does not switch tools on.
        return Persona.model_validate(value).model_copy(update={"tools": None})
    except ValidationError:
        warnings.append("its persona is not wholly understood here; its name and prompt are kept")
        known = table(value)
        return Persona(
            name=one_line(string(known.get("name"))) or "Assistant", system=repair(string(known.get("system")))
        )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _reason(what: str, error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{what} is not understood: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"[:200]
