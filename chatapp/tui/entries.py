"""From a chat to what the page shows: its entries, the line under a message, and the state of the status line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from chatapp.chat import Chat
from chatapp.conversation.attachment import Attachment, Citation, Given, citations, label
from chatapp.conversation.context import Policy
from chatapp.conversation.figures import prefill_rate
from chatapp.conversation.message import Kind, Message, Provenance, Role, Status, StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.conversation.tree import Tree
from chatapp.conversation.window import Window, window_of
from chatapp.fitting import NoRoom
from chatapp.text import counted
from chatapp.tui.widgets.status import READY, State
from chatapp.tui.widgets.transcript import Entry, Notice

GO_ON = (("enter", "continue from here"), ("ctrl+r", "again from the start"))
RESUME = (("enter", "continue"), ("ctrl+r", "again"))
GO_ON_BEHIND = (("enter", "goes on behind the last of them"),)
MOST_NUMBERS = 8
"""Parts that a sentence names, at most."""
NEW_OR_EDIT = (("ctrl+n", "new session"), ("↑", "edit"))
DROP_OR_SUM = (("ctrl+d", "leave out the oldest"), ("ctrl+s", "sum them up"))
WAITING_KEY = -1
_WAITS = "not carried out"


def entries(chat: Chat, waiting: list[str], refused: NoRoom | None = None) -> list[Entry]:
    """The active path with the borders of the context window, then the messages that wait.

    With `refused` the first of them waits for room in the window.
    """
    tree = chat.session.tree
    path = tree.path()
    window = window_of(tree, path)
    shown: list[Entry] = []
    files: tuple[Attachment, ...] = ()
    for message in path:
        files += message.files
        shown.append(entry(tree, message, files, data=message is chat.streaming and _asks_for_data(chat)))
        if (border := _border_to_show(tree.borders(message.id), window)) is not None:
            shown.append(border_entry(border, window))
    for place, text in enumerate(waiting):
        shown.append(waiting_entry(place, text, refused if place == 0 else None))
    return shown


def _border_to_show(borders: list[Message], window: Window) -> Message | None:
    """The border in force, or one that has a text of its own; a cut that means nothing any more is not shown."""
    standing = [border for border in borders if not border.undone]
    shown = standing or [border for border in borders if border.kind is Kind.SUMMARY]
    last = shown[-1] if shown else None
    return last if last is window.border or (last and last.kind is Kind.SUMMARY) else None


def border_entry(border: Message, window: Window) -> Entry:
    """A border of the context window: a rule with words, and below it the summary, if there is one."""
    return Entry(
        border.id,
        asks=False,
        text=border.text,
        details="" if border.status is Status.STREAMING else _border_details(border),
        rule=_border_words(border, window),
    )


def _border_words(border: Message, window: Window) -> str:
    if border.status is Status.STREAMING:
        return "summing up what leaves the context window"
    if border.undone:
        return "a summary that was undone: the model sees what is above"
    if not border.holds:
        return "a summary that broke off: it is not used"
    if border is not window.border:
        return "a summary that is left out itself"
    out = counted(len(window.left_out), "message")
    if border.kind is Kind.SUMMARY:
        return f"in place of {out} above, the model reads this"
    return f"the model no longer sees {out} above"


def _border_details(border: Message) -> str:
    undo = "u puts it in force again" if border.undone else "u undoes it"
    if border.kind is Kind.CUT:
        return undo
    by = f"written by {border.provenance.model_name}" if border.provenance.model_name else "written by you"
    return f"{undo}   e rewrites it   {by}"


def file_facts(file: Attachment, tokens: int | None) -> str:
    """Size, tokens where they are known, and how much of it is given."""
    size = f"{file.size / 1e6:.1f} MB" if file.size >= 1e6 else f"{file.size / 1e3:.1f} KB"
    facts = [size] if file.size else []
    facts += [counted(tokens, "token")] if tokens is not None else []
    if file.given is not Given.WHOLE:
        share = file.characters / max(1, len(file.document.text))
        facts.append("all of it, part by part" if file.given.by_parts else f"{file.given}, {share:.0%} of it")
    return "   ".join(facts)


def waiting_entry(place: int, text: str, refused: NoRoom | None = None) -> Entry:
    """A message that was written before the model was free, or that does not fit."""
    notice = Notice("waits for the model", keys=(("↑", "takes it back"),), kind="quiet")
    if refused is not None:
        anyway = (("enter", "send anyway"),) if refused.plan.leaves_room else ()
        keys = (*ways_out(refused), *anyway, ("↑", "take it back"))
        notice = Notice(str(refused), "Your message is kept, and was not sent.", keys, "warn")
    return Entry(WAITING_KEY - place, asks=True, text=text, notice=notice)


def entry(tree: Tree, message: Message, files: Sequence[Attachment] = (), *, data: bool = False) -> Entry:
    """One message as the page shows it, with what it cites of the files that came before it.

    With `data` it is a reply that begins, of which nothing says yet that it will be JSON.
    """
    siblings = tree.siblings(message.id)
    place = (siblings.index(message) + 1, len(siblings))
    notice = _failure(message) if message.status is Status.ERROR else _parts_notice(message)
    asks = message.role is Role.USER
    found = [] if asks or message.status is Status.STREAMING else citations(message.text, files)
    fields = not asks and (data or _is_data(message))
    calls = message.provenance.calls
    about = "" if asks else f"{_parts(message) or _cited(files, found)}{details(message)}"
    return Entry(
        message.id,
        asks,
        message.text[: calls[0].begins].rstrip() if calls else message.text,
        place,
        f"{about}   enter: table or JSON" if fields else about,
        notice,
        pinned=message.pinned,
        fields=fields,
        cited=tuple(dict.fromkeys(message.text[one.start : one.end] for one in found)),
        files=tuple((file.name, file_facts(file, None)) for file in message.files),
        called=tuple((f"{use.name}   {use.asked}".rstrip(), use.result or _WAITS) for use in calls),
    )


def _asks_for_data(chat: Chat) -> bool:
    return bool(chat.session.sampling().settings.json_schema)


def _is_data(reply: Message) -> bool:
    """Whether a reply is drawn by a schema, and did not break off."""
    drawn = reply.provenance.segments
    return (
        reply.status in {Status.COMPLETE, Status.STREAMING}
        and bool(drawn)
        and bool(drawn[-1].settings.json_schema)
    )


def _parts_notice(reply: Message) -> Notice | None:
    """What is missing of a reply that was made by parts."""
    made = reply.provenance.by_parts
    if made is None or reply.status is Status.STREAMING:
        return None
    if reply.status.unfinished and not reply.whole:
        return Notice(
            f"{made.done:,} of {counted(made.parts, 'part')} are done, and kept.", "", GO_ON_BEHIND, "quiet"
        )
    if made.failed:
        numbers = ", ".join(f"{one:,}" for one in made.failed[:MOST_NUMBERS])
        more = ", …" if len(made.failed) > MOST_NUMBERS else ""
        word = "Part" if len(made.failed) == 1 else "Parts"
        said = f"{word} {numbers}{more} of {made.parts:,} came to nothing: what stands there was not read."
        return Notice(said, "", (("ctrl+r", "again"),), "warn")
    return None


def _parts(reply: Message) -> str:
    """The key that opens what came of each part."""
    made = reply.provenance.by_parts
    return f"o opens {counted(made.parts, 'part')}   " if made is not None else ""


def _cited(files: Sequence[Attachment], found: Sequence[Citation]) -> str:
    """The places that a reply cites; the key opens them."""
    if not files:
        return ""
    cited = dict.fromkeys(label(one.file.name, one.file.document.unit, one.place) for one in found)
    return f"o opens {' '.join(cited) if cited else 'the files'}   "


def ways_out(refused: NoRoom) -> tuple[tuple[str, str], ...]:
    """The keys that make room, where anything may leave."""
    return DROP_OR_SUM if refused.plan.leaves_next else ()


def details(reply: Message) -> str:
    """How a reply came to be, on one line."""
    came = reply.provenance
    parts = [counted(len(reply.token_ids) or came.generated_tokens, "token")]
    if came.perplexity is not None:
        parts.append(f"perplexity {came.perplexity:.3g}")
    if came.timings.tokens_per_s:
        parts.append(f"{came.timings.tokens_per_s:.1f} tok/s")
    if came.prompt_tokens:
        parts.append(f"first {came.timings.first_token_s:.2f} s")
        parts.append(f"read {came.evaluated_tokens:,} at {prefill_rate(came):,.0f} tok/s")
        parts.append(f"{came.reused_tokens:,} reused")
    if came.segments:
        last = came.segments[-1]
        parts += [f"seed {last.seed}", tuning(came, last.settings)]
    return "   ".join(parts)


def tuning(came: Provenance, settings: SamplingSettings) -> str:
    """The preset as it was then, and how many settings differed from it."""
    values = came.preset_values
    return _tuning(came.preset, None if values is None else tuple(sorted(values.items())), settings)


@lru_cache(maxsize=256)  # a session has thousands of replies, and few settings
def _tuning(preset: str, values: tuple[tuple[str, Any], ...] | None, settings: SamplingSettings) -> str:
    base = Provenance(preset=preset, preset_values=None if values is None else dict(values)).preset_alone()
    changed = sum(
        getattr(base, name) != getattr(settings, name) for name in SamplingSettings.model_fields if name != "seed"
    )
    return f"{preset}, {changed} changed" if changed else preset


def can_go_on(reply: Message) -> bool:
    """Whether a reply broke off where it could be continued."""
    return reply.role is Role.ASSISTANT and reply.status.unfinished


def _failure(message: Message) -> Notice:
    said = message.provenance.detail or "The reply broke off."
    if message.provenance.stop_reason is StopReason.CONTEXT_FULL:
        return Notice(said, "Your message is saved.", (*DROP_OR_SUM, *NEW_OR_EDIT), "warn")
    kept = len(message.token_ids)
    saved = "Your message is saved."
    if kept:
        saved = "This one token is saved." if kept == 1 else f"These {kept:,} tokens are saved."
    return Notice(said, f"{saved} A new engine goes on from here.", GO_ON)


def resting_state(tip: Message | None, policy: Policy = Policy.STOP) -> State:
    """What the status line says when nothing runs: how the last reply ended."""
    if tip is None or tip.role is not Role.ASSISTANT:
        return READY
    if not tip.status.unfinished:
        return replace(READY, facts=_figures(tip))
    made = tip.provenance.by_parts
    kept = (
        f"{len(tip.token_ids):,} kept" if made is None else f"{made.done:,} of {counted(made.parts, 'part')} kept"
    )
    if tip.provenance.stop_reason is StopReason.CONTEXT_FULL:
        return State("no room", "!", "warn", facts=("the context window is full",), keys=_next_step(policy))
    if tip.status is Status.ERROR:
        return State("engine stopped", "!", "err", facts=(kept,), keys=RESUME)
    if tip.status is Status.INTERRUPTED:
        return State("interrupted", "–", "muted", facts=tuple(filter(None, (kept, _when(tip)))), keys=RESUME)
    word = "max tokens" if tip.provenance.stop_reason is StopReason.MAX_TOKENS else "stopped"
    kept = f"{len(tip.token_ids):,} tokens kept" if made is None else kept
    return State(word, "–", "muted", facts=(kept,), keys=RESUME)


def _next_step(policy: Policy) -> tuple[tuple[str, str], ...]:
    """What is offered when the window filled up in the middle of a reply."""
    match policy:
        case Policy.DROP:
            return (("enter", "leave out the oldest, continue"), ("ctrl+s", "sum them up"))
        case Policy.SUMMARISE:
            return (("enter", "sum up the oldest, continue"), ("ctrl+d", "leave them out"))
        case Policy.STOP:
            return (*DROP_OR_SUM, ("ctrl+n", "new session"))


def _figures(reply: Message) -> tuple[str, ...]:
    """What the last reply took: the figures that the line had while it was written."""
    took = reply.provenance.timings
    if not took.first_token_s:
        return ()
    rate = (f"{took.tokens_per_s:.1f} tok/s",) if took.tokens_per_s else ()  # a single token has none
    return (f"first {took.first_token_s:.2f} s", *rate, counted(reply.provenance.generated_tokens, "token"))


def _when(message: Message) -> str:
    if not message.created_ms:  # it came from elsewhere, without a date
        return ""
    when = datetime.fromtimestamp(message.created_ms / 1000).astimezone()
    return f"{when.day} {when:%b %H:%M}"
