"""Takes what can be read of a damaged database over into a whole one.

Which table a row belongs to is told by its fields: the tables are strict, and no two have fields of the same types
in the same order. A row that breaks a rule of its table is left out; all others are made to hang together again.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from chatapp.conversation.persona import Persona
from chatapp.store.errors import Damaged, in_sentences
from chatapp.store.pages import Pages, Value
from chatapp.store.transaction import writing

_TYPES: dict[str, type] = {"INTEGER": int, "TEXT": str, "BLOB": bytes}


def rescue_into(whole: Path, torn: Path) -> None:
    """Fill a new, empty store with what can be read of a torn one.

    Raises:
        Damaged: nothing could be read.
    """
    with in_sentences(), closing(apsw.Connection(str(whole), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        tables = _tables(connection)
        with writing(connection):
            for number, fields in Pages(torn).rows():
                for table in tables:
                    if (row := table.row(number, fields)) is not None:
                        connection.execute(table.insert(len(row)), row)
                        break
            _mend(connection)
        if not connection.execute("SELECT count(*) FROM session").fetchall()[0][0]:
            raise Damaged("Nothing could be read of the damaged file. It was left as it is.")


@dataclass(frozen=True)
class _Table:
    """A table, with what its fields must be."""

    name: str
    columns: tuple[str, ...]
    types: tuple[type, ...]
    may_lack: tuple[bool, ...]
    """Whether a field may be null, or missing at the end of a row that is older than its column."""
    numbered: bool
    """Whether the row's number is its first field, and stored there as null."""
    without_number: bool

    def row(self, number: int | None, fields: list[Value]) -> list[Value] | None:
        """The fields as they are inserted; none where the row is not of this table."""
        if (number is None) is not self.without_number or len(fields) > len(self.columns):
            return None
        if self.numbered:
            if fields[0] is not None:
                return None
            fields = [number, *fields[1:]]
        for value, kind, may_be_null in zip(fields, self.types, self.may_lack, strict=False):
            if not (isinstance(value, kind) or (value is None and may_be_null)):
                return None
        return fields if all(self.may_lack[len(fields) :]) else None

    def insert(self, count: int) -> str:
        """The statement for so many fields."""
        places = ", ".join("?" * count)
        return f"INSERT OR IGNORE INTO {self.name}({', '.join(self.columns[:count])}) VALUES ({places})"  # noqa: S608


def _tables(connection: apsw.Connection) -> list[_Table]:
    """The tables that hold what people wrote. The search index follows from them."""
    listed: list[Any] = connection.execute(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict"
    ).fetchall()
    tables = [_table(connection, name, bool(without)) for name, without in listed]
    # A number and bytes may be a row of the search index as well: traces are given up, words are not.
    return [table for table in tables if table.types != (int, bytes)]


def _table(connection: apsw.Connection, name: str, without_number: bool) -> _Table:
    rows: list[Any] = connection.execute(f"PRAGMA table_info({name})").fetchall()
    return _Table(
        name,
        tuple(row[1] for row in rows),
        tuple(_TYPES[row[2]] for row in rows),
        tuple(not row[3] or row[4] is not None for row in rows),
        numbered=not without_number and bool(rows[0][5]) and rows[0][2] == "INTEGER",
        without_number=without_number,
    )


def _mend(connection: apsw.Connection) -> None:
    """Make the rows hang together again: nothing that was read is left out for want of what was not."""
    unknown = Persona(name="Assistant")
    connection.execute(
        "INSERT OR IGNORE INTO persona(digest, body) SELECT DISTINCT persona, ? FROM session",
        (unknown.model_dump_json(),),
    )
    connection.execute(
        "INSERT OR IGNORE INTO persona(digest, body) VALUES (?, ?)", (unknown.digest, unknown.model_dump_json())
    )
    connection.execute(
        "INSERT INTO session(id, uid, title, persona, used, created_ms, updated_ms)"
        " SELECT session, printf('rescued%06d', session), 'Rescued', ?,"
        " session + (SELECT coalesce(max(used), 0) FROM session), min(created_ms), max(created_ms)"
        " FROM message WHERE session NOT IN (SELECT id FROM session) GROUP BY session",
        (unknown.digest,),
    )
    connection.execute(
        "DELETE FROM message_attachment WHERE message NOT IN (SELECT id FROM message)"
        " OR document NOT IN (SELECT digest FROM attachment)"
    )
    connection.execute(
        "DELETE FROM draft_attachment WHERE session NOT IN (SELECT id FROM session)"
        " OR document NOT IN (SELECT digest FROM attachment)"
    )
    connection.execute("DELETE FROM draft WHERE session NOT IN (SELECT id FROM session)")
    connection.execute("DELETE FROM tag WHERE session NOT IN (SELECT id FROM session)")
    connection.execute(
        "UPDATE message SET parent = NULL WHERE parent IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM message AS above WHERE above.id = message.parent AND above.session = message.session)"
    )
