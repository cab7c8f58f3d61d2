"""A reply that is JSON as a small table: a pure function from its text to what is laid out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chatapp.text import display_line

from .document import Table
from .inline import Spans

MOST_ROWS = 200
MOST_COLUMNS = 12
_NOTHING = "–"


def table_of(text: str) -> list[Table]:
    """The tables of a JSON document: an object by its fields, a list of objects by their rows.

    Lists of objects inside an object have tables of their own below. None for what is no such document, or a large
    one, which is better read as it was written.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(value, list):
        return [_rows(value)] if _is_rows(value) else []
    if not isinstance(value, dict) or not 0 < len(value) <= MOST_ROWS:
        return []
    nested = {name: one for name, one in value.items() if _is_rows(one)}
    flat = [(name, _said(one)) for name, one in value.items() if name not in nested]
    tables = [_table(("field", "value"), flat, names=True)] if flat else []
    return tables + [_rows(rows) for rows in nested.values()]


def _is_rows(value: Any) -> bool:
    """Whether it is a list of flat objects, few enough to be a table."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_ROWS:
        return False
    return all(isinstance(row, dict) and row for row in value) and len(_columns(value)) <= MOST_COLUMNS


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = _columns(rows)
    return _table(columns, ([_said(row.get(name)) for name in columns] for row in rows))


def _table(head: Iterable[str], rows: Iterable[Sequence[str]], *, names: bool = False) -> Table:
    """A table; with `names` the first column names what the others say."""
    cells: list[tuple[Spans, ...]] = [tuple(((display_line(name), "strong"),) for name in head)]
    for row in rows:
        roles = ["muted" if names and place == 0 else "text" for place in range(len(row))]
        cells.append(tuple(((display_line(cell), role),) for cell, role in zip(row, roles, strict=True)))
    return Table(cells=tuple(cells), alignment=("left",) * len(cells[0]) if names else ())


def _said(value: Any) -> str:
    """A value in a cell: texts without quotes, lists with commas, nothing as a dash."""
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(map(_said, value))
    return json.dumps(value, ensure_ascii=False)
