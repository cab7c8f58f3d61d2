"""The running turn in numbers, and the state of the status line that follows from it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from chatapp.chat import Chat
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.tui.entries import resting_state
from chatapp.tui.loader import ModelState
from chatapp.tui.widgets.status import State

WINDOW_SECONDS = 1.0
STOP = (("esc", "stop"),)


class Progress:
    """Counts what the running turn does. Rates are averaged over one second, so that they can be read."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A turn starts."""
        self._started = time.monotonic()
        self._first: float | None = None
        self._drawn: deque[tuple[float, int]] = deque()
        self.prefill: Prefill | None = None
        self.tokens = 0

    def hear(self, event: Prefill | Tokens) -> None:
        """Something came from the engine; called for every token."""
        if isinstance(event, Prefill):
            self.prefill = event
            return
        now = time.monotonic()
        if self._first is None and event.text:
            self._first = now - self._started
        self.tokens += len(event.token_ids)
        self._drawn.append((now, len(event.token_ids)))
        while self._drawn and self._drawn[0][0] < now - WINDOW_SECONDS:
            self._drawn.popleft()

    def context_used(self) -> int | None:
        """Tokens in the context window while the turn runs, as far as they are known."""
        return self.prefill.kept + self.prefill.done + self.tokens if self.prefill else None

    def state(self) -> State:
        """Reading while the prompt is evaluated, then writing."""
        if self._first is None and self.tokens == 0:
            return self._reading()
        span = self._drawn[-1][0] - self._drawn[0][0] if len(self._drawn) > 1 else 0.0
        rate = sum(count for _, count in list(self._drawn)[1:]) / span if span else 0.0
        facts = (f"{self.tokens:,} tokens", f"first {self._first:.2f} s" if self._first is not None else "")
        return State(f"{rate:5.1f} tok/s".strip(), "●", facts=tuple(filter(None, facts)), keys=STOP)

    def _reading(self) -> State:
        read = self.prefill
        if read is None or not read.total:
            return State("reading", "◐", keys=STOP)
        kept = f"{read.kept:,} kept" if read.kept else ""
        facts = (f"{read.done:,} / {read.total:,}",)
        return State("reading", "◐", share=read.done / read.total, facts=facts, aside=kept, keys=STOP)


def _without_model(model: ModelState, waiting: tuple[str, ...]) -> State:
    """Why there is none, and how to get one."""
    again = (("ctrl+r", "try again"),) if model.file else ()
    facts = (model.short or model.problem, *waiting)
    word = "engine stopped" if model.died else "no model"
    return State(word, "!", "err", facts=facts, keys=(*again, ("ctrl+o", "another")))


def state_of(
    model: ModelState, chat: Chat, progress: Progress, waits: int, unsaved: str, *, temporary: bool
) -> State:
    """The one state that matters now."""
    waiting = (f"{waits} wait{'s' if waits == 1 else ''}",) if waits else ()
    if unsaved:
        state = State("not saved", "!", "warn", facts=(unsaved,))
    elif chat.streaming is not None:
        running = progress.state()
        state = replace(running, facts=running.facts + waiting)
    elif model.problem:
        state = _without_model(model, waiting)
    elif model.file is not None and not model.ready:
        keys = (("↑", "take it back"), *STOP) if waits else (*STOP, ("ctrl+o", "other model"))
        state = State("loading", "○", share=model.share, facts=waiting, keys=keys)
    elif waiting:
        state = State("busy", "○", facts=(*waiting, "another session is writing"))
    else:
        state = resting_state(chat.session.tree.tip())
    if temporary and state.quiet:
        state = replace(state, facts=("temporary: nothing is written",))
    return state
