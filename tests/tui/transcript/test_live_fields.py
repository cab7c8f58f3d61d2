"""JSON that is being written is a table of what has come so far, at every character of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_transcript_fields import JSON

from chatapp.text import display
from chatapp.tui.widgets.transcript.live_fields import LiveFields, completed


@pytest.mark.parametrize(
    ("begun", "whole"),
    [
        ("", ""),
        ("{", "{}"),
        ('{"a', "{}"),
        ('{"a": ', "{}"),
        ('{"a": tr', "{}"),
        ('{"a": "x', '{"a": "x"}'),
        ('{"a": "x\\', '{"a": "x"}'),
        ('{"a": "x\\u00', '{"a": "x"}'),
        ('{"a": "x\\\\', '{"a": "x\\\\"}'),
        ('{"a": 1, "b', '{"a": 1}'),
        ('{"a": ["x", "y', '{"a": ["x", "y"]}'),
        ('[{"a": 1}, {"b": [', '[{"a": 1}, {"b": []}]'),
        ('{"a": "}]"}', '{"a": "}]"}'),
    ],
)
def test_what_is_open_is_closed(begun: str, whole: str):
    assert completed(begun) == whole


@given(
    st.one_of(st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.lists(JSON, max_size=4)), st.booleans()
)
@settings(deadline=None)
def test_every_beginning_of_a_document_is_made_a_whole_one(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    for end in range(1, len(text) + 1):
        json.loads(completed(text[:end]))
    assert json.loads(completed(text)) == json.loads(text)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_nothing_that_is_no_json_breaks_it(look, text):
    live = LiveFields(look, 40, text)
    assert live.lay_out()
    assert "\x1b" not in live.text


def test_the_table_grows_with_what_is_written_and_has_the_caret_at_its_end(look):
    live = LiveFields(look, 60)

    def shown():
        rows = ["".join(text for text, _ in row.line).split() for row in live.lay_out() if row.line]
        return [row for row in rows if row and not row[0].startswith("─")]

    assert shown() == [["▌"]]
    live.feed('{"mood": "gl')
    assert shown() == [["field", "value"], ["mood", "gl", "▌"]]
    live.feed('ad", "because": ')
    assert shown() == [["field", "value"], ["mood", "glad", "▌"]]
    live.feed('["sun", "sea"]}')
    assert shown() == [["field", "value"], ["mood", "glad"], ["because", "sun,", "sea", "▌"]]


def test_what_is_no_table_is_shown_as_it_is_written(look):
    live = LiveFields(look, 60, '["a", "b')
    live.lay_out()
    assert live.text == display('["a", "b')


def test_half_a_character_harms_nothing(look):
    live = LiveFields(look, 60, '{"a": "\\ud83d')
    live.lay_out()
    assert live.text.encode()
