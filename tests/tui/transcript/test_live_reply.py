"""A reply can be fed in any pieces; what is finished is not laid out again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from transcript_samples import markdown, widths

from chatapp.text import display
from chatapp.tui.lines import width
from chatapp.tui.look import Look
from chatapp.tui.widgets.transcript import live
from chatapp.tui.widgets.transcript.document import parse
from chatapp.tui.widgets.transcript.layout import Layout
from chatapp.tui.widgets.transcript.live import LiveReply

CARET = "▌"
REPLY = """## A heading

A paragraph with **strong words** and `code`, long enough to be wrapped into several rows of text.

- one item
- another item
  - one inside
- the last

```python
def f(x):
    return x

print(f(1))
```

| a | b |
|---|---|
| x | 10 |

1. first
2. second

> a quotation

The end."""


def fed(pieces: list[str], cells: int, look: Look) -> LiveReply:
    reply = LiveReply(look, cells)
    for piece in pieces:
        reply.feed(piece)
        reply.lay_out()
    return reply


def without_caret(reply: LiveReply) -> list[str]:
    return [row.text.replace(CARET, "").rstrip() for row in reply.lay_out()]


@given(text=markdown, cells=widths, sizes=some.lists(some.integers(1, 12), min_size=1))
@settings(max_examples=100, deadline=None)
def test_no_split_breaks_it_and_no_row_is_too_wide(text: str, cells: int, sizes: list[int], look: Look) -> None:
    reply = LiveReply(look, cells)
    at, turn = 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        reply.feed(text[at : at + size])
        at, turn = at + size, turn + 1
        assert all(width(row.line) <= cells for row in reply.lay_out())


@pytest.mark.parametrize("size", [1, 3, 7, 40, len(REPLY)])
def test_an_ordinary_reply_looks_live_as_it_looks_in_the_end(size: int, look: Look) -> None:
    pieces = [REPLY[at : at + size] for at in range(0, len(REPLY), size)]
    reply, whole = fed(pieces, 60, look), Layout(look, 60).add(parse(display(REPLY)))
    assert without_caret(reply) == [row.text.rstrip() for row in whole.rows]
    assert reply.text == whole.text


def test_the_caret_stands_behind_the_last_word(look: Look) -> None:
    assert fed(["Hello"], 20, look).lay_out()[-1].text == f"Hello {CARET}"
    assert fed([], 20, look).lay_out()[-1].text == CARET


def test_the_caret_stays_inside_the_slab_of_open_code(look: Look) -> None:
    shown = [row.text.rstrip() for row in fed(["```\nx = 1\ny"], 20, look).lay_out()]
    assert shown == ["▄" * 20, "  x = 1", f"  y {CARET}", "▀" * 20]


def test_a_dash_below_text_does_not_flash_as_a_heading(look: Look) -> None:
    row = fed(["Text\n-"], 20, look).lay_out()[0]
    assert row.text == f"Text {CARET}"
    assert not row.line[0][1].bold


def test_marks_never_show_before_they_are_closed(look: Look) -> None:
    text = "Some **strong *and slanted* words** with `a * b` and 2 * 3.\n\n* item **one**\n* item `two`"
    reply, seen = LiveReply(look, 60), []
    for character in text:
        reply.feed(character)
        seen += without_caret(reply)
    shown = "\n".join(seen).replace("a * b", "").replace("a *", "").replace("2 *", "")
    assert "*" not in shown
    assert "`" not in shown


def test_the_number_of_the_next_item_does_not_flash_behind_this_one(look: Look) -> None:
    assert without_caret(fed(["1. one\n2"], 20, look)) == ["1. one"]
    assert without_caret(fed(["42"], 20, look)) == ["42"]


def test_a_long_block_of_code_stays_one_slab_while_it_grows(look: Look) -> None:
    source = "```python\n" + "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(40)) + "```\n\nThe end."
    reply = fed([source[at : at + 30] for at in range(0, len(source), 30)], 60, look)
    whole = Layout(look, 60).add(parse(display(source)))
    assert without_caret(reply) == [row.text.rstrip() for row in whole.rows]
    assert reply.text == whole.text


@pytest.mark.parametrize(
    ("opening", "piece"),
    [("```python\n", "value = 1  # one\n"), ("", "- an item of a list\n"), ("", "A paragraph of text.\n\n")],
    ids=["code", "list", "paragraphs"],
)
def test_long_replies_parse_a_short_tail(
    opening: str, piece: str, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    real = live.blocks
    monkeypatch.setattr(live, "blocks", lambda source: lengths.append(len(source)) or real(source))
    reply = fed([opening, *[piece] * 400], 60, look)
    assert max(lengths) < 3000
    assert len(without_caret(reply)) >= 400
    assert reply.finished >= 350
