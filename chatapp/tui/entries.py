"""From a chat to what the page shows: its entries, the line under a message, and the state of the status line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chatapp.chat import Chat
from chatapp.conversation.message import Message, Role, Status, StopReason
from chatapp.conversation.sampling import SamplingSettings, preset_named, resolve
from chatapp.conversation.tree import Tree
from chatapp.tui.widgets.status import READY, State
from chatapp.tui.widgets.transcript import Entry, Notice

GO_ON = (("enter", "continue from here"), ("ctrl+r", "again from the start"))
RESUME = (("enter", "continue"), ("ctrl+r", "again"))
NO_ROOM = (("ctrl+n", "new session"), ("↑", "edit"))
WAITING_KEY = -1


def entries(chat: Chat, waiting: list[str]) -> list[Entry]:
    """The active path, then the messages that wait."""
    tree = chat.session.tree
    shown = [entry(tree, message) for message in tree.path()]
    return shown + [waiting_entry(place, text) for place, text in enumerate(waiting)]


def waiting_entry(place: int, text: str) -> Entry:
    """A message that was written before the model was free."""
    notice = Notice("waits for the model", keys=(("↑", "takes it back"),), kind="quiet")
    return Entry(WAITING_KEY - place, asks=True, text=text, notice=notice)


def entry(tree: Tree, message: Message) -> Entry:
    """One message as the page shows it."""
    siblings = tree.siblings(message.id)
    place = (siblings.index(message) + 1, len(siblings))
    notice = _failure(message) if message.status is Status.ERROR else None
    asks = message.role is Role.USER
    return Entry(message.id, asks, message.text, place, "" if asks else details(message), notice)


def details(reply: Message) -> str:
    """How a reply came to be, on one line."""
    came = reply.provenance
    parts = [f"{len(reply.token_ids):,} tokens"]
    if came.timings.tokens_per_s:
        parts.append(f"{came.timings.tokens_per_s:.1f} tok/s")
    if came.segments:
        last = came.segments[-1]
        parts += [f"seed {last.seed}", _tuning(came.preset, last.settings)]
    return "   ".join(parts)


def _tuning(preset: str, settings: SamplingSettings) -> str:
    """The preset, and how many settings differed from it."""
    base = resolve(preset_named(preset)).settings
    changed = sum(
        getattr(base, name) != getattr(settings, name) for name in SamplingSettings.model_fields if name != "seed"
    )
    return f"{preset}, {changed} changed" if changed else preset


def can_go_on(reply: Message) -> bool:
    """Whether a reply broke off where it could be continued."""
    return reply.status.unfinished and reply.provenance.stop_reason is not StopReason.CONTEXT_FULL


def _failure(message: Message) -> Notice:
    said = message.provenance.detail or "The reply broke off."
    if message.provenance.stop_reason is StopReason.CONTEXT_FULL:
        return Notice(said, "Your message is saved. Shorten it, or start a new session.", NO_ROOM)
    kept = len(message.token_ids)
    saved = f"These {kept:,} tokens are saved." if kept else "Your message is saved."
    return Notice(said, f"{saved} A new engine goes on from here.", GO_ON)


def resting_state(tip: Message | None) -> State:
    """What the status line says when nothing runs: how the last reply ended."""
    if tip is None or tip.role is not Role.ASSISTANT:
        return READY
    if not tip.status.unfinished:
        return replace(READY, facts=_figures(tip))
    kept = f"{len(tip.token_ids):,} kept"
    if tip.provenance.stop_reason is StopReason.CONTEXT_FULL:
        return State("no room", "!", "warn", facts=("the context window is full",), keys=NO_ROOM)
    if tip.status is Status.ERROR:
        return State("engine stopped", "!", "err", facts=(kept,), keys=RESUME)
    if tip.status is Status.INTERRUPTED:
        return State("interrupted", "–", "muted", facts=(kept, _when(tip)), keys=RESUME)
    word = "max tokens" if tip.provenance.stop_reason is StopReason.MAX_TOKENS else "stopped"
    return State(word, "–", "muted", facts=(f"{len(tip.token_ids):,} tokens kept",), keys=RESUME)


def _figures(reply: Message) -> tuple[str, ...]:
    """What the last reply took: the figures that the line had while it was written."""
    took = reply.provenance.timings
    if not took.tokens_per_s:
        return ()
    tokens = f"{reply.provenance.generated_tokens:,} tokens"
    return (f"first {took.first_token_s:.2f} s", f"{took.tokens_per_s:.1f} tok/s", tokens)


def _when(message: Message) -> str:
    when = datetime.fromtimestamp(message.created_ms / 1000).astimezone()
    return f"{when.day} {when:%b %H:%M}"
