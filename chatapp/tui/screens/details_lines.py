"""How a message came to be, as lines: a pure function of what was kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chatapp.conversation.by_parts import ByParts
from chatapp.conversation.figures import prefill_rate
from chatapp.conversation.message import Message, Provenance, Role, Segment, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import control_named
from chatapp.conversation.tree import Tree
from chatapp.text import counted, display, display_line
from chatapp.tui.lines import Line, beside, clip, ends, flow
from chatapp.tui.look import Look

_SPACE, _LABEL, _HALF = 6, 11, 52
_PROMPT_LINES = 6
_ENDS = {
    StopReason.END: "the model ended its turn",
    StopReason.STOP_STRING: "a stop string came",
    StopReason.MAX_TOKENS: "it was as long as it may be",
    StopReason.CONTEXT_FULL: "the context window was full",
    StopReason.CANCELLED: "you stopped it",
    StopReason.CRASHED: "the engine died",
}
Section = tuple[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Known:
    """A message with what is kept elsewhere: its persona as it was, and how surprising its tokens were."""

    tree: Tree
    message: Message
    persona: Persona | None = None
    same_persona: bool = True
    """Whether the session is still held with it."""
    surprise: float | None = None
    """Bits a token, where that was recorded."""


def detail_page(known: Known, look: Look, cells: int) -> list[Line]:
    """Everything that is known: side by side where there is room, else one below the other."""
    left = [*_sections(_about(known), look, min(cells, _HALF)), *_prompt(known, look, min(cells, _HALF))]
    draws = _draws(known)
    if cells >= 2 * _HALF - 4 and draws:
        half = (cells - _SPACE) // 2
        left = [*_sections(_about(known), look, half), *_prompt(known, look, half)]
        return beside([(left, half), (_sections(draws, look, half), half)], _SPACE)
    right = _sections(draws, look, min(cells, _HALF))
    return [*left, *([[]] if left and right else []), *right]


def _sections(sections: Sequence[Section], look: Look, cells: int) -> list[Line]:
    lines: list[Line] = []
    for name, facts in sections:
        lines += [[]] if lines else []
        lines += [[(name, look.faint)], []]
        for label, value in facts:
            room = cells - max(_LABEL, len(label) + 2)
            lines.append(ends([(label, look.muted)], [(clip(display_line(value), room), look.text)], cells))
    return lines


def _prompt(known: Known, look: Look, cells: int) -> list[Line]:
    """How the persona's prompt begins, as it was."""
    if known.persona is None or not known.persona.system.strip():
        return []
    lines = [
        row for line in display(known.persona.system).splitlines() for row in flow([(line, look.muted)], cells)
    ]
    more: list[Line] = [[("…", look.faint)]] if len(lines) > _PROMPT_LINES else []
    return [[], *lines[:_PROMPT_LINES], *more]


def _about(known: Known) -> list[Section]:
    message, came = known.message, known.message.provenance
    sections: list[Section] = [("message", _message(known))]
    if came.model_name:
        path = [("file", came.model_path.rpartition("/")[2])] if came.model_path else []
        mode = "reproducible" if came.reproducible else "fast"
        model = [("name", came.model_name), *path, ("hash", came.model_fingerprint), ("mode", mode)]
        sections.append(("model", [(name, value) for name, value in model if value]))
    if message.role is Role.ASSISTANT and came.prompt_tokens:
        sections.append(("tokens and time", _figures(known)))
    if (made := came.by_parts) is not None:
        sections.append(("made by parts", _by_parts(made)))
    if known.persona is not None:
        now = "as it is now" if known.same_persona else "as it was then; it has changed"
        sections.append(("persona", [("name", known.persona.name), ("prompt", now)]))
    return sections


def _by_parts(made: ByParts) -> list[tuple[str, str]]:
    how = "one after the other" if made.joined else f"brought together in {counted(made.rounds, 'round')}"
    facts = [("read", f"{made.done:,} of {counted(made.parts, 'part')}"), ("results", how)]
    facts += [("kept", f"{counted(made.kept, 'result')} from a try before")] if made.kept else []
    facts += [("failed", ", ".join(map(str, made.failed)))] if made.failed else []
    facts += [("broke off", ", ".join(map(str, made.cut_off)))] if made.cut_off else []
    return facts


