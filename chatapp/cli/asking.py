"""A question before something is written: asked on a terminal, and answered beforehand in a script."""

from __future__ import annotations

import sys

from chatapp.errors import Refusal
from chatapp.text import display


def confirm(preview: str, question: str, *, yes: bool) -> None:
    """Show what would be done on standard error, and go on only if a person wants it.

    Raises:
        Refusal: when they do not, or when there is nobody to ask.
    """
    sys.stderr.write(f"{display(preview)}\n")
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refusal("unconfirmed", "Nothing was done: there is nobody to ask. --yes confirms it beforehand.")
    sys.stderr.write(f"\n{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise Refusal("declined", "Nothing was done.")
