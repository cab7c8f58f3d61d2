"""Where the drawn characters of a text come from: each one's place in the Markdown source.

The parser is asked, not guessed at: it says on which line a block's text begins, and, by a state that listens, at
which character a piece of inline text does. Inside a piece a character is followed by its letter, since blanks are
run together and tabs are blown up. Marks that are not drawn have no character here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal

from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .document import Code, Leaf, Prose, Table, Written
from .inline import JOINERS, LONGEST, PARSER, plain, role_of, text_of

NOWHERE = -1
_BLANKS = " \t\n"
_FAR = 80
"""Characters that a drawn one is looked for ahead."""


def places(leaves: Sequence[Leaf], source: str) -> list[int]:
    """For each character of the text that these leaves show, its place in their source; -1 between leaves."""
    lines = _Lines(source)
    found: list[int] = []
    for number, leaf in enumerate(leaves):
        if number:
            found += [NOWHERE] * (1 + leaf.gap)
        found += _leaf(leaf, lines)
    return found


class _Lines:
    """A source by its lines."""

    def __init__(self, source: str) -> None:
        self.texts = source.split("\n")
        self.begins = [0]
        for line in self.texts:
            self.begins.append(self.begins[-1] + len(line) + 1)

    def of(self, written: Written, start: int = 0) -> list[int]:
        """The place of each character of what was written, which may begin at a character of its line."""
        found: list[int] = []
        for number, said in enumerate(written.text.split("\n"), written.line):
            if number > written.line and found:
                found.append(self.begins[min(number, len(self.texts))] - 1)
            if number >= len(self.texts):
                found += [self.begins[-1] - 1] * len(said)
                continue
            line, begin = self.texts[number], self.begins[number]
            column = _column(line, said, start if number == written.line else 0)
            if column is None:
                found += follow(said, line, range(begin, begin + len(line) + 1))
            else:
                found += range(begin + column, begin + column + len(said))
        return found


def _column(line: str, said: str, start: int) -> int | None:
    """Where in a line the text of a block stands: at its end, but for the closing marks of a heading."""
    column = len(line.rstrip()) - len(said.rstrip())
    if not start and column >= 0 and line.startswith(said.rstrip(), column) and line.startswith(said, column):
        return column
    column = line.find(said, start)
    return column if column >= 0 else None


def follow(shown: str, source: str, at: Sequence[int]) -> list[int]:
    """The places of drawn characters that follow each other in a source, some of which is not drawn.

    Args:
        shown: What is drawn.
        source: What it is drawn from.
        at: The place of each character of the source, and the one behind it.
    """
    found: list[int] = []
    here = 0
    for character in shown:
        if character in _BLANKS:
            next_here = here if here < len(source) and source[here] in _BLANKS else -1
        else:
            next_here = source.find(character, here, here + _FAR)
        # What the source does not have, such as the rest of a tab, stands where the last character did.
        found.append(at[next_here] if next_here >= 0 else at[max(0, min(here, len(at)) - 1)])
        here = next_here + 1 if next_here >= 0 else here
    return found


def _leaf(leaf: Leaf, lines: _Lines) -> list[int]:
    if not leaf.written:
        return [NOWHERE] * len(leaf.text)
    match leaf:
        case Prose():
            return _prose(leaf, lines)
        case Table():
            return _table(leaf, lines)
        case Code():
            return _code(leaf, lines)
    return _spread(leaf.text, lines.of(leaf.written[0]))


def _prose(leaf: Prose, lines: _Lines) -> list[int]:
    written = leaf.written[0]
    content = lines.of(written)
    marker, said = leaf.text[: leaf.hang], leaf.text[leaf.hang :]
    first = content[0] if content else lines.begins[min(written.line, len(lines.texts))]
    begin = lines.begins[min(written.line, len(lines.texts) - 1)]
    before = lines.texts[min(written.line, len(lines.texts) - 1)][: max(0, first - begin)].rstrip()
    mark = begin + max(0, len(before) - 1)
    found = [mark] * len(marker)
    if not leaf.inline:
        return found + follow(said, written.text, [*content, content[-1] if content else first])
    return found + [
        content[place] if place < len(content) else first for place in inline_places(written.text, said)
    ]


def _table(leaf: Table, lines: _Lines) -> list[int]:
    found: list[int] = []
    cells = iter(leaf.written)
    for number, row in enumerate(leaf.cells):
        found += [NOWHERE] if number else []
        start = 0
        for column, cell in enumerate(row):
            found += [NOWHERE] if column else []
            written = next(cells)
            content = lines.of(written, start)
            if content:
                start = content[-1] + 1 - lines.begins[written.line]
            said = plain(cell)
            found += [
                content[place] if place < len(content) else NOWHERE for place in inline_places(written.text, said)
            ]
    return found


def _code(leaf: Code, lines: _Lines) -> list[int]:
    written = leaf.written[0]
    found: list[int] = []
    said = written.text.split("\n")
    for number, shown in enumerate(leaf.text.split("\n")):
        at = lines.of(Written(written.line + number, said[number] if number < len(said) else ""))
        end = (at[-1] + 1) if at else lines.begins[min(written.line + number, len(lines.texts))]
        found += [max(0, end - 1)] if number else []
        found += follow(shown, said[number] if number < len(said) else "", [*at, end])
    return found


def _spread(shown: str, at: Sequence[int]) -> list[int]:
    """So many characters over as many places, be they more or fewer."""
    return [at[min(number, len(at) - 1)] if at else NOWHERE for number in range(len(shown))]


# Inline text ------------------------------------------------------------------------------------------------


class _Listening(StateInline):
    """The state of the parser, which notes with each token at which character it begins."""

    _began = 0

    def append_pending(self, text: str) -> None:
        if not self.pending:
            self._began = self.pos
        super().append_pending(text)

    def pushPending(self) -> Token:  # noqa: N802  the parser's name
        token = super().pushPending()
        token.meta["at"] = self._began
        return token

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        token = super().push(ttype, tag, nesting)
        # A run of marks is pushed mark by mark, from one place.
        before = self.tokens[-2] if len(self.tokens) > 1 else None
        run = before is not None and before.type == ttype == "text" and before.meta.get("run") == self.pos
        token.meta["at"] = before.meta["at"] + 1 if run and before is not None else self.pos
        token.meta["run"] = self.pos
        return token


def inline_places(source: str, shown: str) -> list[int]:
    """The places, in the Markdown of a paragraph, heading or cell, of the characters that are shown of it."""
    pairs = _pairs(source) if len(source) <= LONGEST else []
    if "".join(character for character, _ in pairs) == shown:
        return [place for _, place in pairs]
    return follow(shown, source, range(len(source) + 1))


def _pairs(source: str) -> list[tuple[str, int]]:
    """The drawn characters with their places."""
    state = _Listening(source, PARSER, {}, [])
    PARSER.inline.tokenize(state)
    for rule in PARSER.inline.ruler2.getRules(""):
        if rule.__name__ != "fragments_join":  # it would hide where the fragments begin
            rule(state)
    pieces: list[tuple[str, list[tuple[str, int]]]] = []
    open_marks: dict[str, int] = {}
    for token in state.tokens:
        if token.nesting:
            mark = token.type.rpartition("_")[0]
            open_marks[mark] = open_marks.get(mark, 0) + token.nesting
        elif text := text_of(token):
            pieces.append((role_of(token, "text", open_marks), _piece(token, text, source)))
    pairs: list[tuple[str, int]] = []
    for _, group in groupby(pieces, key=itemgetter(0)):
        pairs += _stripped([pair for _, piece in group for pair in piece])
    return pairs


def _piece(token: Token, text: str, source: str) -> list[tuple[str, int]]:
    at = token.meta.get("at", 0)
    if token.type == "text_special":  # an entity or an escape: all of it is one character
        at += len(token.markup) - 1 if token.info == "escape" else 0
        return [(character, at) for character in text]
    raw = token.content or text
    begin = source.find(raw, at) if token.type not in {"softbreak", "hardbreak"} else at
    if token.type == "code_inline" and begin < 0:
        begin = at + len(token.markup)
    begin = at if begin < 0 else begin
    end = max(begin + 1, begin + len(raw))
    return list(zip(text, follow(text, source[begin:end], range(begin, end + 1)), strict=True))


def _stripped(pairs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Without the joiners at the ends, as `inline_spans` has it."""
    if all(character.isascii() for character, _ in pairs):
        return pairs
    while pairs and pairs[0][0] in JOINERS:
        pairs = pairs[1:]
    while pairs and pairs[-1][0] in JOINERS:
        pairs = pairs[:-1]
    return pairs
