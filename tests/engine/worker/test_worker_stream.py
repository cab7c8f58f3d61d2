"""Text as it comes: whole characters, and stop strings that never show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.engine.worker.stream import StopStrings, TextStream


def streamed(pieces, stops=()):
    """All the text that a stream gives, and the stop string that it met."""
    stream = TextStream(stops)
    text = "".join(stream.feed(piece) for piece in pieces)
    return text + stream.stops.flush(), stream.stops.found


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.lists(st.integers(0, 500), max_size=12))
def test_any_cut_of_a_text_gives_the_text(text, places):
    assert streamed(cut(text.encode(), places)) == (text, "")


@settings(max_examples=200, deadline=None)
@given(
    st.text("abé", max_size=30),
    st.lists(st.text("abé", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 100), max_size=12),
)
def test_a_stop_string_ends_the_text_at_the_same_place_however_it_is_cut(text, stops, places):
    whole = streamed([text.encode()], stops)
    assert streamed(cut(text.encode(), places), stops) == whole
    assert text.startswith(whole[0])
    assert not any(stop in whole[0] for stop in stops)
    if not whole[1]:
        assert whole[0] == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=6)))
def test_whatever_the_bytes_the_text_is_valid_unicode(pieces):
    streamed(pieces)[0].encode()


def test_bytes_that_are_no_text_become_replacement_characters_and_a_cut_tail_is_dropped():
    assert streamed([b"a\xffb", b"\xf0\x9f"]) == ("a\ufffdb", "")


def test_what_may_be_a_stop_string_waits_and_is_given_when_it_is_none():
    stops = StopStrings(["END"])
    assert [stops.feed(piece) for piece in ("x E", "N", "d E")] == ["x ", "", "ENd "]
    assert stops.flush() == "E"


def test_after_a_stop_string_nothing_comes():
    stops = StopStrings(["END"])
    assert stops.feed("a END b") == "a "
    assert (stops.feed("more"), stops.flush(), stops.found) == ("", "", "END")


@pytest.mark.parametrize(("new", "final", "found"), [(["b"], "a", "b"), (["c"], "ab", ""), (["bx"], "a", "")])
def test_held_text_is_looked_at_again_when_the_stop_strings_change(new, final, found):
    stops = StopStrings(["abz"])
    assert stops.feed("ab") == ""
    assert (stops.replace(new), stops.found) == (final, found)
