"""What came of rows, as JSON lines, CSV and text."""

from __future__ import annotations

import csv
import io
import json

from chatapp.batch.results import Answer, Result, Shape, columns_of
from chatapp.batch.rows import Row

SAID = {"mood": "glad", "names": ["A", "B"]}
GOOD = Result(Row(1, "a.txt", "=1+1"), (Answer(json.dumps(SAID), 7, SAID, stop_reason="end"),))
CUT = Result(Row(2, "b.txt", "long"), (Answer('{"mood": "gl', 7, problem="It was cut off.", kind="cut_off"),))
BAD = Result(Row(3, "c.txt", ""), problem="There is no text in it.", kind="input")
FIELDS = ("mood", "names")


def _all(**shape):
    return Shape(**{"structured": True, "fields": FIELDS, **shape}), (GOOD, CUT, BAD)


def test_json_lines_have_the_object_the_seed_and_every_problem():
    shape, results = _all(format="jsonl", by_line=True)
    good, cut, bad = (json.loads(shape.write(one)) for one in results)
    assert (good["row"], good["input"], good["result"]["mood"], good["seed"]) == (1, "=1+1", "glad", 7)
    assert "error" not in good
    assert (cut["result"], cut["text"], cut["error"]["kind"]) == (None, '{"mood": "gl', "cut_off")
    assert bad == {"row": 3, "error": {"kind": "input", "message": "There is no text in it."}}


def test_csv_has_a_column_for_each_property_and_no_formula():
    shape, results = _all(format="csv", by_line=True)
    table = list(csv.DictReader(io.StringIO((shape.head + b"".join(map(shape.write, results))).decode())))
    assert table[0] == {"row": "1", "input": "'=1+1", "mood": "glad", "names": "A; B", "error": ""}
    assert [row["error"] for row in table[1:]] == ["It was cut off.", "There is no text in it."]


def test_text_has_one_line_a_row_or_a_head_for_each_file():
    said = Result(Row(1, "a.txt", "x"), (Answer("two\nlines\n", 1),))
    by_line = Shape("text", structured=False, by_line=True)
    assert [by_line.write(one) for one in (said, BAD)] == [b"two lines\n", b"\n"]
    assert Shape("text", structured=False).write(said) == b"==> a.txt\ntwo\nlines\n\n"


def test_variations_have_a_line_each_with_their_seeds():
    shape = Shape("jsonl", structured=False, variations=3)
    two = Result(Row(1, "a", "x"), (Answer("one", 5), Answer("two", 7)), dropped=1)
    lines = [json.loads(line) for line in shape.write(two).splitlines()]
    assert [(line["variation"], line["seed"], line["dropped"]) for line in lines] == [(1, 5, 1), (2, 7, 1)]


def test_columns_come_from_a_schema_that_describes_an_object():
    assert columns_of('{"properties": {"b": {}, "a": {}}}') == ("b", "a")
    assert columns_of('{"type": "array"}') == columns_of("") == columns_of("true") == ()
