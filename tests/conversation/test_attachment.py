"""Nothing of a document is lost between its passages, and a place is found again from its citation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.attachment import (
    Attachment,
    Given,
    beginning,
    citable_name,
    citations,
    content,
    label,
    shortened,
)
from chatapp.conversation.document import PASSAGE, Document, Unit

WORDS = st.lists(st.sampled_from(["word", "\n", "\n\n", ". ", "x" * 900, "é", " "]), max_size=60).map("".join)


@given(WORDS)
def test_passages_hold_every_character_once_and_are_no_longer_than_they_may_be(text):
    document = Document(text)
    assert "".join(text[start:end] for start, end in document.passages) == text
    assert all(0 < end - start <= PASSAGE for start, end in document.passages)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_no_passage_reaches_over_two_pages(pages):
    starts = [sum(map(len, pages[:number])) for number in range(len(pages))]
    document = Document("".join(pages), Unit.PAGE, tuple(starts))
    assert "".join(document.text[start:end] for start, end in document.passages) == document.text
    for start, end in document.passages:
        assert document.place_at(start) == document.place_at(end - 1)


@given(WORDS)
def test_each_place_of_a_text_is_a_line(text):
    document = Document(text)
    spans = [document.span_of(place) for place in range(1, document.places + 1)]
    assert [text[start:end] for start, end in spans] == (text.splitlines(keepends=True) or [""])
    assert document.span_of(0) is document.span_of(document.places + 1) is None


TEN = Attachment("ten.txt", Document("".join(f"line {number}\n" for number in range(1, 11))))


def test_the_model_reads_the_name_then_the_text_with_its_places_then_the_question():
    said = content("What is this?", [TEN])
    assert said.startswith("File: ten.txt\n[ten.txt:1]\nline 1\n")
    assert said.endswith("as in [ten.txt:1].\n\nWhat is this?")
    assert content("Only words", []) == "Only words"


def test_what_is_left_out_of_a_file_is_marked():
    text = "".join(f"{number} {'x' * 700}\n\n" for number in range(1, 5))
    whole = Attachment("long.txt", Document(text))
    part = shortened(whole, Given.PASSAGES, (whole.document.passages[0], whole.document.passages[2]))
    said = content("?", [part])
    assert [line for line in said.split("\n") if line.startswith("[")] == [
        "[long.txt:1]", "[…]", "[long.txt:5]", "[…]",
    ]  # fmt: skip
    assert beginning(whole.document, 1500) == whole.document.passages[:2]
    assert beginning(whole.document, 10) == whole.document.passages[:1]


def test_a_citation_is_found_and_one_of_a_place_that_is_not_there_is_none():
    book = Attachment("my book.pdf", Document("onetwo", Unit.PAGE, (0, 3)))
    text = (
        "See [ten.txt:7], [Ten.txt:8-9], [my book.pdf p. 2], [my book.pdf, page 1], [ten.txt:11], [other:1], [7]."
    )
    found = citations(text, [TEN, book])
    assert [(text[one.start : one.end], one.place) for one in found] == [
        ("[ten.txt:7]", 7), ("[Ten.txt:8-9]", 8), ("[my book.pdf p. 2]", 2), ("[my book.pdf, page 1]", 1),
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=60), st.sampled_from(Unit), st.integers(1, 3))
def test_every_label_that_we_write_is_a_citation_that_we_find(name, unit, place):
    file = Attachment(citable_name(name), Document("a\nb\nc\n", unit, () if unit is Unit.LINE else (0, 2, 4)))
    written = label(file.name, unit, place)
    assert [(one.file, one.place) for one in citations(f"so {written}.", [file])] == [(file, place)]


@given(st.text(max_size=300), st.lists(st.text(max_size=20)))
def test_a_name_is_one_line_and_its_own(name, taken):
    made = citable_name(name, taken)
    assert made
    assert made not in taken
    assert not set(made) & set("[]:\n\t\x1b")
