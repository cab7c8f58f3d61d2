"""What keeps a file from being read."""

from __future__ import annotations

FILE_LIMIT = 64 * 2**20
"""Bytes of a file."""
TEXT_LIMIT = 16_000_000
"""Characters of its text."""


class Unreadable(Exception):  # noqa: N818  it is a refusal, politely said
    """A file cannot be read; the reason ends a sentence, without its stop."""
