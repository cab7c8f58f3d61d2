"""How the last token of a streaming reply was decided, in a few lines: the small form of the cut view."""

from __future__ import annotations

from chatapp.conversation.decision import Candidate, TokenRecord
from chatapp.tui.cut_lines import token_span
from chatapp.tui.cut_stages import LABELS
from chatapp.tui.lines import Line, bar, ends, fit, gap
from chatapp.tui.look import Look
from chatapp.tui.widgets.sampling.view import LastToken

_ROWS = 6
_TOKEN, _FIGURE = 12, 5


def token_lines(last: LastToken, look: Look, cells: int) -> list[Line]:
    """A heading, six candidates as the model ranks them, and how many were left, in so many cells."""
    record = last.record
    lines: list[Line] = [[], ends([("This token", look.muted)], [(f"{last.number:,}", look.faint)], cells), []]
    lines += [_row(one, record, look, cells) for one in _shown(record)]
    left: Line = [(f"{record.kept:,}", look.text), (f" of {last.vocabulary:,} left, mass ", look.faint)]
    return [*lines, [*left, (_two(record.mass), look.text)]]


def _shown(record: TokenRecord) -> list[Candidate]:
    """The first six; the one drawn takes the last place where it is not among them."""
    shown = list(record.candidates[:_ROWS])
    if any(one.id == record.id for one in shown):
        return shown
    logit = record.logprob + record.log_z
    drawn = Candidate(id=record.id, hex=record.hex, special=record.special, logit=logit, p=record.p)
    return [*shown[: _ROWS - 1], drawn]


def _row(one: Candidate, record: TokenRecord, look: Look, cells: int) -> Line:
    drawn = one.id == record.id
    tone = look.strong if drawn else look.faint if one.cut else look.text
    line = fit(token_span(one, look, tone, _TOKEN - 1), _TOKEN)
    if one.cut:
        said: Line = [("× ", look.warn), (LABELS.get(one.cut, one.cut), look.faint)]
        return ends([*line, *said], [("–", look.faint)], cells)
    line += bar(one.p, cells - _TOKEN - _FIGURE - 1, look.accent if drawn else look.muted)
    return ends(line, [gap(1), (f"{_two(one.p):>{_FIGURE}}", tone)], cells)


def _two(p: float) -> str:
    """A share with two digits, as the narrow column has room for."""
    if p > 1 - 1e-6:
        return "1.00"
    return f"{min(p, 0.99):.2f}".removeprefix("0") if p >= 0.005 else "<.01" if p > 0 else ".00"
