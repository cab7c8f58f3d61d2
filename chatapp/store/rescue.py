"""Reads what can be read of a damaged database, page by page, into a whole one.

The page walk is SQLite's own `.recover`, by the shell that comes with apsw. It needs no sound page but those that
hold the rows. What it finds is then taken over row by row into tables that hold to all the rules.
"""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import apsw.sqlite_extra

from chatapp.conversation.persona import Persona
from chatapp.store.errors import CannotOpen, Damaged, in_sentences
from chatapp.store.transaction import writing

_SECONDS = 600


def rescue_into(whole: Path, torn: Path) -> None:
    """Fill a new, empty store with what can be read of a torn one. The torn file is a copy, and may change.

    Raises:
        StoreError: nothing could be read, or this installation lacks SQLite's shell.
    """
    found = torn.with_name("found.db")
    _recover(torn, found)
    with in_sentences(), closing(apsw.Connection(str(whole), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        connection.execute("ATTACH ? AS found", (str(found),))
        with writing(connection):
            for table, root in _tables(connection):
                _name_lost_rows(connection, table, root)
                _take_over(connection, table)
            _mend(connection)
        connection.execute("DETACH found")
        if not connection.execute("SELECT count(*) FROM session").fetchall()[0][0]:
            raise Damaged("Nothing could be read of the damaged file. It was left as it is.")


def _recover(torn: Path, found: Path) -> None:
    try:
        shell = apsw.sqlite_extra.path("sqlite3_shell")
    except (LookupError, apsw.sqlite_extra.NotAvailable) as error:
        raise CannotOpen("This installation has no tool to read a damaged file page by page.") from error
    options = [shell, "-batch", "-init", "/dev/null"]
    with subprocess.Popen(
        [*options, str(torn), ".recover --ignore-freelist"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as reading:  # fmt: skip
        subprocess.run(
            [*options, str(found)],
            stdin=reading.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False, timeout=_SECONDS,
        )  # fmt: skip


def _columns(connection: apsw.Connection, schema: str, table: str) -> list[str]:
    rows: list[Any] = connection.execute(f"PRAGMA {schema}.table_info({table})").fetchall()
    return [row[1] for row in rows]


def _take_over(connection: apsw.Connection, table: str) -> None:
    """Rows that break a rule (a name twice, a status that is none) are left out; the rest comes over."""
    theirs = set(_columns(connection, "found", table))
    shared = ", ".join(name for name in _columns(connection, "main", table) if name in theirs)
    if shared:
        connection.execute(
            f"INSERT OR IGNORE INTO main.{table}({shared}) SELECT {shared} FROM found.{table}"  # noqa: S608
        )


def _tables(connection: apsw.Connection) -> list[tuple[str, int]]:
    """The tables that hold what people wrote, with their first pages. The search index follows from them."""
    rows: list[Any] = connection.execute(
        "SELECT s.name, s.rootpage FROM main.sqlite_schema AS s JOIN pragma_table_list AS t"
        " ON t.name = s.name AND t.schema = 'main' WHERE t.type = 'table' AND s.name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return rows


def _name_lost_rows(connection: apsw.Connection, table: str, root: int) -> None:
    """Give rows back to their table where the list of tables was lost: it begins at the same page in any store."""
    present = set(_columns(connection, "found", "lost_and_found"))
    if not present or _columns(connection, "found", table):
        return
    rows: list[Any] = connection.execute(f"PRAGMA main.table_info({table})").fetchall()
    # A whole-number primary key is the row's own number, and not stored again.
    fields = {row[1]: "id" if row[2] == "INTEGER" and row[5] else f"c{row[0]}" for row in rows}
    values = ", ".join(f"{field} AS {name}" for name, field in fields.items() if field in present)
    connection.execute(
        f"CREATE TABLE found.{table} AS SELECT {values} FROM found.lost_and_found"  # noqa: S608
        " WHERE rootpgno = ?",
        (root,),
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
        " SELECT session, 'rescued' || session, 'Rescued', ?,"
        " session + (SELECT coalesce(max(used), 0) FROM session), min(created_ms), max(created_ms)"
        " FROM message WHERE session NOT IN (SELECT id FROM session) GROUP BY session",
        (unknown.digest,),
    )
    connection.execute("DELETE FROM draft WHERE session NOT IN (SELECT id FROM session)")
    connection.execute(
        "UPDATE message SET parent = NULL WHERE parent IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM message AS above WHERE above.id = message.parent AND above.session = message.session)"
    )
