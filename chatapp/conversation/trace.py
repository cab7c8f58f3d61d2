"""The trace of a reply: the records of its tokens, packed small enough to be kept with it.

A trace holds one entry for each token id of the reply; those that were not recorded are None.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from chatapp.conversation.decision import Candidate, Memory, TokenRecord

Trace = list[TokenRecord | None]

_VERSION = 1
_LIMIT = 64 * 2**20
"""Bytes that a packed trace may unpack to."""
_DIGITS = 5


def pack(trace: Sequence[TokenRecord | None]) -> bytes:
    """The trace in a few bytes for each candidate: arrays of numbers, every token's bytes once, compressed."""
    tokens: dict[int, tuple[str, bool]] = {}
    rows: list[object] = []
    for record in trace:
        if record is None:
            rows.append(None)
            continue
        tokens |= {one.id: (one.hex, one.special) for one in (record, *record.candidates)}
        numbers = (record.logprob, record.entropy, record.p, record.mass, record.log_z)
        memory = record.memory.model_dump() if record.memory else None
        candidates = [[one.id, _short(one.logit), _short(one.p), one.cut] for one in record.candidates]
        rows.append(
            [record.id, record.rank, record.kept, record.stage, [*map(_short, numbers)], memory, candidates]
        )
    body = json.dumps({"version": _VERSION, "tokens": tokens, "rows": rows}, separators=(",", ":"))
    return zlib.compress(body.encode(), 6)


def unpack(data: bytes) -> Trace:
    """The trace that was packed; nothing where it cannot be read: a reply is whole without it."""
    try:
        body = json.loads(zlib.decompressobj().decompress(data, _LIMIT))
        if body["version"] != _VERSION:
            return []
        tokens = {int(name): token for name, token in body["tokens"].items()}
        return [_record(row, tokens) if row else None for row in body["rows"]]
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, ValidationError):
        return []


def _record(row: list[Any], tokens: dict[int, tuple[str, bool]]) -> TokenRecord:
    token, rank, kept, stage, (logprob, entropy, p, mass, log_z), memory, candidates = row
    return TokenRecord(
        id=token,
        hex=tokens[token][0],
        special=tokens[token][1],
        logprob=logprob,
        rank=rank,
        entropy=entropy,
        p=p,
        kept=kept,
        mass=mass,
        log_z=log_z,
        stage=stage,
        memory=None if memory is None else Memory.model_validate(memory),
        candidates=tuple(
            Candidate(id=one, hex=tokens[one][0], special=tokens[one][1], logit=logit, p=p_of, cut=cut)
            for one, logit, p_of, cut in candidates
        ),
    )


def _short(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
