"""The one error that every room may raise towards a person."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  it is a refusal, politely said, and no error in the program
    """What was asked cannot be done; the message is a sentence that says why and what to do.

    `kind` is one word for programs.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
