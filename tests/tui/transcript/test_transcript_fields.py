"""JSON as a table: a pure function, whatever the text; and the source on a key."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.tui.widgets.transcript.entry import Entry
from chatapp.tui.widgets.transcript.fields import MOST_ROWS, table_of
from chatapp.tui.widgets.transcript.view import MessageView, Place, Sheet

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_an_object_is_a_table_of_its_fields_and_lists_of_objects_have_their_own():
    invoice = {
        "seller": "A [b]x[/b] **c**",
        "due": None,
        "names": ["a", "b"],
        "items": [{"what": "x", "amount": 2.5}],
    }
    fields, items = table_of(json.dumps(invoice))
    assert fields.text == "field\tvalue\nseller\tA [b]x[/b] **c**\ndue\t–\nnames\ta, b"
    assert items.text == "what\tamount\nx\t2.5"


def test_what_is_no_small_document_stays_as_it_was_written():
    large = json.dumps([{"a": 1}] * (MOST_ROWS + 1))
    for text in ("", "hello", "[1, 2]", "{}", '{"half', '"text"', "[" * 100_000, large):
        assert table_of(text) == []


@given(JSON)
@settings(deadline=None)
def test_no_document_breaks_it_and_every_cell_is_one_line(value):
    for table in table_of(json.dumps(value)):
        assert len({len(row) for row in table.cells}) == 1
        assert not any("\n" in text or "\x1b" in text for row in table.cells for cell in row for text, _ in cell)


def test_the_source_is_shown_in_place_of_the_table_and_back(look):
    source = '{"mood": "glad"}'
    view, sheet = MessageView(Entry(1, asks=False, text=source, fields=True)), Sheet(look, 60)
    place = Place(above=1, newest=True, standing=False)

    def shown():
        return ["".join(text for text, _ in row.line).strip() for row in view.rows(sheet, place) if row.line]

    assert view.turns
    table = shown()
    assert [line.split() for line in table if "─" not in line] == [["field", "value"], ["mood", "glad"]]
    view.toggle()
    assert (shown(), view.source) == ([source], source)
    view.toggle()
    assert shown() == table
    assert not MessageView(Entry(1, asks=False, text=source)).turns
