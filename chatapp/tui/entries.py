"""From a chat to what the page shows: its entries, the line under a message, and the state of the status line."""

from __future__ import annotations

from datetime import datetime

from chatapp.chat import Chat
from chatapp.conversation.message import Message, Role, Status, StopReason
from chatapp.conversation.sampling import SamplingSettings, preset_named, resolve
from chatapp.conversation.tree import Tree
from chatapp.tui.widgets.status import READY, State
from chatapp.tui.widgets.transcript import Entry, Notice

GO_ON = (("enter", "continue from here"), ("ctrl+r", "again from the start"))
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


def _failure(message: Message) -> Notice:
    kept = len(message.token_ids)
    more = f"These {kept:,} tokens are saved. " if kept else "Your message is saved. "
    return Notice(
        message.provenance.detail or "The reply broke off.",
        f"{more}A new engine starts with the next reply.",
        GO_ON,
    )


def resting_state(tip: Message | None) -> State:
    """What the status line says when nothing runs: how the last reply ended."""
    if tip is None or tip.role is not Role.ASSISTANT or not tip.status.unfinished:
        return READY
    kept = f"{len(tip.token_ids):,} tokens kept"
    keys = (("enter", "continue"), ("ctrl+r", "again"))
    if tip.status is Status.ERROR:
        return State("engine stopped", "!", "err", facts=(kept,), keys=keys)
    if tip.status is Status.INTERRUPTED:
        when = datetime.fromtimestamp(tip.created_ms / 1000).astimezone()
        return State("interrupted", "–", "muted", facts=(f"{when:%-d %b %H:%M}", kept), keys=keys[:1])
    match tip.provenance.stop_reason:
        case StopReason.MAX_TOKENS:
            return State("max tokens", "–", "muted", facts=(kept,), keys=keys)
        case StopReason.CONTEXT_FULL:
            return State(
                "no room", "!", "warn", facts=("the context window is full", kept), keys=(("ctrl+n", "new"),)
            )
        case _:
            return State("stopped", "–", "muted", facts=(kept,), keys=keys)
