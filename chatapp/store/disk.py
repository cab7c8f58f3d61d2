"""How much room the disk has: asked before a reply begins, not found out in its middle."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from chatapp.store.errors import NotSaved

WARN_BELOW = 200 * 2**20
STOP_BELOW = 20 * 2**20
_MIB = 2**20


def free_bytes(folder: Path) -> int | None:
    """Bytes that we may still write there; None where the system does not tell."""
    if not hasattr(os, "statvfs"):
        return None
    try:
        disk = os.statvfs(folder)
    except OSError:  # the next write says what is wrong
        return None
    return disk.f_bavail * disk.f_frsize


def must_have_room(_connection: apsw.Connection, folder: Path) -> None:
    """Refuse where the disk is all but full.

    Raises:
        NotSaved: there is less room than a reply may need, with all that belongs to it.
    """
    free = free_bytes(folder)
    if free is not None and free < STOP_BELOW:
        raise NotSaved(
            f"The disk is all but full ({free // _MIB} MB left): nothing new is begun. Free some space; it waits."
        )


def room_warning(folder: Path) -> str:
    """A sentence where the room gets short; empty where it does not."""
    free = free_bytes(folder)
    if free is None or free >= WARN_BELOW:
        return ""
    return (
        f"The disk of your chats has {free // _MIB} MB left. "
        f"Under {STOP_BELOW // _MIB} MB no new reply is begun. Free some space."
    )
