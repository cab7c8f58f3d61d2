"""Near-duplicates: the same words in the same order, whatever their capitals, marks and blanks."""

from __future__ import annotations

from chatapp.batch.variety import is_near

TEXT = "The train leaves at nine, and nobody waits for it."


def test_capitals_marks_and_blanks_tell_no_two_texts_apart():
    assert is_near("the train  leaves at NINE and nobody waits for it!", [TEXT], 1.0)


def test_the_threshold_says_how_many_words_may_differ():
    other = "The train leaves at ten, and nobody waits for it."
    assert is_near(other, [TEXT], 0.9)
    assert not is_near(other, [TEXT], 0.95)
    assert not is_near("At nine the train is gone.", [TEXT], 0.5)
    assert not is_near(TEXT, [], 0.5)
