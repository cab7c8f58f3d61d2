"""A Markdown source as a flat list of leaves: prose, code, tables and rules, each with what stands before it.

Nesting becomes prefixes: a paragraph in a quote in a list is prose with blanks and a bar in front of every row.
Leaves know neither theme nor width, so that they outlive both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property

from markdown_it.token import Token

from .inline import LONGEST, PARSER, Spans, inline_spans, plain

MOST_COLUMNS = 60
# A lexer may cut between characters that these join; apart, they are as wide as their parts.
_JOINERS = dict.fromkeys(map(ord, "\u200d\ufe0f"), "")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A piece of the source that a leaf shows, without the marks of what it stands in."""

    line: int
    """The line of the source that it begins on."""
    text: str


@dataclass(frozen=True)
class Leaf:
    """A piece of a document that is laid out by itself."""

    prefix: Spans = ()
    """What stands before every row: bars of quotes, blanks of lists."""
    gap: int = 1
    """Blank lines above it, unless it is the first."""
    written: tuple[Written, ...] = field(default=(), compare=False, kw_only=True)
    """What it shows: one piece, or one for each cell of a table."""

    @property
    def text(self) -> str:
        """The text as it is selected and copied."""
        raise NotImplementedError


@dataclass(frozen=True)
class Prose(Leaf):
    """A paragraph, a heading, an item of a list."""

    spans: Spans = ()
    hang: int = 0
    """Cells by which all rows but the first are moved: the width of a list's marker, which is part of the text."""
    inline: bool = True
    """Whether the marks in its text are Markdown's."""

    @cached_property
    def text(self) -> str:
        """The text, its marker included."""
        return plain(self.spans)


@dataclass(frozen=True)
class Code(Leaf):
    """A block of code, or a part of one that is still being written."""

    text: str = ""
    language: str = ""
    begins: bool = True
    ends: bool = True


@dataclass(frozen=True)
class Table(Leaf):
    """A head, its rows, and where each column is aligned (empty: as its content suggests)."""

    cells: tuple[tuple[Spans, ...], ...] = ()
    alignment: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """Cells parted by tabs, rows by newlines."""
        return "\n".join("\t".join(plain(cell) for cell in row) for row in self.cells)


@dataclass(frozen=True)
class Rule(Leaf):
    """A line across."""

    @property
    def text(self) -> str:
        """A rule is copied as it is written."""
        return "---"


def as_written(source: str, role: str = "text", line: int = 0) -> list[Leaf]:
    """The text itself, line by line: for questions, and for all that cannot be parsed.

    It begins on a line of the whole source.
    """
    text = source.strip("\n")
    line += len(source) - len(source.lstrip("\n"))
    return [Prose(spans=((text.expandtabs(4), role),), inline=False, written=(Written(line, text),))]


def parse(source: str) -> list[Leaf]:
    """The leaves of a source that has passed `text.display`; never none for a source that is not blank."""
    return leaves_of(blocks(source), source)


def leaves_of(found: list[list[Token]], source: str) -> list[Leaf]:
    """The leaves of the blocks of a source."""
    leaves = [leaf for block in found for leaf in _block_leaves(block, source)]
    return leaves or (as_written(source) if source.strip() else [])


def blocks(source: str) -> list[list[Token]]:
    """The top-level blocks of a source, each with its tokens; none when the parser fails on it."""
    found: list[list[Token]] = []
    try:
        for token in PARSER.parse(source):
            if token.level == 0 and token.nesting >= 0:
                found.append([])
            found[-1].append(token)
    except Exception:  # noqa: BLE001  a parser's bug must not take a reply off the page
        _log.exception("a text of %d characters could not be parsed", len(source))
        return []
    return found


def _block_leaves(block: list[Token], source: str) -> list[Leaf]:
    """The leaves of one top-level block; one that is too deep, wide or long stays as it was written."""
    begin, end = block[0].map or (0, 0)
    lines = source.split("\n")[begin:end]
    columns = sum(token.type == "th_open" for token in block)
    # The parser drops what lies deeper than its limit.
    deep = max(token.level for token in block) >= PARSER.options.maxNesting - 1
    long = block[0].type != "fence" and sum(map(len, lines)) > LONGEST
    try:
        raw = deep or long or columns > MOST_COLUMNS
        return as_written("\n".join(lines), line=begin) if raw else _Walk().leaves_of(block)
    except Exception:  # noqa: BLE001  the same, for what parses text inside a block
        _log.exception("a block of %d lines could not be laid out", len(lines))
        return as_written("\n".join(lines), line=begin)


@dataclass
class _List:
    """A list that is being walked through."""

    tight: bool
    number: int | None
    delimiter: str = ""
    fresh: bool = True

    def marker(self) -> str:
        if self.number is None:
            return "– "
        self.number += 1
        return f"{self.number - 1}{self.delimiter} "


