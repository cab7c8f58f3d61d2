"""Making a prompt fit into the context window: planned exactly before it is sent, and never cut in silence.

What leaves is left out by a border that is kept with the session, drawn on the page, and can be undone: a bare
cut, or a summary that the model writes. More leaves at once than is needed, so that the beginning of the prompt,
and with it the KV cache, stays the same for some turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.conversation.attachment import Attachment, content
from chatapp.conversation.context import ContextPlan, Policy, plan_of, reserve_for
from chatapp.conversation.message import Message, Role
from chatapp.conversation.prompt import Part, Piece, Turn, pieces
from chatapp.conversation.sampling import SamplingSettings
from chatapp.conversation.session import Session
from chatapp.conversation.window import Window, window_of
from chatapp.engine.client import Engine
from chatapp.errors import Refusal
from chatapp.text import counted
from chatapp.tools.offer import offer

SLACK_SHARE = 4
"""A quarter of the window is freed beyond what is needed."""
SUMMARY_SHARE, LONGEST_SUMMARY = 8, 400
"""A summary takes at most an eighth of the window, and at most so many tokens."""
_COUNTED: dict[tuple[str, bytes], int] = {}
"""Tokens of what comes from files, by vocabulary and text."""
_MOST_COUNTED = 1000
_MARGIN = 160
"""Tokens around the text that is summarised: what the model is asked, and the template."""
_ASKED = (
    "You keep the memory of a conversation. Write down in a few plain sentences what must not be forgotten of the "
    "part that you are given: names, facts, numbers, decisions, open questions. Write nothing else."
)
_SPEAKERS = {Role.USER: "User", Role.ASSISTANT: "Assistant", Role.SYSTEM: "Earlier"}


class NoRoom(Refusal):
    """The context window is full, and nothing was done about it; the sentence says by how much."""

    def __init__(self, plan: ContextPlan, why: str = "") -> None:
        super().__init__("context", why or sentence(plan))
        self.plan = plan


def sentence(plan: ContextPlan) -> str:
    """By how much a prompt does not fit."""
    kept = f", with {plan.reserve:,} kept for the reply" if plan.leaves_room else ""
    return f"{counted(plan.over, 'token')} too many for the context window of {plan.size:,}{kept}."


@dataclass(frozen=True)
class Prompt:
    """A prompt as it will be sent, with the plan that says what is in it."""

    pieces: tuple[Piece, ...]
    window: Window
    plan: ContextPlan
    counts: tuple[int, ...]
    """Tokens of each piece."""

    @property
    def open_last(self) -> bool:
        """Whether the last turn is a reply that goes on."""
        return bool(self.pieces) and self.pieces[-1].part is Part.REPLY

    @property
    def turns(self) -> list[Turn]:
        """The turns that are sent."""
        return [piece.turn for piece in self.pieces]


async def prepare(
    session: Session,
    engine: Engine,
    path: Sequence[Message],
    *,
    draft: str = "",
    files: Sequence[Attachment] = (),
    reply: Message | None = None,
) -> Prompt:
    """The prompt for a path, counted by the engine.

    Args:
        session: Gives the persona, the borders and the settings.
        engine: Counts; a model must be loaded.
        path: The messages up to the question, or up to the last reply where a draft follows.
        draft: What the person is about to say.
        files: What goes with the draft.
        reply: The reply as far as it is written; it is left open where nothing follows.

    Raises:
        EngineError: when the prompt cannot be made.
        EngineDied: when the process has ended.
    """
    if (draft or files) and reply is not None:  # what is written of it is history for what follows
        path, reply = [*path, reply], None
    window = window_of(session.tree, path)
    tokenizer = engine.info.tokenizer if engine.info else ""
    prompt = pieces(
        session.persona,
        window.seen,
        tokenizer,
        tools=offer(session),
        summary=window.summary,
        draft=draft,
        files=files,
        reply=reply,
    )
    counted = await engine.prompts.plan(
        [piece.turn for piece in prompt],
        template=session.persona.template,
        open_last=reply is not None,
    )
    size = engine.info.n_ctx if engine.info else 0
    leaving = window.may_leave(keep_last=not (draft or files))
    plan = plan_of(
        prompt,
        counted.turns,
        counted.opening,
        from_files=[await file_tokens(engine, piece.files) for piece in prompt],
        size=size,
        reserve=reserve_for(session.sampling().settings, size),
        left_out=len(window.left_out),
        leaves_next=[message.id for message in leaving[0]] if leaving else (),
    )
    return Prompt(tuple(prompt), window, plan, counted.turns)


async def file_tokens(engine: Engine, text: str) -> int:
    """Tokens of what a message's content takes from its files; each text is counted once for a vocabulary.

    Raises:
        EngineError: when no model is loaded.
        EngineDied: when the process has ended.
    """
    if not text:
        return 0
    key = (engine.info.tokenizer if engine.info else "", hashlib.sha256(text.encode()).digest())
    if key not in _COUNTED:
        if len(_COUNTED) >= _MOST_COUNTED:
            _COUNTED.clear()
        _COUNTED[key] = len(await engine.prompts.tokenize(text))
    return _COUNTED[key]


def turns_of(session: Session, tokenizer: str) -> list[Turn]:
    """The turns of the path in view, as far as they are in the context window."""
    window = window_of(session.tree, session.tree.path())
    prompt = pieces(session.persona, window.seen, tokenizer, tools=offer(session), summary=window.summary)
    return [piece.turn for piece in prompt]


def border_by_dropping(prompt: Prompt, *, keep_last: bool) -> Message | None:
    """The message after which the window begins when the oldest turns are left out."""
    plan = prompt.plan
    need = plan.over + plan.size // SLACK_SHARE
    return prompt.window.border_for(dict(plan.messages), need, keep_last=keep_last)


def border_by_summary(prompt: Prompt, *, keep_last: bool) -> Message | None:
    """The message up to which is summarised next: no more at once than the model can read."""
    plan = prompt.plan
    tokens = summary_tokens(plan.size)
    need = plan.over + plan.size // SLACK_SHARE + tokens
    most = plan.size - tokens - plan.summary - _MARGIN
    return prompt.window.border_for(dict(plan.messages), need, keep_last=keep_last, most=max(0, most))


def leaving(prompt: Prompt, policy: Policy) -> int:
    """How many messages leave the window before a draft that does not fit is sent; 0 where it is not sent."""
    if policy is Policy.STOP:
        return 0
    choose = border_by_dropping if policy is Policy.DROP else border_by_summary
    last = choose(prompt, keep_last=False)
    count = 0
    for turn in prompt.window.may_leave(keep_last=False) if last is not None else ():
        count += len(turn)
        if last in turn:
            break
    return count


def summary_tokens(size: int) -> int:
    """How long a summary may become."""
    return max(16, min(LONGEST_SUMMARY, size // SUMMARY_SHARE))


async def summary_request(engine: Engine, window: Window, border: Message) -> tuple[list[Turn], SamplingSettings]:
    """What the model is asked, so that it sums up what leaves the window before a border.

    Texts that are too long together are shortened in their middle.
    """
    size = engine.info.n_ctx if engine.info else 0
    said = _leaving(window, border)
    longest = max(len(content(message.text, message.files)) for message in said)
    while True:
        asked = _summary_turns(said, longest)
        if longest <= 1 or await engine.prompts.count(asked) + summary_tokens(size) <= size:
            return asked, SamplingSettings(temperature=0.2, top_k=40, max_tokens=summary_tokens(size))
        longest = longest * 2 // 3


def _leaving(window: Window, border: Message) -> list[Message]:
    """The summary before, and the messages from its border to the next."""
    earlier = [window.border] if window.border is not None and window.summary.strip() else []
    leaving: list[Message] = []
    for turn in window.may_leave(keep_last=False):
        leaving += turn
        if border in turn:
            break
    return [*earlier, *leaving]


def _summary_turns(said: Sequence[Message], longest: int) -> list[Turn]:
    parts = [
        f"{_SPEAKERS[message.role]}: {_shortened(content(message.text, message.files).strip(), longest)}"
        for message in said
    ]
    text = "\n\n".join(parts)
    return [
        Turn(role=Role.SYSTEM, content=_ASKED),
        Turn(role=Role.USER, content=f"{text}\n\n---\nWhat must not be forgotten of this?"),
    ]


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} […] {text[len(text) - half :]}"
