"""What lies under the lens: a message, its trace, the token one stands on, and the one chosen instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from chatapp.conversation.decision import Candidate, TokenRecord
from chatapp.conversation.lens import Legend, Measure, Scale, next_surprise, perplexity, spans, surprises
from chatapp.conversation.message import Message, Segment
from chatapp.tui.widgets.transcript import Tint

KEYED = 10
"""Alternatives that a digit picks: 1 to 9, and 0 for the tenth."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One message under the lens; a step gives another reading."""

    message: Message
    trace: Sequence[TokenRecord | None]
    source: str = ""
    """The text that the tokens spell, as far as they are known."""
    measure: Measure = Measure.SURPRISE
    at: int = 0
    choice: int | None = None
    """Which of the alternatives is chosen."""
    scored: bool = False
    """Whether it was found out afterwards."""

    @cached_property
    def scale(self) -> Scale:
        """The levels of this trace."""
        return Scale(self.measure, self.trace)

    @cached_property
    def levels(self) -> tuple[int | None, ...]:
        """How hot each token is."""
        return tuple(map(self.scale.level, self.trace))

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The characters of the text that each token stands for."""
        pieces = [(one.data, one.special) if one else (b"", False) for one in self.trace]
        return tuple(spans(pieces, self.source))

    @property
    def tint(self) -> Tint:
        """What is laid over the page."""
        return Tint(self.message.id, self.spans, self.levels, self.at)

    @property
    def legend(self) -> Legend:
        """What the levels mean."""
        return self.scale.legend

    @cached_property
    def perplexity(self) -> float | None:
        """Of what is recorded."""
        return perplexity(self.trace)

    @cached_property
    def surprises(self) -> int:
        """How many tokens are a surprise."""
        return len(surprises(self.trace))

    @property
    def record(self) -> TokenRecord | None:
        """Of the token one stands on."""
        return self.trace[self.at] if self.at < len(self.trace) else None

    @property
    def segment(self) -> Segment | None:
        """The settings in force at this token; of a text that was not drawn there are none."""
        drawn = [one for one in self.message.provenance.segments if one.from_token <= self.at]
        return drawn[-1] if drawn else None

    @property
    def by_hand(self) -> bool:
        """Whether a person put this token there."""
        return self.at in self.message.provenance.chosen

    @property
    def chosen(self) -> Candidate | None:
        """The alternative that is chosen."""
        record = self.record
        if record is None or self.choice is None or self.choice >= len(record.candidates):
            return None
        return record.candidates[self.choice]

    # Steps --------------------------------------------------------------------------------------------------

    def to(self, token: int) -> Reading:
        """Stand on another token."""
        return self._with(at=max(0, min(token, len(self.trace) - 1)), choice=None)

    def to_surprise(self, step: int) -> Reading:
        """Stand on the next surprise, or the one before."""
        return self.to(next_surprise(self.trace, self.at, step))

    def coloured(self) -> Reading:
        """Colour by the next measure."""
        return self._with(measure=self.measure.next)

    def choosing(self, place: int | None) -> Reading:
        """Choose an alternative, or none."""
        count = len(self.record.candidates) if self.record else 0
        return self._with(choice=place if place is not None and 0 <= place < min(KEYED, count) else None)

    def grown(self, trace: Sequence[TokenRecord | None], source: str) -> Reading:
        """The reply has grown; who stood on its last token goes along."""
        last = self.at >= len(self.trace) - 1
        at = max(0, len(trace) - 1) if last else self.at
        return self._with(trace=trace, source=source, at=at, choice=None if last else self.choice)

    def _with(self, **changes: object) -> Reading:
        made = replace(self, **changes)  # type: ignore[arg-type]
        # What depends on the text alone is worth keeping while one walks over it.
        kept = [name for name in ("spans",) if "trace" not in changes and name in vars(self)]
        kept += [
            name for name in ("scale", "levels") if not {"trace", "measure"} & set(changes) and name in vars(self)
        ]
        vars(made).update({name: vars(self)[name] for name in kept})
        return made
