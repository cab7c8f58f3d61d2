"""Inputs become rows: each with its number, its text, or what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.batch.rows import read_rows
from chatapp.errors import Refusal


def _told(rows):
    return [(row.number, row.text, row.problem) for row in rows]


def test_files_are_rows_and_so_are_their_lines():
    files = [("a.txt", b"one\ntwo\n"), ("b.txt", b"\xef\xbb\xbfthree\r\n\r\nfour")]
    assert _told(read_rows(files, each_line=False, column=None)) == [(1, "one\ntwo", ""), (2, "three\n\nfour", "")]
    assert [row.text for row in read_rows(files, each_line=True, column=None)] == ["one", "two", "three", "four"]


def test_a_column_is_found_by_name_with_line_ends_inside_its_cells():
    data = b'id,text\n1,"good,\nreally"\n2,\n3\n'
    assert _told(read_rows([("in.csv", data)], each_line=False, column="text")) == [
        (1, "good,\nreally", ""),
        (2, "", "there is no text in it"),
        (3, "", "the row is shorter than its head"),
    ]
    with pytest.raises(Refusal, match="no column ‘words’; there are id, text"):
        read_rows([("in.csv", data)], each_line=False, column="words")


def test_a_field_of_json_lines_is_found_whatever_the_name_of_the_file():
    data = b'{"text": "a"}\nnot json\n{"other": 1}\n{"text": ["b", 2]}\n'
    for name in ("in.jsonl", "-"):
        assert _told(read_rows([(name, data)], each_line=False, column="text")) == [
            (1, "a", ""),
            (2, "", "no JSON on this line"),
            (3, "", "no field ‘text’"),
            (4, '["b", 2]', ""),
        ]


def test_a_file_that_is_no_text_keeps_its_number():
    rows = read_rows([("a.txt", b"\xff\xfe"), ("b.txt", b"fine")], each_line=False, column=None)
    assert _told(rows) == [(1, "", "not UTF-8 text (byte 0)"), (2, "fine", "")]
    lines = read_rows([("a.txt", b"\xef\xbb\xbfGreat\nA\xff\n\nLovely\n")], each_line=True, column=None)
    assert _told(lines) == [(1, "Great", ""), (2, "", "not UTF-8 text (byte 1)"), (3, "Lovely", "")]


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.jsonl", "a.tsv", "-"]), st.booleans())
@settings(deadline=None)
def test_any_bytes_become_numbered_rows_or_a_refusal(data, name, as_column):
    try:
        rows = read_rows([(name, data)], each_line=True, column="a" if as_column else None)
    except Refusal:
        return
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.problem or row.text.strip() for row in rows)
