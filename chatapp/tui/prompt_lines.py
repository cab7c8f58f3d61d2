"""A prompt token by token, as rows of a page: pure functions from what the engine says to lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from chatapp.conversation.context import PARTS, ContextPlan
from chatapp.conversation.message import Provenance
from chatapp.conversation.prompt import Part
from chatapp.engine.protocol import CacheUse, Inspected
from chatapp.fitting import Prompt
from chatapp.text import counted, display, display_line
from chatapp.tui.lines import Line, bar, ends, gap
from chatapp.tui.look import Look

PART_NAMES = {
    "system": "system",
    "summary": "summary",
    "examples": "examples",
    "greeting": "greeting",
    "memory": "memory",
    "tools": "tools",
    "files": "files",
    "history": "history",
    "draft": "draft",
    "reply": "this reply",
}
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")
_BAR = 8


@dataclass(frozen=True)
class Shown:
    """All that the page shows: the tokens, what they are there for, and how the last reply came by them."""

    prompt: Prompt
    tokens: Inspected
    came: Provenance | None = None
    """Of the last reply, if the prompt holds it."""
    why: str = ""
    """Where the KV cache and the prompt parted, and why."""

    @property
    def reused(self) -> int:
        """Tokens from the start on that the last reply found in the KV cache."""
        return self.came.reused_tokens if self.came else 0

    @property
    def read(self) -> int:
        """Tokens from the start on that were the last reply's prompt."""
        return self.came.prompt_tokens if self.came else 0

    def part_of(self, owner: int) -> str:
        """What a token is there for."""
        pieces = self.prompt.pieces
        return pieces[owner].part if owner < len(pieces) else Part.REPLY


def summary(shown: Shown) -> str:
    """The tokens of the last reply by where they came from."""
    total = len(shown.tokens.token_ids)
    if not shown.read:
        return counted(total, "token")
    parts = [counted(total, "token"), f"{shown.reused:,} reused", f"{shown.read - shown.reused:,} read"]
    rest = total - shown.read
    return "   ".join([*parts, f"{rest:,} since"] if rest > 0 else parts)


def break_of(prompt: Prompt | None, cache: CacheUse | None, *, foreign: bool) -> str:
    """Where the prompt of the last reply left what the KV cache held, and why, in a sentence."""
    if prompt is None or cache is None:
        return ""
    if not cache.held:
        return "The KV cache was empty."
    if not cache.old and not cache.new:
        return "All that the KV cache held of it was used."
    place = f"The cache broke at token {cache.shared + 1:,}: {_reason(prompt, cache.shared, foreign=foreign)}."
    held, has = (display_line(_shown(text)) for text in (cache.old, cache.new))
    return f"{place} It held “{held}”, the prompt has “{has}”."


def _reason(prompt: Prompt, shared: int, *, foreign: bool) -> str:
    if foreign:
        return "another session was in between"
    end, numbers = 0, 0
    for piece, tokens in zip(prompt.pieces, prompt.counts, strict=True):
        end += tokens
        numbers += piece.part is Part.HISTORY
        if shared < end:
            break
    else:
        return "the reply begins there"
    if piece.part is not Part.HISTORY:
        return {
            Part.SYSTEM: "the system prompt changed",
            Part.SUMMARY: "the summary changed",
            Part.REPLY: "another reply was there",
        }.get(piece.part, "the persona changed")
    if numbers == 1 and prompt.window.left_out:
        return "the window begins at another message"
    return f"message {numbers + len(prompt.window.left_out):,} is a different one"


def _shown(text: str) -> str:
    return "".join(_pieces(text)).replace("\n", "↵")


# Rows -----------------------------------------------------------------------------------------------------------


def rows(shown: Shown, look: Look, cells: int, *, boundaries: bool) -> list[Line]:
    """The tokens, wrapped; a mark in the margin tells which were reused, read, or written since."""
    special = set(shown.tokens.special)
    lines: list[Line] = []
    line: Line = []
    used = 0
    grounds = boundaries and look.grounds and not look.no_color
    for place, text in enumerate(shown.tokens.texts):
        style = _style(shown, place, look, special=place in special)
        if grounds and place % 2:
            style += look.alternate
        if not line and not used:
            line = [_mark(shown, place, look)]
        if boundaries and not grounds and used:
            line.append(("│", look.faint))
            used += 1
        for piece in _pieces(text):
            for cut in _cut(piece, cells, used):
                if used and used + cell_len(cut) > cells:
                    lines.append(line)
                    line, used = [_mark(shown, place, look)], 0
                line.append(("↵" if cut == "\n" else cut, look.faint if cut == "\n" else style))
                used += cell_len(cut) or 1
                if cut == "\n":
                    lines.append(line)
                    line, used = [], 0
    return [*lines, line] if used else lines


def _style(shown: Shown, place: int, look: Look, *, special: bool) -> Style:
    if special:
        return look.third + Style(bold=True, underline=look.no_color)
    owner = shown.part_of(shown.tokens.owners[place])
    return look.muted if owner in {Part.SYSTEM, Part.SUMMARY, Part.EXAMPLES, Part.GREETING} else look.text


def _mark(shown: Shown, place: int, look: Look) -> tuple[str, Style]:
    if place < shown.reused or not shown.read:
        return "  ", look.faint
    return ("▎ ", look.accent) if place < shown.read else ("· ", look.faint)


def _pieces(text: str) -> Iterator[str]:
    """A token's text made harmless: control characters by their numbers, newlines apart."""
    safe = display(_CONTROL.sub(lambda match: f"<{ord(match[0]):02X}>", text)).replace("\t", "→   ")
    yield from (piece for piece in re.split("(\n)", safe) if piece)


def _cut(piece: str, cells: int, used: int) -> Iterator[str]:
    """A piece that is wider than a line, by the character."""
    if cell_len(piece) <= max(1, cells - used) or cell_len(piece) <= cells:
        yield piece
    else:
        yield from piece


def part_lines(plan: ContextPlan, look: Look, cells: int) -> list[Line]:
    """Each part with its tokens, then what is kept for the reply, and what is free."""
    named = [(PART_NAMES[part], getattr(plan, part)) for part in PARTS if getattr(plan, part)]
    # What is kept may be more than there is left.
    kept = min(plan.reserve, max(0, plan.size - plan.prompt))
    lines: list[Line] = []
    for name, tokens in [*named, ("kept for the reply", kept), ("free", plan.free)]:
        share = tokens / plan.size if plan.size else 0.0
        figure: Line = [*bar(share, _BAR, look.muted), gap(1), (f"{tokens:>6,}", look.text)]
        lines.append(ends([(name, look.muted)], figure, cells))
    if plan.left_out:
        lines.append(ends([("left out", look.muted)], [(counted(plan.left_out, "message"), look.faint)], cells))
    return lines
