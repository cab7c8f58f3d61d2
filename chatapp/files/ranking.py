"""Which passages of a document matter for a question: those with its rarest words, by FTS5's BM25."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import apsw

from chatapp.conversation.document import Document, Span
from chatapp.text import repair

_WORD = re.compile(r"\w+")
_MOST_WORDS = 64
_TABLE = "CREATE VIRTUAL TABLE passage USING fts5(body, tokenize='porter unicode61 remove_diacritics 2')"


def ranked(document: Document, question: str) -> list[Span]:
    """The passages that have words of the question, the best first; none where no word of it is there."""
    words = list(dict.fromkeys(_WORD.findall(repair(question).casefold())))[:_MOST_WORDS]
    if not words:
        return []
    passages = document.passages
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(_TABLE)
        with connection:
            rows = ((number, document.text[start:end]) for number, (start, end) in enumerate(passages, 1))
            connection.executemany("INSERT INTO passage(rowid, body) VALUES (?, ?)", rows)
        query = " OR ".join(f'"{word}"' for word in words)
        found = connection.execute(
            "SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY rank, rowid", (query,)
        )
        return [passages[int(number) - 1] for (number,) in found]


def within(spans: list[Span], characters: int) -> tuple[Span, ...]:
    """The best of them, as many as so many characters hold, in the order of the document; one in any case."""
    return tuple(sorted(_within(spans, characters))) or tuple(spans[:1])


def _within(spans: list[Span], characters: int) -> Iterator[Span]:
    for start, end in spans:
        characters -= end - start
        if characters < 0:
            return
        yield start, end
