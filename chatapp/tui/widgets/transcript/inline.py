"""Text inside a block: emphasis, code, links. It becomes spans of text with a role, free of theme and width.

A role is a name of `Look`, with modifiers after it: `text`, `strong italic`, `third`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.style import Style

from chatapp.text import display_line
from chatapp.tui.look import Look

Spans = tuple[tuple[str, str], ...]

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Blocks only: text inside them is parsed when it is needed, and kept, so that a growing table stays cheap.
PARSER.core.ruler.disable(["inline", "text_join"])

LONGEST = 64 * 1024
"""Characters in one block above which it is shown as it was written."""

JOINERS = "\u200d\ufe0f"
_BLANKS = re.compile(r"[ \t]{2,}|\t")
_MODIFIERS = {"italic": Style(italic=True), "bold": Style(bold=True), "underline": Style(underline=True)}


@lru_cache(maxsize=4096)
def inline_spans(source: str, base: str = "text") -> Spans:
    """Parse the text of a paragraph, heading or cell, `base` being the role of what is not marked."""
    if len(source) > LONGEST:
        return ((display_line(source), base),)
    tokens: list[Token] = []
    PARSER.inline.parse(source, PARSER, {}, tokens)
    spans: list[tuple[str, str]] = []
    open_marks: Counter[str] = Counter()
    for token in tokens:
        if token.nesting:
            open_marks[token.type.rpartition("_")[0]] += token.nesting
        elif text := text_of(token):
            spans.append((text, role_of(token, base, open_marks)))
    return _merged(spans) or ((display_line(source), base),)


def plain(spans: Spans) -> str:
    """The text alone."""
    return "".join(text for text, _ in spans)


def cut(spans: Spans, ranges: Iterable[tuple[int, int]]) -> Iterator[Spans]:
    """The parts of the spans between pairs of characters; the pairs must ascend."""
    number, at = 0, 0
    for start, end in ranges:
        while number < len(spans) and at + len(spans[number][0]) <= start:
            at += len(spans[number][0])
            number += 1
        kept: list[tuple[str, str]] = []
        here, place = number, at
        while here < len(spans) and place < end:
            text, role = spans[here]
            kept.append((text[max(0, start - place) : end - place], role))
            here, place = here + 1, place + len(text)
        yield tuple(kept)


@lru_cache(maxsize=1024)
def role_style(look: Look, role: str) -> Style:
    """The style of a role in a look."""
    name, *modifiers = role.split()
    style: Style = getattr(look, name)
    return Style.combine([style, *(_MODIFIERS[modifier] for modifier in modifiers)])


def _merged(spans: list[tuple[str, str]]) -> Spans:
    """Neighbours of one role as one span; a joiner at the edge of a span would join what is drawn apart."""
    merged: list[tuple[str, str]] = []
    for role, group in groupby(spans, key=itemgetter(1)):
        text = "".join(text for text, _ in group)
        merged.append((text if text.isascii() else text.strip(JOINERS), role))
    return tuple(span for span in merged if span[0])


def text_of(token: Token) -> str:
    """What is shown of a token."""
    if token.type == "softbreak":
        return " "
    if token.type == "hardbreak":
        return "\n"
    # Entities are decoded by the parser, so that an escape character may only appear here.
    text = token.content if token.content.isprintable() else display_line(token.content)
    if token.type == "image":
        return text or "image"
    return _BLANKS.sub(" ", text) if token.type.startswith("text") else text


def role_of(token: Token, base: str, open_marks: Mapping[str, int]) -> str:
    """The role of a token's text, `base` being that of what is not marked."""
    role = base
    if token.type == "code_inline":
        role = "third"
    elif open_marks.get("s"):
        role = "muted"
    elif open_marks.get("strong"):
        role = "strong" if base == "text" else f"{base} bold"
    if open_marks.get("em"):
        role += " italic"
    if open_marks.get("link"):
        role += " underline"
    return role
