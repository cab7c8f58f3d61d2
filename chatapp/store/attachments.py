"""The files that messages brought along: each text once, by its content, whatever became of the file."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from chatapp.conversation.attachment import Attachment, Given
from chatapp.conversation.document import Document, Unit
from chatapp.store.encoding import pack_ids, storable, unpack_ids
from chatapp.store.schema import DRAFT_FILES_SINCE, version_of

_OF_DRAFT = "SELECT {} FROM draft_attachment WHERE session = ? ORDER BY place"
_FORGET = (
    "DELETE FROM attachment WHERE digest = ?1"
    " AND NOT EXISTS (SELECT 1 FROM message_attachment WHERE document = ?1)"
)
_NOT_IN_DRAFTS = " AND NOT EXISTS (SELECT 1 FROM draft_attachment WHERE document = ?1)"


def attach(connection: apsw.Connection, message_id: int, files: Sequence[Attachment]) -> None:
    """Keep the files of a message. To be called in a transaction."""
    for place, file in enumerate(files):
        digest = _keep(connection, file.document)
        connection.execute(
            "INSERT INTO message_attachment(message, place, document, about) VALUES (?, ?, ?, ?)",
            (message_id, place, digest, _about(file)),
        )


def put_in_draft(connection: apsw.Connection, session_id: int, files: Sequence[Attachment]) -> None:
    """Keep the files of a draft in the place of those it had. To be called in a transaction."""
    had = [digest for (digest,) in connection.execute(_OF_DRAFT.format("document"), (session_id,))]
    connection.execute("DELETE FROM draft_attachment WHERE session = ?", (session_id,))
    connection.executemany(
        "INSERT INTO draft_attachment(session, place, document, about) VALUES (?, ?, ?, ?)",
        [(session_id, place, _keep(connection, file.document), _about(file)) for place, file in enumerate(files)],
    )
    forget_unused(connection, had)


def of_draft(connection: apsw.Connection, session_id: int) -> tuple[Attachment, ...]:
    """The files of a session's draft.

    Raises:
        ValueError: when what was stored makes no sense.
    """
    rows: list[Any] = connection.execute(_OF_DRAFT.format("document, about"), (session_id,)).fetchall()
    return tuple(_attachment(_document(connection, digest), json.loads(about)) for digest, about in rows)


def of_session(connection: apsw.Connection, session_id: int) -> dict[int, tuple[Attachment, ...]]:
    """The files of a session's messages, by the ids of those. A text that several have is held once.

    Raises:
        ValueError: when what was stored makes no sense.
    """
    rows: list[Any] = connection.execute(
        "SELECT message, document, about FROM message_attachment"
        " WHERE message IN (SELECT id FROM message WHERE session = ?) ORDER BY message, place",
        (session_id,),
    ).fetchall()
    documents = {digest: _document(connection, digest) for digest in {row[1] for row in rows}}
    files: dict[int, list[Attachment]] = defaultdict(list)
    for message_id, digest, about in rows:
        files[message_id].append(_attachment(documents[digest], json.loads(about)))
    return {message_id: tuple(listed) for message_id, listed in files.items()}


def documents_of(connection: apsw.Connection, messages: str) -> list[str]:
    """The digests of the texts that messages brought along; their ids are given as a JSON array."""
    rows = connection.execute(
        "SELECT DISTINCT document FROM message_attachment WHERE message IN (SELECT value FROM json_each(?))",
        (messages,),
    )
    return [str(digest) for (digest,) in rows]


def documents_of_draft(connection: apsw.Connection, session_uid: str) -> list[str]:
    """The digests of the texts that go with a session's draft."""
    rows = connection.execute(
        "SELECT DISTINCT document FROM draft_attachment WHERE session = (SELECT id FROM session WHERE uid = ?)",
        (session_uid,),
    )
    return [str(digest) for (digest,) in rows]


def forget_unused(connection: apsw.Connection, digests: Iterable[str]) -> None:
    """Erase those texts that no message and no draft has any more. To be called in a transaction."""
    in_drafts = version_of(connection) >= DRAFT_FILES_SINCE
    connection.executemany(
        _FORGET + (_NOT_IN_DRAFTS if in_drafts else ""),
        [(digest,) for digest in digests],
    )


def _keep(connection: apsw.Connection, document: Document) -> str:
    """Keep a text, once. Its digest is taken here: what an import says of itself counts for nothing."""
    text = storable(document.text)
    starts = pack_ids(document.starts)
    digest = hashlib.sha256(b"\0".join((document.unit.encode(), starts, text.encode()))).hexdigest()
    connection.execute(
        "INSERT OR IGNORE INTO attachment(digest, unit, starts, body) VALUES (?, ?, ?, ?)",
        (digest, document.unit, starts, text),
    )
    return digest


def _document(connection: apsw.Connection, digest: str) -> Document:
    row: Any = connection.execute(
        "SELECT body, unit, starts FROM attachment WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        raise ValueError("a message lacks its file")
    body, unit, starts = row
    return Document(body, Unit(unit), tuple(unpack_ids(starts)))


def _about(file: Attachment) -> str:
    about = {
        "name": file.name,
        "path": file.path,
        "source": file.source,
        "size": file.size,
        "modified_ns": file.modified_ns,
        "given": file.given,
        "spans": file.spans,
    }
    return storable(json.dumps(about, ensure_ascii=False))


def _attachment(document: Document, about: dict[str, Any]) -> Attachment:
    known = {**about, "given": Given(about["given"]), "spans": tuple((one, two) for one, two in about["spans"])}
    return Attachment(document=document, **known)
