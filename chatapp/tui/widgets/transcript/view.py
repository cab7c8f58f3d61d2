"""One message as rows: the blank lines above it, its text, and what stands below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len

from chatapp.text import counted, display, display_line
from chatapp.tui.lines import Line, clip, gap, width
from chatapp.tui.look import Look

from .called import called_rows
from .cited import set_off, spans_of
from .document import as_written, parse
from .entry import Entry
from .fields import table_of
from .layout import Layout
from .live import LiveReply
from .live_fields import LiveFields
from .notice import notice_rows
from .row import INDENT, Row

FOLDED_LINES = 6
FACTS_APART = 3
"""Blanks between the details of a message."""


@dataclass(frozen=True)
class Sheet:
    """What all messages are laid out for."""

    look: Look
    measure: int
    airy: bool = True
    """Whether two blank lines part the turns, instead of one."""

    @property
    def cells(self) -> int:
        """The width of the text."""
        return self.measure - INDENT


class Place(NamedTuple):
    """How a message stands among the others."""

    above: int
    """Blank lines above it."""
    newest: bool
    """It belongs to the last turn."""
    standing: bool
    """The reader stands on it."""


class MessageView:
    """A message and its rows, kept until something changes that they depend on."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.unfolded = False
        self._written: list[str] | None = None
        self.forget()

    def forget(self) -> None:
        """Let go of the rows; they are laid out anew when they are asked for."""
        self._sheet: Sheet | None = None
        self._layout: Layout | LiveReply | LiveFields | None = None
        self._body: list[Row] | None = None
        self._rows: tuple[Place, list[Row]] | None = None

    def replace(self, entry: Entry) -> None:
        """Show another state of the message; one that was being written is final now."""
        self.entry = entry
        self._written = None
        self.forget()

    def begin(self, entry: Entry) -> None:
        """Show a message that goes on being written."""
        self.replace(entry)
        self._written = [entry.text]

    def feed(self, text: str) -> None:
        """More was written."""
        if self._written is not None:
            self._written.append(text)
            if isinstance(self._layout, LiveReply | LiveFields):
                self._layout.feed(text)
            self._body = self._rows = None

    @property
    def source(self) -> str:
        """The text as it was written so far."""
        return self.entry.text if self._written is None else "".join(self._written)

    @property
    def streams(self) -> bool:
        """Whether it is still being written."""
        return self._written is not None

    @property
    def is_laid_out(self) -> bool:
        """Whether rows are kept, so that the height is exact."""
        return self._body is not None

    @property
    def folds(self) -> bool:
        """Whether it is a question of more lines than are shown at rest, or has calls of tools."""
        if self.entry.called:
            return True
        return self.entry.asks and isinstance(self._layout, Layout) and len(self._layout.rows) > FOLDED_LINES

    @property
    def turns(self) -> bool:
        """Whether it is shown as a table, and its source can be."""
        return self.entry.fields and not self.streams and bool(table_of(self.entry.text))

    def toggle(self) -> None:
        """Open or fold a long question; show a table, or the JSON that it was made of."""
        self.unfolded = not self.unfolded
        self._layout = None
        self._body = self._rows = None

    def rows(self, sheet: Sheet, place: Place) -> list[Row]:
        """All rows of the message."""
        if self._sheet != sheet:
            self.forget()
            self._sheet = sheet
        if self._body is None:
            self._body = self._lay_out(sheet)
        if self._rows is None or self._rows[0] != place:
            self._rows = (place, self._framed(self._body, sheet, place))
        return self._rows[1]

    def text(self, sheet: Sheet) -> str:
        """The rendered text, whose characters selections count."""
        if self._layout is None:
            self._body, self._sheet = self._lay_out(sheet), sheet
        return self._layout.text if self._layout is not None else ""

    def _lay_out(self, sheet: Sheet) -> list[Row]:
        """The rows of the rule, of the text and of the notice."""
        body = self._said(sheet)
        if self.entry.pinned and body:
            body[0].pinned = True
        if self.entry.rule:
            rest = [Row([], barred=False), *body] if self.source else []
            return [_rule(self.entry.rule, sheet), *rest]
        return body

    def _said(self, sheet: Sheet) -> list[Row]:
        if self._written is not None:
            if not isinstance(self._layout, LiveReply | LiveFields):
                kind = LiveFields if self.entry.fields else LiveReply
                self._layout = kind(sheet.look, sheet.cells, self.source)
            return self._layout.lay_out()
        body = self._question(sheet) if self.entry.asks else self._reply(sheet)
        if self.entry.called:
            body += [Row([])] if body else []
            body += called_rows(self.entry.called, sheet.look, sheet.cells, unfolded=self.unfolded)
        if self.entry.notice is not None:
            body += [Row([])] if body else []
            body += notice_rows(self.entry.notice, sheet.look, sheet.cells)
        return body

    def _reply(self, sheet: Sheet) -> list[Row]:
        layout = self._layout = Layout(sheet.look, sheet.cells)
        if self.entry.fields and (tables := table_of(self.entry.text)):
            leaves = as_written(display(self.entry.text)) if self.unfolded else tables
            return list(layout.add(leaves).rows)
        rows = list(layout.add(parse(display(self.entry.text))).rows)
        set_off(rows, spans_of(self.entry.cited, layout.text), sheet.look)
        return rows

    def _question(self, sheet: Sheet) -> list[Row]:
        layout = self._layout = Layout(sheet.look, sheet.cells)
        rows = list(layout.add(as_written(display(self.entry.text), "strong")).rows)
        rows[0].mark = ("›", sheet.look.accent)
        rows[:0] = [_chip(name, facts, sheet) for name, facts in self.entry.files]
        hidden = len(rows) - FOLDED_LINES
        if hidden <= 0 or self.unfolded:
            return rows
        more = f"… {counted(hidden, 'more line')}, enter opens"
        return [*rows[:FOLDED_LINES], Row([(more, sheet.look.muted)], at=rows[FOLDED_LINES].at)]

    def _framed(self, body: list[Row], sheet: Sheet, place: Place) -> list[Row]:
        """The text with the blank lines above it and the details below it."""
        look = sheet.look
        siblings = self._siblings()
        above = [Row([], barred=False) for _ in range(max(place.above, 1 if siblings else 0))]
        if siblings:
            style = look.accent if place.newest or place.standing else look.faint
            above[-1].line = [gap(sheet.cells - len(siblings)), (siblings, style)]
        below: list[Row] = []
        if place.standing and (siblings or self.entry.details):
            below = [Row([]), *map(Row, _details(siblings, display_line(self.entry.details), sheet))]
        return [*above, *body, *below]

    def _siblings(self) -> str:
        which, many = self.entry.place
        return f"‹{which}/{many}›" if many > 1 else ""


