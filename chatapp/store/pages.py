"""Reads the rows of a SQLite file page by page, without any of the structure that would lead to them.

Every page that has the form of a leaf is looked at, and every cell of it that decodes; what is damaged is passed
over. The formats are those of https://www.sqlite.org/fileformat2.html: pages in 1.6, records in 2.1, the log in 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

Value = int | float | str | bytes | None
_PAGE_SIZE = 4096
"""Of the files that this program makes, for those whose header does not tell."""
_HEADERS = {13: 8, 10: 8, 2: 12}
"""Bytes before the cell pointers: of leaves of tables, leaves of indexes, and the latter's inner pages."""
_TABLE_LEAF, _INDEX_LEAF = 13, 10
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Pages:
    """The pages of a file, those in its write-ahead log included."""

    def __init__(self, path: Path) -> None:
        self._body = path.read_bytes()
        size = int.from_bytes(self._body[16:18]) if self._body.startswith(b"SQLite format 3\0") else 0
        self.size = size if size >= 512 and size & (size - 1) == 0 else _PAGE_SIZE
        log = path.with_name(path.name + "-wal")
        self._logged = self._read_log(log.read_bytes()) if log.exists() else {}

    def rows(self) -> Iterator[tuple[int | None, list[Value]]]:
        """Every row that can be read: its number (none: of a table or index without), and its fields."""
        count = max(len(self._body) // self.size, *self._logged, 0)
        for number in range(1, count + 1):
            page = self._page(number)
            start = 100 if number == 1 else 0
            if len(page) == self.size and page[start] in _HEADERS:
                yield from self._cells(page, start)

    def _page(self, number: int) -> bytes:
        return self._logged.get(number) or self._body[(number - 1) * self.size : number * self.size]

    def _read_log(self, log: bytes) -> dict[int, bytes]:
        """The pages of the transactions that were committed, each in its last form."""
        salts, pages, pending = log[16:24], {}, {}
        for at in range(32, len(log) - 24 - self.size + 1, 24 + self.size):
            if log[at + 8 : at + 16] != salts:
                break
            pending[int.from_bytes(log[at : at + 4])] = log[at + 24 : at + 24 + self.size]
            if log[at + 4 : at + 8] != bytes(4):
                pages.update(pending)
                pending = {}
        return pages

    def _cells(self, page: bytes, start: int) -> Iterator[tuple[int | None, list[Value]]]:
        kind = page[start]
        pointers = start + _HEADERS[kind]
        for place in range(min(int.from_bytes(page[start + 3 : start + 5]), self.size // 4)):
            with suppress(ValueError, IndexError, OverflowError):
                at = int.from_bytes(page[pointers + 2 * place : pointers + 2 * place + 2])
                at += 0 if kind in {_TABLE_LEAF, _INDEX_LEAF} else 4
                length, at = _varint(page, at)
                number = None
                if kind == _TABLE_LEAF:
                    number, at = _varint(page, at)
                yield number, _record(self._payload(page, at, length, table=kind == _TABLE_LEAF))

    def _payload(self, page: bytes, at: int, length: int, *, table: bool) -> bytes:
        """The bytes of a cell, with those that did not fit on the page."""
        if length > len(self._body) + self.size * len(self._logged):
            raise ValueError("longer than the file")
        most = self.size - 35 if table else (self.size - 12) * 64 // 255 - 23
        if length <= most:
            return page[at : at + length]
        least = (self.size - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.size - 4)
        here = here if here <= most else least
        payload = page[at : at + here]
        following = int.from_bytes(page[at + here : at + here + 4])
        while following and len(payload) < length:
            page = self._page(following)
            if len(page) < self.size:
                raise ValueError("its end is not there")
            payload += page[4 : 4 + length - len(payload)]
            following = int.from_bytes(page[:4])
        if len(payload) < length:
            raise ValueError("its end is not there")
        return payload


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for place in range(9):
        byte = data[at + place]
        if place == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise AssertionError  # the ninth byte has returned


def _record(payload: bytes) -> list[Value]:
    """The fields of a record.

    Raises:
        ValueError: it is none.
    """
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    fields: list[Value] = []
    at = end
    for kind in kinds:
        size = _size(kind)
        if at + size > len(payload):
            raise ValueError("a field ends outside of its record")
        fields.append(_field(kind, payload[at : at + size]))
        at += size
    if at != len(payload) or not fields:
        raise ValueError("the fields do not fill their record")
    return fields


def _size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    return 8 if kind == 7 else _INTEGER_BYTES.get(kind, 0)


def _field(kind: int, data: bytes) -> Value:
    if kind >= 12:
        return data.decode("utf-8") if kind % 2 else data
    if kind in _INTEGER_BYTES:
        return int.from_bytes(data, signed=True)
    if kind in {8, 9}:
        return kind - 8
    if kind == 0:
        return None
    raise ValueError("a kind of value that these tables do not have")
