"""Plain text: which encoding it has, and whether it is text at all."""

from __future__ import annotations

import codecs

from chatapp.conversation.document import Document
from chatapp.files.errors import TEXT_LIMIT, Unreadable
from chatapp.text import repair

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
_MOST_CONTROLS = 0.01
"""The share of control characters up to which something is still a text."""
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b\b") | {127}


def read_plain(data: bytes) -> Document:
    """A plain text.

    Raises:
        Unreadable: when it is no text, or too long.
    """
    return Document(within_limit(repair(decoded(data))))


def within_limit(text: str) -> str:
    """The text, if it is not too long.

    Raises:
        Unreadable: when it is.
    """
    if len(text) > TEXT_LIMIT:
        raise Unreadable(f"it holds more than {TEXT_LIMIT // 10**6} million characters")
    return text


def decoded(data: bytes) -> str:
    """The text in some bytes: by its byte order mark, as UTF-8, as UTF-16 without a mark, or as Windows' Latin.

    Raises:
        Unreadable: when it is no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if wide := _unmarked_utf_16(data[:_SAMPLE]):
        return data.decode(wide, "replace")
    if b"\0" in data:
        raise Unreadable("it is no text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    sample = data[:_SAMPLE]
    if sum(byte in _CONTROLS for byte in sample) > len(sample) * _MOST_CONTROLS:
        raise Unreadable("it is no text")
    return text


def _unmarked_utf_16(sample: bytes) -> str:
    """UTF-16 of a Latin text: every other byte is zero, and those between hardly ever."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 4 and odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    return "utf-16-be" if half >= 4 and even > half * 0.7 and odd < half * 0.05 else ""
