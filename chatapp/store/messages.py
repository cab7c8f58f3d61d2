"""Messages in the database: a turn begins, a reply grows and ends, a branch comes into view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.message import Kind, Message, Provenance, Role, Status, StopReason
from chatapp.conversation.session import title_from
from chatapp.store import attachments, drafts, traces
from chatapp.store.encoding import (
    new_uid,
    now_ms,
    pack_ids,
    provenance_from,
    provenance_json,
    storable,
    unpack_ids,
)
from chatapp.store.errors import NoSuchSession, NotStreaming
from chatapp.store.transaction import writing
from chatapp.text import repair

Change = tuple[int | None, int]
"""A parent (none: the root) and the child of it that is to be in view."""


def load(connection: apsw.Connection, session_id: int, *, with_traces: bool = False) -> list[Message]:
    """Every message of every branch, in the order in which they were written."""
    rows = connection.execute(
        "SELECT id, uid, parent, role, status, active_child, created_ms, kind, pinned, undone,"
        " body, provenance, token_ids"
        " FROM message WHERE session = ? AND deleted_ms IS NULL ORDER BY id",
        (session_id,),
    )
    files = attachments.of_session(connection, session_id)
    packed = traces.of_session(connection, session_id) if with_traces else {}
    return [
        Message(
            id=id_,
            uid=uid,
            parent=parent,
            role=Role(role),
            text=body,
            status=Status(status),
            created_ms=created_ms,
            token_ids=unpack_ids(token_ids),
            provenance=provenance_from(provenance),
            active_child=active_child,
            kind=Kind(kind),
            pinned=bool(pinned),
            undone=bool(undone),
            files=files.get(id_, ()),
            trace=packed.get(id_, b""),
        )
        for (
            id_,
            uid,
            parent,
            role,
            status,
            active_child,
            created_ms,
            kind,
            pinned,
            undone,
            body,
            provenance,
            token_ids,
        ) in rows
    ]


def begin_turn(
    connection: apsw.Connection,
    owner: str,
    session_id: int,
    parent: int | None,
    text: str,
    *,
    files: tuple[Attachment, ...] = (),
) -> tuple[Message, Message]:
    """Keep what the person said and make room for the reply, all in one transaction."""
    with writing(connection):
        return _begin_turn(connection, owner, session_id, parent, repair(text), files=files)


def _begin_turn(
    connection: apsw.Connection,
    owner: str,
    session_id: int,
    parent: int | None,
    text: str,
    *,
    files: tuple[Attachment, ...] = (),
) -> tuple[Message, Message]:
    use(connection, session_id)
    asked = _insert(connection, session_id, _New(parent, Role.USER, text))
    attachments.attach(connection, asked.id, files)
    asked.files = files
    reply = _insert(connection, session_id, _New(asked.id, Role.ASSISTANT, "", owner=owner))
    drafts.clear(connection, session_id)
    connection.execute("UPDATE session SET title = ? WHERE id = ? AND title = ''", (title_from(text), session_id))
    asked.active_child = reply.id
    return asked, reply


def begin_reply(
    connection: apsw.Connection,
    owner: str,
    session_id: int,
    parent: int | None,
    *,
    text: str,
    token_ids: Sequence[int],
    provenance: Provenance | None,
) -> Message:
    """Make room for one more reply; one that continues another starts with a copy of it."""
    new = _New(parent, Role.ASSISTANT, storable(text), owner, tuple(token_ids), provenance or Provenance())
    with writing(connection):
        use(connection, session_id)
        return _insert(connection, session_id, new)


def add_reply(
    connection: apsw.Connection, session_id: int, parent: int | None, text: str, provenance: Provenance
) -> Message:
    """Add a reply that a person wrote, beside those that are there."""
    with writing(connection):
        use(connection, session_id)
        new = _New(parent, Role.ASSISTANT, repair(text), provenance=provenance)
        return _insert(connection, session_id, new)


def begin_many(
    connection: apsw.Connection,
    owner: str,
    session_id: int,
    parent: int | None,
    *,
    text: str | None,
    count: int,
    files: tuple[Attachment, ...] = (),
) -> tuple[Message | None, list[Message]]:
    """Make room for several replies to what was said, or to a text that is said now, all in one transaction.

    The first of them is in view.
    """
    with writing(connection):
        asked = None
        if text is not None:
            asked, first = _begin_turn(connection, owner, session_id, parent, repair(text), files=files)
            parent, replies = asked.id, [first]
        else:
            use(connection, session_id)
            replies = [_insert(connection, session_id, _New(parent, Role.ASSISTANT, "", owner))]
        replies += [
            _insert(connection, session_id, _New(parent, Role.ASSISTANT, "", owner)) for _ in range(count - 1)
        ]
        _set_active(connection, session_id, parent, replies[0].id)
    return asked, replies


def begin_summary(connection: apsw.Connection, owner: str, session_id: int, parent: int) -> Message:
    """Make room for a summary of the path that ends with a message."""
    with writing(connection):
        use(connection, session_id)
        new = _New(parent, Role.SYSTEM, "", owner, kind=Kind.SUMMARY)
        return _insert(connection, session_id, new)


def add_border(connection: apsw.Connection, session_id: int, parent: int, text: str) -> Message:
    """Draw a border below a message: a summary with a text, or else a bare cut."""
    with writing(connection):
        use(connection, session_id)
        kind = Kind.SUMMARY if text.strip() else Kind.CUT
        return _insert(connection, session_id, _New(parent, Role.SYSTEM, repair(text), kind=kind))


def set_undone(connection: apsw.Connection, message_id: int, *, undone: bool) -> None:
    """Undo a border, or put it in force again."""
    with writing(connection):
        connection.execute("UPDATE message SET undone = ? WHERE id = ? AND kind <> 'said'", (undone, message_id))


def set_pinned(connection: apsw.Connection, message_id: int, *, pinned: bool) -> None:
    """Pin a message, or let it go."""
    with writing(connection):
        connection.execute("UPDATE message SET pinned = ? WHERE id = ?", (pinned, message_id))


def append(
    connection: apsw.Connection,
    owner: str,
    reply_id: int,
    text: str,
    token_ids: Iterable[int],
    *,
    provenance: Provenance | None = None,
) -> None:
    """Add to a reply that we are writing; with its provenance, where that has news: should we not live to its end.

    Raises:
        NotStreaming: when it is not ours, or final.
    """
    with writing(connection):
        connection.execute(
            # The cast undoes what || does to bytes: it makes text of them.
            "UPDATE message SET body = body || ?, token_ids = CAST(token_ids || ? AS BLOB),"
            " provenance = coalesce(?, provenance) WHERE id = ? AND status = 'streaming' AND owner = ?",
            (storable(text), pack_ids(token_ids), provenance and provenance_json(provenance), reply_id, owner),
        )
        _must_have_changed(connection)


def rewrite(
    connection: apsw.Connection,
    owner: str,
    reply_id: int,
    *,
    text: str,
    token_ids: Iterable[int],
    provenance: Provenance,
) -> None:
    """Let a reply that we are writing say something else than it did.

    Raises:
        NotStreaming: when it is not ours, or final.
    """
    with writing(connection):
        connection.execute(
            "UPDATE message SET body = ?, token_ids = ?, provenance = ?"
            " WHERE id = ? AND status = 'streaming' AND owner = ?",
            (storable(text), pack_ids(token_ids), provenance_json(provenance), reply_id, owner),
        )
        _must_have_changed(connection)


def finish(
    connection: apsw.Connection,
    owner: str,
    reply_id: int,
    *,
    status: Status,
    provenance: Provenance,
    text: str | None,
    token_ids: Iterable[int] | None,
    trace: bytes | None = None,
) -> None:
    """End a reply that we are writing; the text and the ids, where given, replace what was appended.

    Raises:
        NotStreaming: when it is not ours, or already final.
    """
    body = None if text is None else storable(text)
    blob = None if token_ids is None else pack_ids(token_ids)
    with writing(connection):
        connection.execute(
            "UPDATE message SET status = ?, owner = NULL, provenance = ?, body = coalesce(?, body),"
            " token_ids = coalesce(?, token_ids) WHERE id = ? AND status = 'streaming' AND owner = ?",
            (status, provenance_json(provenance), body, blob, reply_id, owner),
        )
        _must_have_changed(connection)
        if trace is not None:
            traces.save(connection, reply_id, trace)
        connection.execute(
            "UPDATE session SET updated_ms = ? WHERE id = (SELECT session FROM message WHERE id = ?)",
            (now_ms(), reply_id),
        )


def keep_calls(connection: apsw.Connection, reply_id: int, provenance: Provenance) -> None:
    """Keep with a reply that has ended what its calls of tools gave."""
    with writing(connection):
        connection.execute(
            "UPDATE message SET provenance = ? WHERE id = ? AND status = 'complete'",
            (provenance_json(provenance), reply_id),
        )


def activate(connection: apsw.Connection, session_id: int, changes: Iterable[Change]) -> None:
    """Remember which child of each of these parents is in view. A pair that is none is passed over."""
    with writing(connection):
        for parent, child in changes:
            if _is_child(connection, session_id, parent, child):
                _set_active(connection, session_id, parent, child)


def interrupt(connection: apsw.Connection, is_dead: Callable[[str], bool]) -> None:
    """Mark the replies whose writers are dead as interrupted; their text stays. To be called in a transaction."""
    streaming = connection.execute(
        "SELECT id, owner, provenance, token_ids FROM message WHERE status = 'streaming'"
    )
    rows: list[Any] = streaming.fetchall()
    dead: dict[str, bool] = {}
    for id_, owner, body, ids in rows:
        if dead.setdefault(owner, is_dead(owner)):
            known = provenance_from(body).counting(len(unpack_ids(ids)))
            broken_off = known.model_copy(update={"stop_reason": StopReason.CRASHED})
            connection.execute(
                "UPDATE message SET status = 'interrupted', owner = NULL, provenance = ? WHERE id = ?",
                (provenance_json(broken_off), id_),
            )


def use(connection: apsw.Connection, session_id: int) -> None:
    """Make a session the one used last. To be called in a transaction.

    Raises:
        NoSuchSession: when it is gone.
    """
    connection.execute(
        "UPDATE session SET used = (SELECT max(used) + 1 FROM session), updated_ms = ? WHERE id = ?",
        (now_ms(), session_id),
    )
    if not connection.changes():
        raise NoSuchSession("This session is gone: another window has removed it.")


@dataclass(frozen=True)
class _New:
    """A message to be; with an owner it streams."""

    parent: int | None
    role: Role
    text: str
    owner: str | None = None
    token_ids: tuple[int, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    kind: Kind = Kind.SAID


def _insert(connection: apsw.Connection, session_id: int, new: _New) -> Message:
    """Add a message and bring it into view; a border is on no path.

    What another window has put in the trash meanwhile comes back, as far as the message stands on it.
    """
    connection.execute(
        "WITH RECURSIVE above(id) AS (VALUES(?) UNION ALL SELECT m.parent FROM message AS m JOIN above USING(id)"
        " WHERE m.parent IS NOT NULL AND m.deleted_ms IS NOT NULL)"
        " UPDATE message SET deleted_ms = NULL WHERE id IN above AND deleted_ms IS NOT NULL",
        (new.parent,),
    )
    message = Message(
        id=0,
        uid=new_uid(),
        parent=new.parent,
        role=new.role,
        text=new.text,
        status=Status.STREAMING if new.owner else Status.COMPLETE,
        created_ms=now_ms(),
        token_ids=list(new.token_ids),
        provenance=new.provenance,
        kind=new.kind,
    )
    connection.execute(
        "INSERT INTO message(uid, session, parent, role, status, owner, created_ms, kind,"
        " body, provenance, token_ids) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.uid,
            session_id,
            message.parent,
            message.role,
            message.status,
            new.owner,
            message.created_ms,
            message.kind,
            message.text,
            provenance_json(message.provenance),
            pack_ids(message.token_ids),
        ),
    )
    message.id = connection.last_insert_rowid()
    if new.kind is Kind.SAID:
        _set_active(connection, session_id, new.parent, message.id)
    return message


def _is_child(connection: apsw.Connection, session_id: int, parent: int | None, child: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM message WHERE id = ? AND session = ? AND parent IS ?", (child, session_id, parent)
    )
    return found.fetchone() is not None


def _set_active(connection: apsw.Connection, session_id: int, parent: int | None, child: int) -> None:
    if parent is None:
        connection.execute("UPDATE session SET active_root = ? WHERE id = ?", (child, session_id))
    else:
        connection.execute("UPDATE message SET active_child = ? WHERE id = ?", (child, parent))


def _must_have_changed(connection: apsw.Connection) -> None:
    if not connection.changes():
        raise NotStreaming("This reply has ended, or another window writes it: it was left as it is.")
