"""What all messages have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MAX_FRAME = 64 * 2**20
"""Bytes; a longer frame means that the other side is broken."""


class Message(BaseModel):
    """Frozen, and refused on arrival when it is not exactly what is expected."""

    model_config = ConfigDict(frozen=True, extra="forbid")
