"""Reading a trace: levels, perplexity, the next surprise, and which characters a token stands for."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.lens import Measure, Scale, merged, next_surprise, perplexity, spans


def record(p=0.5, *, id_=1, rank=1, entropy=1.0, drawn=0.5, stage="draw"):
    return TokenRecord(
        id=id_, logprob=math.log(p), rank=rank, entropy=entropy, p=drawn, kept=1, mass=1, log_z=0, stage=stage
    )


def test_perplexity_is_the_number_of_equal_choices():
    """Four equal choices at every token are a perplexity of four; what is not recorded does not count."""
    assert perplexity([record(0.25), None, record(0.25)]) == pytest.approx(4)
    assert perplexity([None]) is None


@pytest.mark.parametrize(
    ("measure", "calm", "hot"),
    [
        (Measure.SURPRISE, record(0.9), record(0.001)),
        (Measure.PROBABILITY, record(drawn=0.95), record(drawn=0.01)),
        (Measure.ENTROPY, record(entropy=0.2), record(entropy=9)),
        (Measure.RANK, record(rank=1), record(rank=400)),
    ],
)
def test_what_was_expected_is_cool_and_the_rest_is_hot(measure, calm, hot):
    """Levels go from 0 to 4; a token without a record has none."""
    scale = Scale(measure, [calm, hot])
    assert (scale.level(calm), scale.level(hot), scale.level(None)) == (0, 4, None)
    assert len(scale.legend.levels) == 5


def test_stages_have_a_level_each_and_are_named():
    """The draw is level 0; stages that do not fit share the last level."""
    stages = ["draw", "top_k", "min_p", "top_p", "xtc", "temperature"]
    trace = [record(stage=stage) for stage in stages]
    scale = Scale(Measure.STAGE, trace)
    assert [scale.level(one) for one in trace] == [0, 1, 2, 3, 4, 4]
    assert scale.legend.levels == ("draw", "top-k", "min-p", "top-p", "others")


def test_the_next_surprise_is_found_around_the_ends():
    """In both directions."""
    trace = [record(), record(0.01), record(), record(0.01), None]
    assert next_surprise(trace, 0, 1) == 1
    assert next_surprise(trace, 1, 1) == 3
    assert next_surprise(trace, 3, 1) == 1
    assert next_surprise(trace, 1, -1) == 3
    assert next_surprise([record()], 0, 1) == 0


def test_gaps_are_filled_with_what_was_scored_and_only_of_the_same_tokens():
    """What was recorded while it was drawn stays."""
    mine, theirs, other = record(id_=1, drawn=0.9), record(id_=1, drawn=0.1), record(id_=2)
    assert merged([mine, None], [theirs, other]) == [mine, other]
    assert merged([mine], [other]) == [other]
    assert merged([mine], [theirs, other]) == [theirs, other]


def test_a_character_of_several_tokens_belongs_to_each():
    """An emoji comes in four bytes, and each of their tokens stands for it."""
    data = "a🙂b".encode()
    pieces = [(data[:1], False), (data[1:2], False), (data[2:4], False), (data[4:5], False), (data[5:], False)]
    assert spans(pieces, "a🙂b") == [(0, 1), (1, 2), (1, 2), (1, 2), (2, 3)]


def test_special_tokens_stand_for_nothing_unless_they_are_written():
    """The end of a turn is no part of a text; its name may be."""
    end = (b"<|im_end|>", True)
    assert spans([(b"yes", False), end], "yes") == [(0, 3), (3, 3)]
    assert spans([end, (b"!", False)], "<|im_end|>!") == [(0, 10), (10, 11)]


def test_a_text_that_lost_something_goes_on_where_it_can():
    """A stop string is cut off, a space at the start may be missing, NUL is replaced."""
    assert spans([(b" Yes", False), (b"\n\nUser:", False)], "Yes\n") == [(0, 3), (3, 4)]
    assert spans([(b"a\0", False), (b"b", False)], "a\ufffdb") == [(0, 2), (2, 3)]


@given(st.text(max_size=60), st.lists(st.integers(0, 200), max_size=20))
def test_every_character_belongs_to_the_tokens_that_hold_its_bytes(text, cuts):
    """However the bytes are cut into tokens, in the middle of characters too."""
    text = text.replace("\0", "")
    data = text.encode("utf-8", "replace")
    text = data.decode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    found = spans([(data[a:b], False) for a, b in itertools.pairwise(edges)], text)
    starts = [len(text[:place].encode()) for place in range(len(text) + 1)]
    for (begin, end), (first, last) in zip(found, itertools.pairwise(edges), strict=True):
        held = [place for place in range(len(text)) if starts[place] < last and starts[place + 1] > first]
        assert list(range(begin, end)) == held
