"""The cut view's lines from a decision: what is said, safely, and nothing by colour alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App
from textual.geometry import Size

from chatapp.conversation.decision import TEMPERATURES, Curve, Decision, Draw, Row, Stage, Token
from chatapp.conversation.message import Message, Role
from chatapp.conversation.sampling import SamplingSettings
from chatapp.looking import Seen
from chatapp.tui.cut_lines import View
from chatapp.tui.cut_page import key_line, page
from chatapp.tui.lines import width
from chatapp.tui.look import Look
from chatapp.tui.plots import Canvas, spread

TOKENS = [b" sea", b"\n", b"\xe2", b"\x1b[2J", b"[red]", b"<|im_end|>"]
FIRST = (0.4, 0.2, 0.15, 0.1, 0.1, 0.05)


def decision():
    """Six candidates, of which min-p cuts the last three; what they are called would harm a terminal."""
    kept = sum(FIRST[:3])
    rows = tuple(
        Row(
            rank=place + 1,
            id=place,
            hex=data.hex(),
            special=data.startswith(b"<|"),
            logit=-place,
            p=(p, p / kept if place < 3 else None, p / kept if place < 3 else None),
        )
        for place, (data, p) in enumerate(zip(TOKENS, FIRST, strict=True))
    )
    stages = (
        Stage(sampler="logits", kept=49_152, mass=1, entropy=2.3),
        Stage(sampler="min_p", kept=3, mass=0.75, entropy=1.4, threshold=0.12),
        Stage(sampler="temperature", kept=3, mass=0.75, entropy=1.4, threshold=0.8),
    )
    drawn = Token(id=1, hex=b"\n".hex())
    draw = Draw(seed=7, position=2, chance=0.6183, token=drawn, low=0.533, high=0.8)
    curves = tuple(Curve(id=n, hex=TOKENS[n].hex(), p=(0.3,) * len(TEMPERATURES)) for n in range(3))
    return Decision(
        vocabulary=49_152, prompt_tokens=9, stages=stages, rows=rows, draw=draw, log_z=1.0, curves=curves
    )


def view():
    reply = Message(1, "u", None, Role.ASSISTANT, "a b", token_ids=[5, 6, 1])
    settings = SamplingSettings(top_k=0, top_p=1, min_p=0.3, temperature=0.8)
    return View(Seen(reply, 2, decision(), settings, "the \x1b[31m sea\n", there=Token(id=1, hex="0a")))


@pytest.fixture
async def look(request, monkeypatch):
    if getattr(request, "param", False):
        monkeypatch.setenv("NO_COLOR", "1")
    app = App()
    async with app.run_test():
        yield Look(app)


def text_of(lines):
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize("changed", [(), ("min_p",)])
def test_the_way_back_is_said_whole_at_80_columns(look, changed):
    line = text_of([key_line(replace(view(), changed=changed), look, 72)])[0]
    assert line.rstrip().endswith("s steps   esc page")
    assert ("a keep it" in line) == bool(changed)


def test_few_stages_have_bars_on_a_narrow_terminal_too(look):
    """The Neutral preset leaves the plain softmax and the temperature."""
    shown = view()
    whole = shown.seen.decision
    rows = tuple(row.model_copy(update={"p": (row.p[0], row.p[0])}) for row in whole.rows)
    few = whole.model_copy(update={"stages": (whole.stages[0], whole.stages[2]), "rows": rows})
    lines = text_of(page(replace(shown, seen=replace(shown.seen, decision=few)), look, Size(80, 24), number=3))
    assert sum("━━━━" in line for line in lines) > 3


@pytest.mark.parametrize("look", [False, True], indirect=True)
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 44), (200, 60)])
async def test_what_a_token_holds_is_shown_and_never_sent(look, size):
    """A line end, a part of a character, an escape sequence, markup, the name of a control token."""
    lines = page(view(), look, Size(*size), number=3)
    text = text_of(lines)
    assert not any(ord(character) < 0x20 for line in text for character in line)
    assert len(lines) == size[1]
    assert all(width(line) <= size[0] - 8 for line in lines)
    joined = "\n".join(text)
    for shown in ("·sea", "↵", "<E2>", "<1B>[2J", "[red]", "<|im_end|>", "reply 3, token 3"):
        assert shown in joined
    assert "0.6183" in joined
    assert "▲" in joined


async def test_a_candidate_is_crossed_out_once_and_the_threshold_stands_once(look):
    """In the column of the stage that cut it; behind it there is nothing."""
    text = text_of(page(view(), look, Size(120, 44), number=1))
    cut = [line for line in text if "×" in line]
    assert len(cut) == 4  # three candidates, and all others
    assert all(line.count("×") == 1 for line in cut)
    assert sum("< .1200" in line for line in text) == 1
    assert "< .1200" in cut[0]
    assert sum("49,146" in line for line in text) == 1  # all others


@given(st.lists(st.integers(0, 9), max_size=10).map(sorted), st.integers(10, 14))
def test_labels_get_lines_of_their_own_in_order(rows, lines):
    """As near as can be to where they belong."""
    placed = spread(rows, lines)
    assert placed == sorted(set(placed))
    assert all(0 <= place < lines for place in placed)
    if len(set(rows)) == len(rows):
        assert placed == rows


def test_a_canvas_puts_a_curve_where_its_values_are():
    """The top is 1, the bottom 0; two dots to a cell's width, four to its height."""
    canvas = Canvas(3, 2)
    canvas.curve([1.0, 0.0], Style())
    text = text_of(canvas.drawn())
    assert text[0][0] != " "
    assert text[1][2] != " "
    assert text[1][0] == " "
    assert text[0][2] == " "
