"""Text breaks by cells: nothing is lost, nothing is too wide, joined characters stay together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len
from transcript_samples import PIECES

from chatapp.text import display
from chatapp.tui.widgets.transcript.wrap import chop, wrap

texts = some.lists(
    some.sampled_from([*PIECES, "word ", "long-word ", " "]) | some.text(max_size=5), max_size=30
).map(lambda pieces: display("".join(pieces)).replace("\t", " "))


@given(texts, some.integers(2, 40))
def test_only_blanks_at_breaks_are_left_out(text: str, cells: int) -> None:
    rows = wrap(text, cells, cells)
    assert "".join(text[start:end] for start, end in rows).replace(" ", "") == text.replace(" ", "").replace(
        "\n", ""
    )


@given(texts, some.integers(2, 40))
def test_no_row_is_wider_than_asked(text: str, cells: int) -> None:
    assert all(cell_len(text[start:end]) <= cells for start, end in wrap(text, cells, cells))


@given(texts.map(lambda text: text.replace("\n", "")), some.integers(2, 40))
def test_code_is_cut_into_rows_that_make_it_up_again(text: str, cells: int) -> None:
    rows = [text[start:end] for start, end in chop(text, cells)]
    assert "".join(rows) == text
    assert all(cell_len(row) <= cells for row in rows)


def test_words_stay_whole_and_ideographs_may_part() -> None:
    text = "one two three"
    assert [text[start:end] for start, end in wrap(text, 8, 8)] == ["one two", "three"]
    text = "日本語のテキスト"
    assert [text[start:end] for start, end in wrap(text, 7, 7)] == ["日本語", "のテキ", "スト"]


def test_a_family_is_never_torn_apart() -> None:
    text = "👨‍👩‍👧" * 4
    assert [text[start:end] for start, end in wrap(text, 5, 5)] == ["👨‍👩‍👧" * 2] * 2
