"""Any text becomes rows that fit the page; nothing a person wrote vanishes, nothing hostile passes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from transcript_samples import markdown, widths

from chatapp.text import display
from chatapp.tui.lines import width
from chatapp.tui.look import Look
from chatapp.tui.widgets.transcript.document import parse
from chatapp.tui.widgets.transcript.layout import Layout

HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200e\u200f\u061c]")
WORDS = some.lists(some.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=60)
DEEP = {
    "quotes": "> " * 300 + "deep",
    "lists": "\n".join("  " * level + "- deep" for level in range(60)),
    "columns": "|" + "deep|" * 80 + "\n|" + "---|" * 80 + "\n|" + "b|" * 80,
    "brackets": "[" * 3000 + "deep",
    "one block": "deep " * 20_000,
}


def rows(text: str, cells: int, look: Look) -> list[str]:
    return [row.text for row in Layout(look, cells).add(parse(display(text))).rows]


@given(text=markdown, cells=widths)
@settings(max_examples=150, deadline=None)
def test_every_text_fits_the_page_and_is_harmless(text: str, cells: int, look: Look) -> None:
    layout = Layout(look, cells).add(parse(display(text)))
    assert all(width(row.line) <= cells for row in layout.rows)
    assert not any(HOSTILE.search(row.text) for row in layout.rows)
    assert bool(layout.rows) == bool(display(text).strip())


@given(text=markdown, cells=widths)
@settings(max_examples=100, deadline=None)
def test_a_run_says_which_characters_stand_in_a_row(text: str, cells: int, look: Look) -> None:
    layout = Layout(look, cells).add(parse(display(text)))
    for row in layout.rows:
        for _, start, count in row.runs:
            shown = layout.text[start : start + count].replace("\t", " ")  # between the cells of a narrow table
            assert shown in row.text or shown == "---"


@given(words=WORDS, cells=widths)
@settings(max_examples=60, deadline=None)
def test_every_word_of_a_paragraph_is_there(words: list[str], cells: int, look: Look) -> None:
    assert "".join(rows(" ".join(words), max(cells, 12), look)).replace(" ", "") == "".join(words)


@pytest.mark.parametrize("name", DEEP)
def test_what_is_too_deep_wide_or_long_is_shown_as_it_was_written(name: str, look: Look) -> None:
    shown = rows(DEEP[name], 70, look)
    assert any("deep" in row for row in shown)
    assert max(map(len, shown)) <= 70


def test_a_reference_alone_is_not_nothing(look: Look) -> None:
    assert rows("[ref]: http://example.org", 70, look) == ["[ref]: http://example.org"]


def test_a_table_has_one_rule_and_numbers_to_the_right(look: Look) -> None:
    table = "| share | size |\n|---|---|\n| all | 2 tokens |\n| half | 31 tokens |"
    assert rows(table, 70, look) == [
        "share           size",
        "─" * 20,
        "all         2 tokens",
        "half       31 tokens",
    ]


def test_cells_wrap_where_the_page_is_too_narrow(look: Look) -> None:
    table = f"| name | note |\n|---|---|\n| a | {'word ' * 12}|"
    shown = rows(table, 30, look)
    assert max(map(len, shown)) <= 30
    assert sum(row.count("word") for row in shown) == 12


def test_code_is_broken_by_cells_with_a_mark(look: Look) -> None:
    shown = rows("```python\n" + "日" * 20 + "\n```", 24, look)
    assert shown[0] == "▄" * 24
    assert shown[1].rstrip() == "  " + "日" * 10 + "↵"
    assert shown[2].rstrip() == "  " + "日" * 10
    assert shown[3] == "▀" * 24


def test_the_language_stands_at_the_right_of_the_first_line(look: Look) -> None:
    assert re.fullmatch(r"  x = 1 +python ", rows("```python\nx = 1\ny = 2\n```", 30, look)[1])


def test_lists_quotes_and_headings_need_no_tricks(look: Look) -> None:
    source = "Text\n# Head\nmore\n\n- one\n  - two\n\n1. first\n2. second\n\n> quote\n>\n> - item"
    assert rows(source, 40, look) == [
        *("Text", "", "Head", "", "more", ""),
        *("– one", "  – two", "", "1. first", "2. second", ""),
        *("│ quote", "│ ", "│ – item"),
    ]


def test_links_show_their_text_only_and_images_what_they_show(look: Look) -> None:
    row = Layout(look, 70).add(parse("[here](http://example.org) ![a cat](cat.png)")).rows[0]
    assert row.text == "here a cat"
    assert row.line[0][1].underline
    assert not any(style.link for _, style in row.line)
