"""A paste arrives as one event with all of its text, and presses no key."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events

from chatapp.tui.pasting import PasteParser

END = "\x1b[201~"
HOSTILE = st.text(st.sampled_from("\x1b[]0129;~?OPqm\x07\x11\r ac"), max_size=40)


def heard(chunks):
    parser = PasteParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(
    pasted=HOSTILE.filter(lambda text: END not in text + "\x1b[201"), cuts=st.lists(st.integers(0, 60), max_size=6)
)
@settings(max_examples=200, deadline=None)
def test_a_paste_is_text_however_its_bytes_arrive(pasted, cuts):
    data = f"a\x1b[200~{pasted}\x1b[201~b"
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    told = heard([data[start:end] for start, end in pairwise(places) if end > start])
    texts = [event.text for event in told if isinstance(event, events.Paste)]
    keys = [event.key for event in told if isinstance(event, events.Key)]
    assert keys == ["a", "b"]
    assert texts == [pasted.replace("\x1b", "␛")]


def test_keys_before_between_and_after_pastes_are_keys():
    told = heard(["\x1b[A", "\x1b[200~one\x1b[201~\x1b", "[B\x1b[200~two", "\x1b[20", "1~\x11"])
    assert [getattr(event, "key", None) or event.text for event in told] == ["up", "one", "down", "two", "ctrl+q"]


def test_alt_enter_of_older_terminals_is_no_enter():
    assert [event.key for event in heard(["a\x1b\rb"])] == ["a", "alt+enter", "b"]
    assert [event.key for event in heard(["\r"])] == ["enter"]
