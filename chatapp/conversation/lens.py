"""Reading a trace: how surprising a text is, token by token, by several measures, and where its tokens stand.

A level is 0 for what was expected to 4 for what was least so; None for a token that was not recorded.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chatapp.conversation.decision import DRAW, TokenRecord
from chatapp.conversation.trace import Trace

SURPRISING = 4.0
"""Bits from which a token is a surprise."""
LEVELS = 5


class Measure(StrEnum):
    """What tokens are coloured by."""

    SURPRISE = "surprise"
    PROBABILITY = "probability"
    ENTROPY = "entropy"
    RANK = "rank"
    STAGE = "stage"

    @property
    def next(self) -> Measure:
        """The one after it, around the end."""
        every = list(Measure)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True)
class Legend:
    """What the levels of a measure mean, from 0 on, and what is measured."""

    levels: tuple[str, ...]
    unit: str


# Upper bounds of the levels 0 to 3. Probability is turned round: 1 - p, so that more is always less expected.
_BOUNDS: dict[Measure, tuple[float, ...]] = {
    Measure.SURPRISE: (1.0, 2.0, 4.0, 6.0),
    Measure.PROBABILITY: (0.1, 0.5, 0.8, 0.95),
    Measure.ENTROPY: (1.0, 2.0, 3.0, 5.0),
    Measure.RANK: (1.5, 2.5, 5.5, 20.5),
}
_LEGENDS: dict[Measure, Legend] = {
    Measure.SURPRISE: Legend(("< 1", "1–2", "2–4", "4–6", "> 6"), "bits of surprise"),
    Measure.PROBABILITY: Legend(("> .9", ".5–.9", ".2–.5", ".05–.2", "< .05"), "chance when drawn"),
    Measure.ENTROPY: Legend(("< 1", "1–2", "2–3", "3–5", "> 5"), "bits of entropy"),
    Measure.RANK: Legend(("1", "2", "3–5", "6–20", "> 20"), "rank"),
}


class Scale:
    """The levels of one trace by one measure."""

    def __init__(self, measure: Measure, trace: Sequence[TokenRecord | None]) -> None:
        self.measure = measure
        # Stages take the levels in the order in which they come; those beyond share the last.
        self._stages: dict[str, int] = {DRAW: 0}
        if measure is Measure.STAGE:
            for record in filter(None, trace):
                self._stages.setdefault(record.stage, min(len(self._stages), LEVELS - 1))

    def level(self, record: TokenRecord | None) -> int | None:
        """How little a token was expected."""
        if record is None:
            return None
        if self.measure is Measure.STAGE:
            return self._stages.get(record.stage, LEVELS - 1)
        value = _value(record, self.measure)
        return sum(value > bound for bound in _BOUNDS[self.measure])

    @property
    def legend(self) -> Legend:
        """What the levels mean."""
        if self.measure is not Measure.STAGE:
            return _LEGENDS[self.measure]
        names: list[str] = []
        for level in range(max(self._stages.values()) + 1):
            held = [stage.replace("_", "-") for stage, its in self._stages.items() if its == level]
            names.append(held[0] if len(held) == 1 else "others")
        return Legend(tuple(names), "cut last")


def _value(record: TokenRecord, measure: Measure) -> float:
    match measure:
        case Measure.SURPRISE:
            return record.surprise
        case Measure.PROBABILITY:
            return 1.0 - record.p
        case Measure.ENTROPY:
            return record.entropy
        case _:
            return record.rank


def perplexity(trace: Sequence[TokenRecord | None]) -> float | None:
    """Exp of the mean of -ln p over the recorded tokens, p by the plain softmax; None where none is recorded.

    As in Jelinek et al., "Perplexity - a measure of the difficulty of speech recognition tasks" (1977).
    """
    logprobs = [record.logprob for record in trace if record is not None]
    return math.exp(-sum(logprobs) / len(logprobs)) if logprobs else None


def surprises(trace: Sequence[TokenRecord | None]) -> list[int]:
    """The places of the tokens that are a surprise."""
    return [place for place, one in enumerate(trace) if one is not None and one.surprise > SURPRISING]


def next_surprise(trace: Sequence[TokenRecord | None], at: int, step: int) -> int:
    """The next surprise after (1) or before (-1) a token, around the ends; itself where there is none."""
    places = surprises(trace)
    beyond = [place for place in places if (place - at) * step > 0]
    ordered = (beyond or places)[::step]
    return ordered[0] if ordered else at


def merged(recorded: Sequence[TokenRecord | None], scored: Sequence[TokenRecord | None]) -> Trace:
    """What was recorded, its gaps filled with what was scored afterwards, where both are of the same tokens."""
    if len(recorded) != len(scored) or any(
        mine.id != theirs.id for mine, theirs in zip(recorded, scored, strict=True) if mine and theirs
    ):
        return list(scored)
    return [mine or theirs for mine, theirs in zip(recorded, scored, strict=True)]


def spans(pieces: Sequence[tuple[bytes, bool]], text: str) -> list[tuple[int, int]]:
    """The characters of a text that each of its tokens stands for, from and to.

    A character of several tokens belongs to each of them. The name of a special token is part of the text only
    where it is written there; a token that is not in the text stands for nothing, where it would be.

    Args:
        pieces: The bytes of each token, and whether it is a special one.
        text: What they spell, as it is kept.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    found: list[tuple[int, int]] = []
    waiting: list[int] = []
    at = 0
    for place, (data, special) in enumerate(pieces):
        begin = at
        if special and not text.startswith(data.decode("utf-8", "replace"), at):
            found.append((at, at))
            continue
        for character in decoder.decode(data):
            at += _is_next(character, text, at)
        found.append((begin, at))
        if at > begin:
            for earlier in waiting:  # the first bytes of this character
                found[earlier] = (found[earlier][0], begin + 1)
            waiting = []
        if decoder.getstate()[0]:
            waiting.append(place)
    return found


def _is_next(character: str, text: str, at: int) -> bool:
    """Whether a character that was said is the next one of the text; the text may have lost or replaced some."""
    return text[at : at + 1] == character or (character == "\0" and text[at : at + 1] == "\ufffd")
