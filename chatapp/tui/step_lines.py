"""Step mode as lines: what was said so far, whose choice each token was, and what the keys do."""

from __future__ import annotations

from chatapp.conversation.decision import Token, TokenRecord
from chatapp.conversation.message import Message
from chatapp.text import display_token
from chatapp.tui.cut_lines import View, token_span
from chatapp.tui.cut_page import NARROW
from chatapp.tui.lines import Line, clip, ends, fit, keys, width
from chatapp.tui.look import Look

_LONGEST = 16
"""Cells of a token."""


def said(reply: Message, begun: int, look: Look, cells: int) -> Line:
    """The tokens of the steps, as many of the last as there is room for; those that a person chose stand out.

    Args:
        reply: The reply in the making.
        begun: Tokens that it had before the first step.
        look: The colours.
        cells: Room.
    """
    records = reply.records[begun:]
    chosen = {place - begun for place in reply.provenance.chosen}
    yours = sum(place in chosen for place in range(len(records)))
    right: Line = [(f"{len(records) - yours:,} drawn  ", look.faint), (f"{yours:,} yours", look.accent)]
    room = cells - width(right) - 10
    line: Line = []
    for place in reversed(range(len(records))):
        record = records[place]
        token = _token(record, look, mine=place in chosen) if record else [("…", look.faint)]
        if width(token) + width(line) > room:
            line = [("…", look.faint), *line]
            break
        line = [*token, *line]
    if not records:
        line = [("nothing is kept before the first token", look.faint)]
    return ends([("steps", look.strong), ("   ", look.faint), *line], right, cells)


def _token(record: TokenRecord, look: Look, *, mine: bool) -> Line:
    text = clip(display_token(record.data, special=record.special), _LONGEST)
    return [(text, look.strong + look.accent if mine else look.muted)]


def step_keys(view: View | None, look: Look, cells: int) -> Line:
    """What the keys do in steps; the token that enter takes first."""
    if view is None:
        return keys([("esc", "page")], look.muted, look.faint)
    row = view.seen.decision.rows[view.row]
    drawn = row.id == view.seen.decision.draw.token.id
    token = Token(id=row.id, hex=row.hex, special=row.special)
    line: Line = [
        ("enter", look.muted),
        (" takes what is drawn " if drawn and cells >= NARROW else " takes ", look.faint),
    ]
    line += [*token_span(token, look, look.strong, _LONGEST), ("   ", look.faint)]
    pairs = [("1–9", "choose"), ("backspace", "back"), ("space", "run on"), ("- +", "turn"), ("esc", "keep")]
    while len(pairs) > 2 and width(line) + width(keys(pairs, look.muted, look.faint)) > cells:
        pairs.pop(-2)
    return fit([*line, *keys(pairs, look.muted, look.faint)], cells)
