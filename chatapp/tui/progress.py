"""The running turn in numbers, and the state of the status line that follows from it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from chatapp.chat import Chat
from chatapp.conversation.context import ContextPlan, Policy
from chatapp.conversation.message import Kind
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.fitting import NoRoom, Prompt, leaving
from chatapp.parts import Step
from chatapp.text import counted, display_line
from chatapp.tui.entries import resting_state, ways_out
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
        self._read: deque[tuple[float, int]] = deque()
        self.tokens = 0
        self.step: Step | None = None
        """How far a document is read by parts."""

    def hear(self, event: Step | Prefill | Tokens) -> None:
        """Something came from the engine; called for every token."""
        if isinstance(event, Step):
            self.step = event
            return
        now = time.monotonic()
        if isinstance(event, Prefill):
            self.prefill = event
            self._read.append((now, event.done))
            while len(self._read) > 2 and self._read[0][0] < now - WINDOW_SECONDS:
                self._read.popleft()
            return
        if not event.id:
            return  # nobody drew them, and the plan counts them with the prompt
        if self._first is None and event.text:
            self._first = now - self._started
        self.tokens += len(event.token_ids)
        self._drawn.append((now, len(event.token_ids)))
        while self._drawn and self._drawn[0][0] < now - WINDOW_SECONDS:
            self._drawn.popleft()

    def state(self) -> State:
        """Reading while the prompt is evaluated, then writing."""
        if (step := self.step) is not None:
            word = f"part {step.place:,} of {step.of:,}" if step.round == 0 else "bringing together"
            left = (f"{duration(step.left_s)} left",) if step.left_s is not None else ()
            return State(word, "◐", share=step.done / step.total, facts=left, keys=STOP)
        if self._first is None and self.tokens == 0:
            return self._reading()
        span = self._drawn[-1][0] - self._drawn[0][0] if len(self._drawn) > 1 else 0.0
        rate = sum(count for _, count in list(self._drawn)[1:]) / span if span else 0.0
        word = f"{rate:5.1f} tok/s".strip() if rate else "writing"
        facts = (counted(self.tokens, "token"), f"first {self._first:.2f} s" if self._first is not None else "")
        return State(word, "●", facts=tuple(filter(None, facts)), keys=STOP)

    def _reading(self) -> State:
        read = self.prefill
        if read is None or not read.total:
            return State("reading", "◐", keys=STOP)
        kept = f"{read.kept:,} kept" if read.kept else ""
        facts = (f"{read.done:,} / {read.total:,}", *self._pace_of_reading(read))
        return State("reading", "◐", share=read.done / read.total, facts=facts, aside=kept, keys=STOP)

    def _pace_of_reading(self, read: Prefill) -> tuple[str, ...]:
        """Tokens of the prompt read in a second, and how long the rest takes at that rate."""
        (since, first), (now, last) = self._read[0], self._read[-1]
        if now <= since or last <= first:
            return ()
        rate = (last - first) / (now - since)
        return (f"{rate:,.0f} tok/s", f"{duration((read.total - read.done) / rate)} left")


def _without_model(model: ModelState, waiting: tuple[str, ...]) -> State:
    """Why there is none, and how to get one."""
    again: tuple[tuple[str, str], ...] = (("ctrl+r", "try again"),) if model.file else ()
    if model.instead is not None:
        again = (("ctrl+r", f"load {display_line(model.instead.name)}"),)
    facts = (model.short or model.problem, *waiting)
    word = "engine stopped" if model.died else "no model"
    return State(word, "!", "err", facts=facts, keys=(*again, ("ctrl+o", "another")))


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def room_state(chat: Chat, prompt: Prompt | None, refused: NoRoom | None) -> State | None:
    """What the line says about a message that does not fit: one that waits, or one that is being written."""
    if refused is not None:
        plan = refused.plan
        return State("no room", "!", "warn", facts=(_of_window(plan), _too_many(plan)), keys=ways_out(refused))
    if prompt is None or not prompt.plan.draft or prompt.plan.fits:
        return None
    leaves = leaving(prompt, chat.room.policy)
    if leaves == 0:
        return State("no room", "!", "warn", facts=(_of_window(prompt.plan), _too_many(prompt.plan)))
    does = "are summed up" if chat.room.policy is Policy.SUMMARISE else "leave"
    return State("ready", quiet=True, facts=(f"the oldest {counted(leaves, 'message')} {does} the window",))


def _of_window(plan: ContextPlan) -> str:
    return f"{plan.prompt:,} / {plan.size:,}"


def _too_many(plan: ContextPlan) -> str:
    return f"{plan.over:,} too many"


def state_of(
    model: ModelState, chat: Chat, progress: Progress, waits: int, unsaved: str, *, temporary: bool
) -> State:
    """The one state that matters now."""
    waiting = (f"{waits} wait{'s' if waits == 1 else ''}",) if waits else ()
    if unsaved:
        state = State("not saved", "!", "warn", facts=(unsaved,))
    elif chat.streaming is not None:
        running = progress.state()
        if chat.streaming.kind is Kind.SUMMARY:
            running = replace(running, facts=("of a summary", *running.facts))
        state = replace(running, facts=running.facts + waiting)
    elif model.problem:
        state = _without_model(model, waiting)
    elif model.file is not None and not model.ready:
        keys = (("↑", "take it back"), *STOP) if waits else (*STOP, ("ctrl+o", "other model"))
        state = State("loading", "○", share=model.share, facts=waiting, keys=keys)
    elif waiting:
        state = State("busy", "○", facts=(*waiting, "another session is writing"))
    else:
        state = resting_state(chat.session.tree.tip(), chat.room.policy)
    if temporary and state.quiet:
        state = replace(state, facts=("temporary: nothing is written",))
    return state
