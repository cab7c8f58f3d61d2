"""Where drawn characters come from: each one's place in the Markdown source."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.text import display
from chatapp.tui.widgets.transcript.document import Leaf, as_written, parse
from chatapp.tui.widgets.transcript.places import NOWHERE, places


def _drawn(source: str, leaves: list[Leaf] | None = None) -> list[tuple[str, int]]:
    """The characters of the page with their places."""
    leaves = parse(source) if leaves is None else leaves
    text = leaves[0].text if leaves else ""
    for leaf in leaves[1:]:
        text += "\n" * (1 + leaf.gap) + leaf.text
    found = places(leaves, source)
    assert len(found) == len(text)
    return list(zip(text, found, strict=True))


def _shown(source: str) -> str:
    """The source with what is not drawn as dots: what a reader would colour."""
    kept = {place for character, place in _drawn(source) if character.strip() and place != NOWHERE}
    return "".join(c if n in kept or c == "\n" else "." for n, c in enumerate(source))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("plain words", "plain.words"),
        ("a **bold** b", "a...bold...b"),
        ("***both*** and_so_on", "...both....and_so_on"),
        ("2 * 3 * 4 **x*", "2.*.3.*.4.*.x."),
        ('[b](c "b d") b d', ".b...........b.d"),
        ("`a` a", ".a..a"),
        ("``a`b`` b", "..a`b...b"),
        ("x &amp; y", "x.&.....y"),
        (r"\*a\* b", ".*a.*.b"),
        ("# Title #", "..Title.."),
        ("Title\n=====", "Title\n....."),
        ("> quoted\n> twice", "..quoted\n..twice"),
        ("```py\nprint(1)\n```", ".....\nprint(1)\n..."),
        ("    indented", "....indented"),
        ("<http://a.b> a", ".http://a.b..a"),
        ("line\nline", "line\nline"),
        ("line  \nline", "line..\nline"),
        ("![alt](alt) alt", "..alt.......alt"),
        ("<b>x</b>", "<b>x</b>"),
        ("~~gone~~ gone", "..gone...gone"),
    ],
)
def test_what_is_drawn_is_found_where_it_was_written(source, shown):
    """Also where the same letters stand in marks that are not drawn."""
    assert _shown(source) == shown


def test_the_mark_of_an_item_stands_where_its_mark_was_written():
    """Bullets and numbers are drawn otherwise than they are written, in their place."""
    drawn = _drawn("- one\n- two\n\n3. three")
    bullets = [place for character, place in drawn if character == "–"]
    assert bullets == [0, 6]
    assert [place for character, place in drawn if character in "3."] == [14, 14]


def test_cells_of_tables_are_found():
    """Also a cell that says what another said, and one with an escaped bar."""
    source = "| a | b |\n|---|---|\n| a | a |\n| x\\|y | **a** |"
    places_of_a = [place for character, place in _drawn(source) if character == "a"]
    assert places_of_a == [2, 22, 26, source.rindex("a")]
    assert ("y", source.index("y")) in _drawn(source)


def test_tabs_in_code_are_blown_up_without_moving_what_follows():
    """A tab is drawn as several blanks."""
    source = "```\n\tx = 1\n\ty\n```"
    assert ("x", source.index("x")) in _drawn(source)
    assert ("y", source.index("y")) in _drawn(source)


WORDS = st.integers(0, 999).map(lambda n: f"w{n:03}")
INLINE = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["*", "**", "`", "~~", "_", "***"]), inner).map(lambda p: f"{p[0]}{p[1]}{p[0]}"),
        st.tuples(inner, WORDS, WORDS).map(lambda p: f'[{p[0]}](u{p[1]} "{p[2]}")'),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        inner.map(lambda text: f"{text} &amp; \\* é 漢字 {text}"),
    ),
    max_leaves=6,
)
BLOCK = st.one_of(
    INLINE,
    INLINE.map(lambda text: f"## {text}"),
    INLINE.map(lambda text: f"> {text}\n> - {text}"),
    st.lists(INLINE, min_size=1, max_size=3).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(INLINE, min_size=1, max_size=3).map(
        lambda items: "\n".join(f"{n}. {i}" for n, i in enumerate(items, 7))
    ),
    WORDS.map(lambda word: f"```python\n\tif {word}:\n\t\treturn  {word}\n```"),
    st.tuples(INLINE, INLINE).map(lambda p: f"| {p[0]} | {p[1]} |\n|:--|--:|\n| {p[1]} | {p[0]} |"),
    st.just("***"),
)
DRAWN_OTHERWISE = set("–─-&*0123456789.")


@given(st.lists(BLOCK, min_size=1, max_size=5).map("\n\n".join))
@settings(max_examples=150, deadline=None)
def test_every_drawn_character_has_the_place_of_its_letter(source):
    """All Markdown that we draw: no letter is found at another letter, and none before the one that it follows."""
    last = 0
    for character, place in _drawn(source):
        if not character.strip():
            continue
        assert place != NOWHERE
        assert source[place] == character or character in DRAWN_OTHERWISE
        assert place >= last or character in DRAWN_OTHERWISE
        last = place


@given(st.text(max_size=200).map(display))
@settings(max_examples=200, deadline=None)
def test_no_text_is_too_strange(source):
    """Whatever a model may say: as many places as characters, all of them inside the source."""
    for leaves in (parse(source), as_written(source)):
        for _, place in _drawn(source, leaves):
            assert place == NOWHERE or 0 <= place < max(1, len(source))


@given(st.text(alphabet="ab *_`[]()\\&<>#-|\n\t~!.1", max_size=80))
@settings(max_examples=300, deadline=None)
def test_letters_stay_letters_among_all_marks(source):
    """Marks in any order: a drawn letter is that letter in the source."""
    for character, place in _drawn(source):
        if character in "ab" and place != NOWHERE:
            assert source[place] == character