@dataclass
class _Container:
    """A quote, or an item with its marker."""

    marker: str = ""
    waits: bool = False
    """The marker is still to be put before the item's first text."""

    @property
    def prefix(self) -> tuple[str, str]:
        return (" " * len(self.marker), "text") if self.marker else ("│ ", "rule")


class _Walk:
    """Walks through a block's tokens, and remembers what it is inside of."""

    def __init__(self) -> None:
        self._leaves: list[Leaf] = []
        self._inside: list[_Container] = []
        self._lists: list[_List] = []
        self._heading = False
        self._rows: list[list[Spans]] = []
        self._cells: list[Written] = []
        self._in_table = False
        self._alignment: list[str] = []

    def leaves_of(self, block: list[Token]) -> list[Leaf]:
        for place, token in enumerate(block):
            match token.type:
                case "inline":
                    self._text(token)
                case "fence" | "code_block":
                    self._code(token)
                case "html_block":
                    text = token.content.rstrip("\n")
                    self._prose(((text.expandtabs(4), self._tone),), Written(_line(token), text), inline=False)
                case "hr":
                    self._put_markers()
                    rule = Written(_line(token), token.markup)
                    self._leaves.append(Rule(self._prefix(), self._gap(), written=(rule,)))
                case "bullet_list_open" | "ordered_list_open":
                    self._lists.append(_list(token, block[place + 1 :]))
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                case "list_item_open":
                    self._inside.append(_Container(self._lists[-1].marker(), waits=True))
                case "blockquote_open":
                    self._put_markers()
                    self._inside.append(_Container())
                case "list_item_close" | "blockquote_close":
                    self._put_markers()
                    self._inside.pop()
                case "heading_open" | "heading_close":
                    self._heading = token.nesting > 0
                case _:
                    self._table(token)
        return self._leaves

    def _table(self, token: Token) -> None:
        match token.type:
            case "table_open":
                self._put_markers()
                self._rows, self._cells, self._alignment, self._in_table = [], [], [], True
            case "tr_open":
                self._rows.append([])
            case "th_open":
                self._alignment.append(str(token.attrs.get("style", "")).rpartition(":")[2])
            case "table_close":
                cells = tuple(tuple(row) for row in self._rows)
                table = Table(
                    self._prefix(), self._gap(), cells, tuple(self._alignment), written=tuple(self._cells)
                )
                self._leaves.append(table)
                self._in_table = False

    def _text(self, token: Token) -> None:
        written = Written(_line(token), token.content)
        if self._in_table:
            self._cells.append(written)
            tone = "muted" if len(self._rows) == 1 else self._tone
            self._rows[-1].append(inline_spans(token.content, tone))
        elif self._heading:
            self._prose(inline_spans(token.content, "strong"), written, gap=1)
        else:
            self._prose(inline_spans(token.content, self._tone), written)

    def _prose(
        self, spans: Spans, written: Written | None, gap: int | None = None, *, inline: bool = True
    ) -> None:
        prefix = self._prefix()
        markers = [item for item in self._inside if item.waits]
        for item in markers:
            item.waits = False
        marked = tuple((item.marker, "faint") for item in markers)
        above = self._gap()
        hang = sum(len(item.marker) for item in markers)
        gap = above if gap is None else gap
        pieces = (written,) if written is not None else ()
        self._leaves.append(Prose(prefix, gap, (*marked, *spans), hang, inline, written=pieces))

    def _code(self, token: Token) -> None:
        self._put_markers()
        language = token.info.split()[0] if token.info.strip() else ""
        text = token.content.rstrip("\n").expandtabs(4).translate(_JOINERS)
        written = Written(_line(token) + (token.type == "fence"), token.content.rstrip("\n"))
        self._leaves.append(Code(self._prefix(), self._gap(), text, language, written=(written,)))

    def _put_markers(self) -> None:
        """Markers that no text has followed stand alone."""
        if any(item.waits for item in self._inside):
            self._prose((), None)

    def _prefix(self) -> Spans:
        return tuple(item.prefix for item in self._inside if not item.waits)

    def _gap(self) -> int:
        """None between the items of a tight list; the first of a list stands as what is around it."""
        for around in reversed(self._lists):
            if not around.fresh:
                return 0 if around.tight else 1
            around.fresh = False
        return 1

    @property
    def _tone(self) -> str:
        return "muted" if any(not item.marker for item in self._inside) else "text"


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _list(opening: Token, following: list[Token]) -> _List:
    inner = (token for token in following if token.level == opening.level + 2 and token.type == "paragraph_open")
    paragraph = next(inner, None)
    start = int(opening.attrs.get("start", 1)) if opening.type == "ordered_list_open" else None
    return _List(paragraph is None or paragraph.hidden, start, opening.markup)
