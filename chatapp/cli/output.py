"""What the commands print: one JSON document for programs, or text for people; messages go to standard error."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Any

from chatapp.errors import Refusal
from chatapp.text import display, display_line


def fail(refusal: Refusal, *, as_json: bool) -> int:
    """Say what went wrong, on both streams where a program listens; returns the exit status."""
    if as_json:
        print_json({"error": {"kind": refusal.kind, "message": str(refusal)}})
    note(str(refusal))
    return 2 if refusal.kind == "usage" and not as_json else 1


def accept_any_character() -> None:
    """Print what a stream cannot hold as its escape: an old locale is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    # Python's escape of a character past U+FFFF is not JSON's: where one may be needed, JSON's own are used.
    plain = (sys.stdout.encoding or "").casefold() not in {"utf-8", "utf8"}
    sys.stdout.write(json.dumps(value, ensure_ascii=plain, indent=2 if sys.stdout.isatty() else None) + "\n")
    sys.stdout.flush()


def read_text(text: str | None, otherwise: str) -> str:
    """The text of the command line, or else what was piped in, but for its last line end.

    Raises:
        Refusal: with a sentence, where there is none.
    """
    if text is None and not (sys.stdin is None or sys.stdin.isatty()):
        text = sys.stdin.buffer.read().decode("utf-8", "replace").removesuffix("\n")
    if not text:
        raise Refusal("usage", otherwise)
    return text


def print_file(text: str) -> None:
    """The content of a file on standard output: its very bytes for a pipe, made harmless for a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write(display(text))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def note(sentence: str) -> None:
    """A message for people."""
    sys.stderr.write(f"chatapp: {display(sentence)}\n")


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows in aligned columns; the last column may be of any length. Foreign text is made harmless."""
    shown = [tuple(display_line(cell) for cell in row) for row in rows]
    widths = [max(len(row[x]) for row in shown) for x in range(len(shown[0]) - 1)] if shown else []
    for row in shown:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[-1]]).rstrip() + "\n")
