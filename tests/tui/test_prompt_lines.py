"""The inspector's rows: every token in its place, harmless, at any width."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App

from chatapp.conversation.context import ContextPlan
from chatapp.conversation.message import Provenance
from chatapp.conversation.prompt import Part, Piece, Turn
from chatapp.conversation.window import Window
from chatapp.engine.protocol import CacheUse, Inspected
from chatapp.fitting import Prompt
from chatapp.tui.lines import width
from chatapp.tui.look import Look
from chatapp.tui.prompt_lines import Shown, break_of, rows

LOOK = Look(App())
SYSTEM = Piece(Part.SYSTEM, Turn(role="system", content="s"))
QUESTION = Piece(Part.HISTORY, Turn(role="user", content="u"), 1)


def shown(texts, special=(), reused=0, read=0):
    plan = ContextPlan(8192, 1024)
    prompt = Prompt((SYSTEM, QUESTION), Window(None, (), ()), plan, (5, len(texts)))
    tokens = Inspected(
        id=1,
        token_ids=tuple(range(len(texts))),
        texts=tuple(texts),
        special=tuple(special),
        owners=(1,) * len(texts),
    )
    return Shown(prompt, tokens, Provenance(reused_tokens=reused, prompt_tokens=read))


def text_of(lines):
    return ["".join(text for text, _ in line) for line in lines]


def letters(text):
    return [c for c in text if c.isascii() and c.isalnum()]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=12), max_size=60),
    st.integers(8, 100),
    st.booleans(),
)
def test_no_token_leaves_the_page_and_none_is_lost(texts, cells, boundaries):
    texts = [text.replace("\x7f", "") for text in texts if not any(0x7F <= ord(c) < 0xA0 for c in text)]
    lines = rows(shown(texts), LOOK, cells, boundaries=boundaries)
    assert all(width(line) <= cells + 4 for line in lines)
    assert letters("".join(text_of(lines))) == letters("".join(texts))


def test_control_characters_are_shown_by_their_numbers():
    lines = rows(shown(["\x1b[2J", "\x07", "\x9b", "a\rb"]), LOOK, 96, boundaries=False)
    assert text_of(lines) == ["  <1B>[2J<07><9B>a<0D>b"]


def test_eight_thousand_tokens_are_laid_out_whole():
    lines = rows(shown([f" word{n}" for n in range(8192)], reused=8000, read=8100), LOOK, 96, boundaries=True)
    said = "".join(text_of(lines))
    assert all(f" word{n}" in said for n in (0, 4096, 8191))


def test_special_tokens_stand_out_and_text_that_looks_like_one_does_not():
    (line,) = rows(shown(["<|im_end|>", "<|im_end|>"], special=[0]), LOOK, 96, boundaries=False)
    assert [bool(style.bold) for text, style in line if text.startswith("<")] == [True, False]


def test_marks_tell_what_was_reused_read_and_added_since():
    lines = rows(shown(["a\n", "b\n", "c\n"], reused=1, read=2), LOOK, 96, boundaries=False)
    assert [line[0][0] for line in lines] == ["  ", "▎ ", "· "]


@pytest.mark.parametrize(
    ("cache", "foreign", "says"),
    [
        (CacheUse(held=0, shared=0), False, "was empty"),
        (CacheUse(held=9, shared=9), False, "All that the KV cache held"),
        (CacheUse(held=9, shared=2, old="brief", new="long"), False, "token 3: the system prompt changed"),
        (CacheUse(held=9, shared=7, old="x", new="y"), False, "message 1 is a different one"),
        (CacheUse(held=9, shared=2, old="x\x1b", new="y"), True, "another session was in between"),
    ],
)
def test_it_says_where_the_cache_broke_and_why(cache, foreign, says):
    sentence = break_of(shown(["a"] * 9).prompt, cache, foreign=foreign)
    assert says in sentence
    assert "\x1b" not in sentence
