"""Two texts word by word: nothing is lost, what both have is the same, line ends keep them side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation import comparison
from chatapp.conversation.comparison import compare, own_words

TEXTS = st.text(st.sampled_from("ab .\n\t漢字é"), max_size=60) | st.text(max_size=40)


def together(blocks):
    one = tuple(piece for block in blocks for piece in block.one)
    other = tuple(piece for block in blocks for piece in block.other)
    return one, other


@given(TEXTS, TEXTS)
def test_the_pieces_of_each_side_are_its_text_and_what_both_have_is_the_same(one, other):
    blocks = compare(one, other)
    mine, theirs = together(blocks)
    assert "".join(word for word, _ in mine) == one
    assert "".join(word for word, _ in theirs) == other
    shared = [[word.strip() for word, both in side if both] for side in (mine, theirs)]
    assert shared[0] == shared[1]
    for block in blocks[:-1]:
        assert block.one[-1] == block.other[-1] == ("\n", True)


@given(TEXTS)
def test_a_text_does_not_differ_from_itself(text):
    assert all(both for side in together(compare(text, text)) for _, both in side)


def test_one_word_differs():
    one, other = together(compare("It is a cat.", "It is a dog."))
    assert [word for word, both in one if not both] == ["cat"]
    assert [word for word, both in other if not both] == ["dog"]
    assert (own_words(one), own_words(other)) == (1, 1)


def test_long_texts_are_compared_by_lines(monkeypatch):
    monkeypatch.setattr(comparison, "MOST_PAIRS", 10)
    one, _ = together(compare("the same line\nmy own line", "the same line\nyour own line"))
    assert one == (("the same line", True), ("\n", True), ("my own line", False))
