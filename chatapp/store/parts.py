"""What came of the parts of documents, kept with the reply that it was said for, and found again by its digest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw

from chatapp.conversation.by_parts import PartResult
from chatapp.store.encoding import storable
from chatapp.store.jobs import Do
from chatapp.store.transaction import writing


class PartStore:
    """The results of parts. Every method may raise `StoreError`."""

    def __init__(self, do: Do) -> None:
        self._do = do

    async def keep(self, message_id: int, result: PartResult) -> None:
        """Keep a result with the reply that it was said for, in the place of one that was there."""
        await self._do(_keep, message_id, result)

    async def find(self, digest: str) -> PartResult | None:
        """A result of exactly the same question, of whatever session that does not lie in the trash."""
        return await self._do(_find, digest)

    async def of(self, message_id: int) -> list[PartResult]:
        """The results that a reply was made of, round by round."""
        return await self._do(_of, message_id)

    async def unfinished(self, text: str, sources: Sequence[str], persona: str) -> tuple[str, int] | None:
        """The session and the reply that broke off to the same words about the same files, if there is one.

        Args:
            text: What was asked.
            sources: What the files were read from, in their order.
            persona: The digest of the persona that the session is held with.
        """
        return await self._do(_unfinished, text, json.dumps(list(sources)), persona)


def _keep(connection: apsw.Connection, message_id: int, result: PartResult) -> None:
    about = storable(result.model_dump_json(exclude={"text"}))
    with writing(connection):
        connection.execute(
            "INSERT OR REPLACE INTO part(message, round, place, digest, about, body)"
            " SELECT id, ?, ?, ?, ?, ? FROM message WHERE id = ?",
            (result.round, result.place, result.digest, about, storable(result.text), message_id),
        )


def _find(connection: apsw.Connection, digest: str) -> PartResult | None:
    row = connection.execute(
        "SELECT part.about, part.body FROM part JOIN message ON message.id = part.message"
        " JOIN session ON session.id = message.session"
        " WHERE part.digest = ? AND session.deleted_ms IS NULL LIMIT 1",
        (digest,),
    ).fetchone()
    return _result(row) if row else None


def _of(connection: apsw.Connection, message_id: int) -> list[PartResult]:
    rows = connection.execute(
        "SELECT about, body FROM part WHERE message = ? ORDER BY round, place", (message_id,)
    )
    return [_result(row) for row in rows]


def _result(row: Any) -> PartResult:
    about, text = row
    return PartResult.model_validate_json(about).model_copy(update={"text": text})


def _unfinished(connection: apsw.Connection, text: str, sources: str, persona: str) -> tuple[str, int] | None:
    row: Any = connection.execute(
        "SELECT session.uid, reply.id FROM message AS reply JOIN message AS asked ON asked.id = reply.parent"
        " JOIN session ON session.id = reply.session"
        " WHERE reply.status IN ('stopped', 'interrupted', 'error') AND reply.deleted_ms IS NULL"
        " AND asked.body = ? AND session.persona = ? AND session.deleted_ms IS NULL"
        " AND EXISTS (SELECT 1 FROM part WHERE part.message = reply.id)"
        " AND NOT EXISTS (SELECT 1 FROM message AS later WHERE later.parent = asked.id AND later.id > reply.id)"
        " AND ? = (SELECT json_group_array(about ->> 'source') FROM (SELECT about FROM message_attachment"
        " WHERE message = asked.id ORDER BY place))"
        " ORDER BY reply.id DESC LIMIT 1",
        (text, persona, sources),
    ).fetchone()
    return (row[0], row[1]) if row else None
