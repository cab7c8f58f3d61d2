"""Chats on disk: SQLite through apsw, one thread that owns the connection, and an async face for it."""

from chatapp.store.branches import Pruned
from chatapp.store.erase import Gone
from chatapp.store.errors import (
    CannotOpen,
    Damaged,
    Foreign,
    NoSuchNote,
    NoSuchReminder,
    NoSuchSession,
    NotSaved,
    NotStreaming,
    StoreError,
    TooNew,
    Unwritable,
)
from chatapp.store.purge import Purged
from chatapp.store.search import Hit
from chatapp.store.store import Store

__all__ = [
    "CannotOpen",
    "Damaged",
    "Foreign",
    "Gone",
    "Hit",
    "NoSuchNote",
    "NoSuchReminder",
    "NoSuchSession",
    "NotSaved",
    "NotStreaming",
    "Pruned",
    "Purged",
    "Store",
    "StoreError",
    "TooNew",
    "Unwritable",
]
