"""What came of the parts of documents, kept with the reply that it was said for, and found again by its digest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import apsw

from chatapp.conversation.by_parts import PartResult
from chatapp.store.encoding import storable
from chatapp.store.transaction import writing

P = ParamSpec("P")
R = TypeVar("R")


class _Do(Protocol):
    """Has the storage thread do one piece of work on its connection."""

    def __call__(
        self, work: Callable[Concatenate[apsw.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]: ...


class PartStore:
    """The results of parts. Every method may raise `StoreError`."""

    def __init__(self, do: _Do) -> None:
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
