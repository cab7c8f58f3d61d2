"""What a long history costs: start, list and search in a store of 10,000 sessions and 200,000 messages."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from benchmarks.pairs import Row
from benchmarks.stores import RARE, long_session, many_sessions
from benchmarks.terminal import Terminal
from chatapp.conversation.query import read_query
from chatapp.store import search, sessions
from chatapp.store.database import open_database, open_reader
from chatapp.tui.finding import MOST_HITS
from chatapp.tui.screens.sessions_screen import SESSIONS_AT_ONCE

SESSIONS, MESSAGES_EACH = 10_000, 20
LONG = 10_000
"""Messages of the one long session."""
START_MS, LIST_MS, SEARCH_MS, OPEN_MS = 1000.0, 50.0, 200.0, 300.0
ROUNDS = 5
TYPED = (
    "lamp", "la", "lamp keeper", '"lamp keeper"', RARE, RARE[:4], "lamp OR sea", "lamp -sea", "-lamp", "zebra",
    "灯塔", "看", "🎉", "lamp 灯", "role:user lamp", "model:smol lamp", "persona:nobody lamp", "model:nobody lamp",
    "tag:lamp storm", "after:2026-05-01 lamp", "before:2020 lamp", "role:assistant",
)  # fmt: skip
"""Common and rare words, nothing found at all, characters instead of words, and every filter."""


def rows() -> list[Row]:
    """Start to the composer, the list's first part, and the slowest twentieth of searches."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.db"
        many_sessions(path, SESSIONS, MESSAGES_EACH)
        writer, reader = open_database(path), open_reader(path)
        lists = [_milliseconds(lambda: _list(writer)) for _ in range(ROUNDS)]
        searches = [_milliseconds(_searching(reader, typed)) for typed in TYPED for _ in range(ROUNDS)]
        for connection in (reader, writer):
            connection.close()
        starts = [_start(folder) for _ in range(ROUNDS)]
    return [
        _row("start, long history", statistics.median(starts), START_MS),
        _row("session list", statistics.median(lists), LIST_MS),
        _row("open 10,000 messages", _opening(), OPEN_MS),
        _row("search, p95", statistics.quantiles(searches, n=20)[-1], SEARCH_MS),
    ]


def _row(what: str, took: float, may: float) -> Row:
    return Row(what, took, may, took / may, "ms", "<= 1", took <= may)


def _list(connection: apsw.Connection) -> None:
    sessions.heads(connection, deleted=False, limit=SESSIONS_AT_ONCE, pinned_first=True)


def _searching(connection: apsw.Connection, typed: str) -> Callable[[], object]:
    query = read_query(typed, typing=True)
    return lambda: search.search(connection, query, MOST_HITS)


def _milliseconds(does: Callable[[], object]) -> float:
    began = time.perf_counter()
    does()
    return 1000 * (time.perf_counter() - began)


def _start(folder: str, *wanted: str, seen: bytes = b"Sessions") -> float:
    """Milliseconds until something is on the screen: if nothing else is named, the list of sessions."""
    began = time.perf_counter()
    with Terminal([sys.executable, "-m", "chatapp", "--data-dir", folder, *wanted]) as terminal:
        terminal.read_until(seen, 20)
        return 1000 * (time.perf_counter() - began)


def _opening() -> float:
    """Milliseconds until the end of a long session is on the screen, more than for one of two messages."""
    with tempfile.TemporaryDirectory() as short, tempfile.TemporaryDirectory() as long:
        starts: dict[str, list[float]] = {short: [], long: []}
        counts = {short: 2, long: LONG}
        uids = {folder: long_session(Path(folder) / "chats.db", count) for folder, count in counts.items()}
        for _ in range(ROUNDS):
            for folder, uid in uids.items():
                last = f"Question {counts[folder] // 2 - 1}:".encode()
                starts[folder].append(_start(folder, "--session", uid, seen=last))
        return statistics.median(starts[long]) - statistics.median(starts[short])


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:24} {row.ours:8.1f} ms, may be {row.theirs:.0f}")
