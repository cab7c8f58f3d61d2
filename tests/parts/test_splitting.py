"""Documents cut into parts: every character in exactly one, none too long, each ending where the text does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.document import Document, Unit
from chatapp.parts.splitting import split

FRAME = 20
_WORDS = st.sampled_from(
    ["sea", "lighthouse", "Ferdinand", ".", "! ", "\n", "\n\n", " ", "# Head\n", "灯台。", "\u00a0", "x" * 90]
)


@st.composite
def documents(draw):
    text = "".join(draw(st.lists(_WORDS, min_size=1, max_size=300)))
    unit = draw(st.sampled_from(Unit))
    starts = (
        () if unit is Unit.LINE else tuple(sorted({0, *draw(st.lists(st.integers(0, len(text)), max_size=8))}))
    )
    return Document(text, unit, starts)


def counter(document, dense):
    """Tokens by a rule that is no straight line: digits and marks cost more than letters, as with real models."""

    async def count(span):
        text = document.text[slice(*span)]
        return FRAME + math.ceil(sum(1 if c in dense else 0.3 for c in text))

    return count


@given(documents(), st.integers(22, 200), st.sampled_from(["", " .\n", "灯台。x"]))
@settings(max_examples=150, deadline=None)
async def test_every_character_is_in_exactly_one_part_and_each_part_fits(document, room, dense):
    count = counter(document, dense)
    spans = [span async for span in split(document, count, room)]
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(document.text)
    assert all(start < end for start, end in spans)
    assert all([await count(span) <= room for span in spans])


async def test_a_part_ends_before_a_heading_behind_a_paragraph_or_else_behind_a_sentence():
    sections = [
        f"# Section {n}\n\n" + "The boat went out. " * 20 + "\n\n" + "The sea was calm. " * 20 + "\n\n"
        for n in range(6)
    ]
    document = Document("".join(sections))
    count = counter(document, "")
    for room, starts in (
        (FRAME + 250, ("# Section",)),
        (FRAME + 130, ("# Section", "The sea")),
        (FRAME + 40, ("# ", "The ")),
    ):
        parts = [document.text[slice(*span)] async for span in split(document, count, room)]
        assert len(parts) > 3
        assert all(part.startswith(starts) for part in parts), (room, [part[:20] for part in parts])


async def test_parts_are_about_as_long_as_each_other():
    document = Document("The boat went out. " * 1000)
    count = counter(document, "")
    lengths = [end - start async for start, end in split(document, count, FRAME + 1000)]
    assert max(lengths) < 1.5 * min(lengths)


async def test_pages_are_kept_together_where_that_is_possible():
    pages = [f"Page {n} says this and that. " * 12 for n in range(9)]
    starts = [sum(map(len, pages[:n])) for n in range(9)]
    document = Document("".join(pages), Unit.PAGE, tuple(starts))
    spans = [span async for span in split(document, counter(document, ""), FRAME + 260)]
    assert {start for start, _ in spans} <= set(starts)


async def test_where_not_even_a_character_has_room_there_is_no_part():
    async def count(span):
        return 100 + span[1] - span[0]

    with pytest.raises(ValueError, match="room"):
        [span async for span in split(Document("words"), count, 100)]