def _message(known: Known) -> list[tuple[str, str]]:
    message, came = known.message, known.message.provenance
    siblings = known.tree.siblings(message.id)
    facts = [("id", message.uid)]
    if message.created_ms:
        at = datetime.fromtimestamp(message.created_ms / 1000).astimezone()
        facts.append(("written", f"{at.day} {at:%b %Y}, {at:%H:%M:%S}"))
    if len(siblings) > 1:
        facts.append(("sibling", f"{siblings.index(message) + 1} of {len(siblings):,}"))
    if came.edited_from:
        before = next((one for one in siblings if one.uid == came.edited_from), None)
        of = f"‹{siblings.index(before) + 1}/{len(siblings)}›" if before else "another reply"
        facts.append(("by", f"you, over {of}" if not came.segments else f"you, over {of}, then the model"))
    elif message.role is Role.USER:
        facts.append(("by", "you"))
    if message.role is Role.ASSISTANT:
        facts.append(("status", str(message.status)))
        if came.stop_reason:
            facts.append(("ended", _ENDS[came.stop_reason]))
        if came.detail:
            facts.append(("because", came.detail))
    return facts


def _figures(known: Known) -> list[tuple[str, str]]:
    came = known.message.provenance
    took = came.timings
    given = came.segments[0].from_token if came.segments else 0
    facts = [
        ("prompt", counted(came.prompt_tokens, "token")),
        ("of them", f"{came.reused_tokens:,} reused, {came.evaluated_tokens:,} read"),
        ("read in", f"{took.prefill_s:.2f} s, {prefill_rate(came):,.0f} tok/s"),
        ("first token", f"{took.first_token_s:.2f} s"),
        ("drawn", counted(len(known.message.token_ids) - given - len(came.chosen), "token")),
    ]
    if took.tokens_per_s:  # a single token has no rate
        facts.append(("written in", f"{took.decode_s:.2f} s, {took.tokens_per_s:.1f} tok/s"))
    if given:
        facts.append(("given", f"{counted(given, 'token')} at its beginning"))
    if came.chosen:
        facts.append(("chosen", f"{counted(len(came.chosen), 'token')} by you"))
    if came.left_out:
        facts.append(("left out", counted(came.left_out, "message")))
    if known.surprise is not None:
        facts.append(("surprise", f"{known.surprise:.2f} bits a token"))
    return facts


def _draws(known: Known) -> list[Section]:
    """The settings of each stretch: the preset, the seed, and what differs from the preset, with its source."""
    came = known.message.provenance
    ends_at = [*(one.from_token for one in came.segments[1:]), len(known.message.token_ids)]
    persona = known.persona
    return [
        (
            _name(segment, end, many=len(came.segments) > 1),
            [*_seed(came, segment), *_changed(came, segment, persona)],
        )
        for segment, end in zip(came.segments, ends_at, strict=True)
        if end > segment.from_token or len(came.segments) == 1
    ]


def _name(segment: Segment, end: int, *, many: bool) -> str:
    return f"tokens {segment.from_token + 1:,}–{end:,}" if many and end > segment.from_token else "settings"


def _seed(came: Provenance, segment: Segment) -> list[tuple[str, str]]:
    return [("preset", came.preset), ("seed", f"{segment.seed}")]


def _changed(came: Provenance, segment: Segment, persona: Persona | None) -> list[tuple[str, str]]:
    preset = came.preset_alone()
    rows = []
    for name in type(segment.settings).model_fields:
        value, usual = getattr(segment.settings, name), getattr(preset, name)
        if name == "seed" or value == usual:
            continue
        source = _source(name, value, persona) if segment is came.segments[-1] else ""
        label, shown, before = _in_words(name, value, usual)
        rows.append((label, f"{shown}   {source}preset says {before}"))
    return rows or [("the rest", "as the preset says")]


def _source(name: str, value: object, persona: Persona | None) -> str:
    """Where a value comes from that is not the preset's."""
    given = persona is not None and persona.sampling.get(name) == value
    return "persona, " if given else "session, "


def _in_words(name: str, value: object, usual: object) -> tuple[str, str, str]:
    try:
        control = control_named(name)
    except ValueError:
        return name.replace("_", " "), str(value), str(usual)
    return control.label, control.format(value), control.format(usual)  # type: ignore[arg-type]
