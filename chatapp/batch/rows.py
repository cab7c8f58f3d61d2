"""The inputs of a run: whole files, or rows of them, numbered from 1. Nothing is passed over in silence.

A row that cannot be used keeps its number, with a sentence that says why.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chatapp.errors import Refusal
from chatapp.files import Unreadable
from chatapp.text import repair

LARGEST_FILE = 256 * 2**20
"""Bytes of one file."""
LONGEST_ROW = 8 * 2**20
"""Characters of one row; no context window takes as many."""


@dataclass(frozen=True)
class Row:
    """One input: its number, where it comes from, its text, and what is wrong with it, if anything."""

    number: int
    source: str
    text: str
    problem: str = ""

    @property
    def digest(self) -> str:
        """What tells one input from another."""
        return hashlib.sha256(f"{self.problem}\0{self.text}".encode()).hexdigest()[:16]


Source = tuple[str, bytes | str | Unreadable]
"""A name, and what stands under it."""
Piece = tuple[str, str, str]
"""Source, text, problem."""


def read_rows(files: Iterable[Source], *, each_line: bool, column: str | None) -> list[Row]:
    """The rows of files, in their order.

    Args:
        files: Names and contents: bytes to be decoded, a text, or why there is none. A name that ends
            in .csv, .tsv, .jsonl or .ndjson says how rows are read.
        each_line: One row a line, rather than one a file. Blank lines of a plain text are no rows.
        column: The column of a CSV, or the field of JSON lines, that is the input; implies `each_line`.

    Raises:
        Refusal: when there is no such column.
    """
    pieces: list[Piece] = []
    for name, data in files:
        if isinstance(data, Unreadable):
            pieces.append((name, "", str(data)))
            continue
        if each_line and column is None:
            pieces += _lines(name, data)
            continue
        try:
            text = data if isinstance(data, str) else repair(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            pieces.append((name, "", f"not UTF-8 text (byte {error.start:,})"))
            continue
        pieces += _pieces(name, text, column) if column else [(name, text.strip("\n"), "")]
    return [_row(number, *piece) for number, piece in enumerate(pieces, start=1)]


def _row(number: int, source: str, text: str, problem: str) -> Row:
    if not problem and len(text) > LONGEST_ROW:
        return Row(number, source, "", f"longer than {LONGEST_ROW:,} characters")
    return Row(number, source, text, problem or ("" if text.strip() else "there is no text in it"))


def _pieces(name: str, text: str, column: str) -> Iterator[Piece]:
    ending = name.rpartition(".")[2].casefold()
    if ending in {"jsonl", "ndjson"} or (ending not in {"csv", "tsv"} and text.lstrip().startswith("{")):
        return _fields(name, text, column)
    return _cells(name, text, column, "\t" if ending == "tsv" else ",")


def _lines(name: str, data: bytes | str) -> Iterator[Piece]:
    """Line by line also where one of them is no text: it stops none of the others."""
    raw = repair(data).encode() if isinstance(data, str) else data.removeprefix(codecs.BOM_UTF8)
    for line in raw.splitlines():
        try:
            text = repair(line.decode())
        except UnicodeDecodeError as error:
            yield name, "", f"not UTF-8 text (byte {error.start:,})"
            continue
        if text.strip():
            yield name, text, ""


def _fields(name: str, text: str, field: str) -> Iterator[Piece]:
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield name, "", "no JSON on this line"
            continue
        yield _field(name, value, field)


def _field(name: str, value: Any, field: str) -> Piece:
    if not isinstance(value, dict) or field not in value:
        return name, "", f"no field ‘{field}’"
    found = value[field]
    return name, repair(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)), ""


def _cells(name: str, text: str, column: str, delimiter: str) -> Iterator[Piece]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        head = next(reader, [])
        if column not in head:
            raise Refusal(
                "column", f"{name} has no column ‘{column}’; there are {', '.join(head[:30]) or 'none'}."
            )
        at = head.index(column)
        for row in reader:
            if row:
                yield (name, row[at], "") if at < len(row) else (name, "", "the row is shorter than its head")
    except csv.Error as error:
        yield name, "", f"from here on the CSV cannot be read ({error})"
