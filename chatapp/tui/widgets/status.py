"""The status line: one line, one place, one state at a time, with the one key that matters now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.lines import Line, Span, clip, ends, fit, gap, keys, meter, strip, width
from chatapp.tui.look import Look, look_of
from chatapp.tui.page import page_geometry

METER_CELLS = 12
CONTEXT_CELLS = 8
Tone = Literal["accent", "muted", "warn", "err"]


@dataclass(frozen=True)
class State:
    """What the line says: a mark, a word, facts that follow it, and the keys at its end."""

    word: str
    mark: str = ""
    tone: Tone = "accent"
    share: float | None = None
    """How far something has come, 0 to 1, drawn as a rule with its percentage."""
    facts: tuple[str, ...] = ()
    aside: str = ""
    """A fact of less weight, such as what was kept."""
    keys: tuple[tuple[str, str], ...] = ()
    quiet: bool = False
    """Nothing happens: the word steps back."""


READY = State("ready", quiet=True)
STARTING = State("starting", "○")
STANDING = State(
    "",
    "▎",
    keys=(
        ("← →", "sibling"),
        ("e", "edit"),
        ("r", "again"),
        ("c", "copy"),
        ("t", "branches"),
        ("d", "details"),
        ("p", "pin"),
        ("i", "prompt"),
        ("esc", "write"),
        ("g G", "ends"),
    ),
)


ON_BORDER = State(
    "", "▎", keys=(("u", "undo"), ("e", "rewrite"), ("c", "copy"), ("esc", "write"), ("g G", "ends"))
)


@dataclass(frozen=True)
class Context:
    """Tokens used of the context window."""

    used: int
    total: int


def context_meter(look: Look, context: Context) -> Line:
    """`━─────── 1,284 / 8,192`."""
    share = context.used / context.total if context.total else 0.0
    return [
        *meter(share, CONTEXT_CELLS, look.muted, look.track),
        gap(2),
        (f"{context.used:,}", look.text),
        (f" / {context.total:,}", look.faint),
    ]


def status_line(look: Look, measure: int, state: State, context: Context | None) -> Line:
    """The line for a state, on so many cells; the context stands at its end where there is one."""
    tone = {"accent": look.accent, "muted": look.muted, "warn": look.warn, "err": look.err}[state.tone]
    loud = tone if state.tone in {"warn", "err"} else look.muted if state.quiet else look.text
    mark: Line = [(f"{state.mark} ", tone)] if state.mark else []
    left: Line = [gap(2), *mark, (state.word, loud)]
    if state.share is not None:
        percent = f" {100 * state.share:>3.0f} %"
        left += [gap(3), *meter(state.share, METER_CELLS, look.accent, look.track), (percent, look.muted)]
    end = context_meter(look, context) if context else []
    # What does not fit is left out: later keys first, then facts, never the state and its one key.
    room = measure - width(end) - 3 * bool(end)
    first_key = keys(state.keys[:1], look.text, look.faint)
    facts: list[Span] = [(fact, look.muted) for fact in state.facts]
    facts += [(state.aside, look.faint)] if state.aside else []
    if facts and state.tone == "warn":  # why it warns is said as far as there is room for it
        room_left = room - width(left) - 3 - width(first_key) - 3 * bool(first_key)
        facts[0] = (clip(facts[0][0], room_left), facts[0][1])
    for fact in facts:
        if width(left) + 3 + cell_len(fact[0]) + width(first_key) + 3 * bool(first_key) <= room:
            left += [gap(3), fact]
    does: Line = []
    for count in range(1, len(state.keys) + 1):
        more = keys(state.keys[:count], look.text, look.faint)
        if width(left) + 3 + width(more) <= room:
            does = more
    # With the context at the end, the keys follow the facts.
    return ends([*left, gap(3), *does], end, measure) if end else ends(left, does, measure)


class StatusLine(Widget):
    """Draws the state; repaints only when it changed."""

    DEFAULT_CSS = "StatusLine { height: 1; background: $background; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._state = STARTING
        self._meter: Context | None = None

    @property
    def state(self) -> State:
        """What is shown."""
        return self._state

    def show(self, state: State, context: Context | None) -> None:
        """Say a state; `context` only where no other place shows it."""
        if (state, context) != (self._state, self._meter):
            self._state, self._meter = state, context
            self.refresh()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The one line."""
        look = look_of(self.app)
        x, measure = page_geometry(self.size.width)
        line = [gap(x), *fit(status_line(look, measure, self._state, self._meter), measure)]
        return strip(line if y == 0 else [], self.size.width, look.ground)
