"""The trace of a reply comes back as it was packed, in a few bytes a candidate; garbage comes back as nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.decision import Candidate, Memory, TokenRecord
from chatapp.conversation.trace import pack, unpack


def record(token, memory=None):
    candidates = tuple(
        Candidate(
            id=token + n,
            hex=f"{n:02x}" if n else "e4b8",
            logit=12.345678 - n,
            p=0.1 * n,
            cut="min_p" if n > 3 else None,
        )
        for n in range(10)
    )
    return TokenRecord(
        id=token,
        hex="e4b8",
        logprob=-1.2345678,
        rank=3,
        entropy=4.5,
        p=0.25,
        kept=4,
        mass=0.9,
        log_z=17.5,
        stage="min_p",
        candidates=candidates,
        memory=memory,
    )


def test_a_trace_comes_back_with_its_gaps():
    trace = [None, record(5), record(50, Memory(mirostat_mu=4.25)), None]
    back = unpack(pack(trace))
    assert back[0] is back[3] is None
    assert back[1].logprob == pytest.approx(-1.2345678, rel=1e-4)
    assert back[1].candidates[4].cut == "min_p"
    assert back[1].data == back[1].candidates[0].data == b"\xe4\xb8"
    assert back[2].memory == Memory(mirostat_mu=4.25)
    assert [one.id for one in back[2].candidates] == list(range(50, 60))


def test_a_trace_is_small():
    assert len(pack([record(n) for n in range(500)])) < 500 * 10 * 12


@given(st.binary(max_size=200))
def test_what_is_no_trace_is_none(data):
    assert unpack(data) == []
