"""Takes a whole session into the database as a new one: imported, duplicated, or kept from a temporary chat."""

from __future__ import annotations

from dataclasses import replace

import apsw

from chatapp.conversation.message import Message, Status
from chatapp.conversation.session import Session
from chatapp.store import attachments, drafts, labels, sessions, traces
from chatapp.store.encoding import (
    new_uid,
    now_ms,
    overrides_json,
    pack_ids,
    preset_columns,
    provenance_json,
    storable,
)
from chatapp.store.transaction import writing
from chatapp.text import repair

_SESSION = """
INSERT INTO session(uid, title, titled, persona, preset, preset_body, overrides, model, on_full, pinned,
    created_ms, updated_ms, used)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    CASE WHEN ? THEN coalesce(max(used), 0) + 1 ELSE coalesce(min(used), 0) - 1 END
FROM session
"""


def adopt(connection: apsw.Connection, session: Session, *, first: bool) -> str:
    """Write a session with all its branches, in one transaction; returns the uid that it has here.

    Every id is new, whatever ids the session came with: nothing that is here is touched. A reply that streamed is
    kept as an interrupted one.

    Args:
        connection: the database.
        session: the session; the ids of its messages need only be unique in its tree.
        first: whether it becomes the session used last. If not it comes below all others and keeps its dates, as
            suits the hundreds that another program's archive holds.
    """
    uid, now = new_uid(), now_ms()
    created = session.created_ms or now
    with writing(connection):
        sessions.keep_persona(connection, session.persona)
        connection.execute(
            _SESSION,
            (
                uid,
                " ".join(repair(session.title).split()),
                session.titled,
                session.persona.digest,
                *preset_columns(session.preset),
                overrides_json(session.overrides),
                None if session.model is None else storable(session.model),
                session.on_full,
                session.pinned,
                created,
                now if first else session.updated_ms or created,
                first,
            ),
        )
        session_id = connection.last_insert_rowid()
        labels.set_tags(connection, session_id, session.tags)
        _write_tree(connection, session_id, session)
        drafts.put(connection, session_id, session.draft)
        attachments.put_in_draft(connection, session_id, session.draft_files)
    return uid


def _write_tree(connection: apsw.Connection, session_id: int, session: Session) -> None:
    ids: dict[int, int] = {}
    messages = session.tree.all()
    uids: dict[str, str] = {}
    for message in messages:
        parent = None if message.parent is None else ids[message.parent]
        came = message.provenance
        if came.edited_from and came.edited_from in uids:
            came = came.model_copy(update={"edited_from": uids[came.edited_from]})
        uids[message.uid] = uid = new_uid()
        _insert(connection, session_id, replace(message, uid=uid, parent=parent, provenance=came))
        ids[message.id] = connection.last_insert_rowid()
        attachments.attach(connection, ids[message.id], message.files)
        if message.trace:
            traces.save(connection, ids[message.id], message.trace)
    connection.executemany(
        "UPDATE message SET active_child = ? WHERE id = ?",
        [(ids[one.active_child], ids[one.id]) for one in messages if one.active_child in ids],
    )
    if session.tree.active_root in ids:
        connection.execute(
            "UPDATE session SET active_root = ? WHERE id = ?", (ids[session.tree.active_root], session_id)
        )


def _insert(connection: apsw.Connection, session_id: int, message: Message) -> None:
    status = Status.INTERRUPTED if message.status is Status.STREAMING else message.status
    connection.execute(
        "INSERT INTO message(uid, session, parent, role, status, created_ms, kind, pinned, undone,"
        " body, provenance, token_ids) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.uid,
            session_id,
            message.parent,
            message.role,
            status,
            message.created_ms,
            message.kind,
            message.pinned,
            message.undone,
            storable(message.text),
            provenance_json(message.provenance),
            pack_ids(message.token_ids),
        ),
    )