def _rule(words: str, sheet: Sheet) -> Row:
    """Words in a rule across the page."""
    said = clip(words, sheet.cells - 5)
    line: Line = [("── ", sheet.look.rule), (said, sheet.look.muted)]
    return Row([*line, (f" {'─' * (sheet.cells - width(line) - 1)}", sheet.look.rule)])


def _chip(name: str, facts: str, sheet: Sheet) -> Row:
    whole, said = display_line(name), display_line(facts)
    shown = clip(whole, max(sheet.cells // 2, sheet.cells - cell_len(said) - FACTS_APART))
    facts = clip(said, sheet.cells - cell_len(shown) - FACTS_APART)
    row = Row([(shown, sheet.look.text), gap(FACTS_APART), (facts, sheet.look.muted)])
    row.mark = ("▤", sheet.look.third)
    return row


def _details(siblings: str, details: str, sheet: Sheet) -> list[Line]:
    """The siblings, then one fact after the other, on as many lines as they need; no fact is parted."""
    facts = [(siblings, sheet.look.accent)] if siblings else []
    facts += [(fact, sheet.look.muted) for fact in filter(None, details.split(" " * FACTS_APART))]
    lines: list[Line] = [[]]
    for fact, style in facts:
        if lines[-1] and width(lines[-1]) + FACTS_APART + cell_len(fact) > sheet.cells:
            lines.append([])
        lines[-1] += [gap(FACTS_APART)] if lines[-1] else []
        lines[-1].append((clip(fact, sheet.cells), style))
    return lines
