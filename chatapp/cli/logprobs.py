"""The log-probabilities of a reply's tokens, for `ask --logprobs`. By the plain softmax, before the chain."""

from __future__ import annotations

from typing import Any

from chatapp.conversation.message import Message
from chatapp.text import display_token


def logprobs(reply: Message) -> list[dict[str, Any]]:
    """For each token: itself, and the likeliest in its place."""
    return [
        {
            "token": one.text,
            "id": one.id,
            "bytes": one.hex,
            "logprob": one.logprob,
            "rank": one.rank,
            "p": one.p,
            "top": [
                {"token": other.text, "id": other.id, "logprob": other.logit - one.log_z, "p": other.p}
                for other in one.candidates
            ],
        }
        for one in reply.records
        if one is not None
    ]


def logprob_rows(reply: Message) -> list[tuple[str, ...]]:
    """The same as a table for people."""
    rows: list[tuple[str, ...]] = [("token", "id", "logprob", "rank", "top")]
    for one in filter(None, reply.records):
        top = "  ".join(
            f"{display_token(other.data, special=other.special)} {other.logit - one.log_z:.2f}"
            for other in one.candidates
        )
        shown = display_token(one.data, special=one.special)
        rows.append((shown, str(one.id), f"{one.logprob:.3f}", str(one.rank), top))
    return rows
