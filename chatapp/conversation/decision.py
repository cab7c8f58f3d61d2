"""How one token came to be chosen: candidates, what each stage of the sampler chain did to them, and the draw.

Probabilities are shares of 1, surprise and entropy are bits, `mass` is a share of the plain softmax over the whole
vocabulary. Stages are named as in `sampling.active`, the first being `logits`, the plain softmax itself.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Memory(_Frozen):
    """What mirostat and adaptive-p remember of the reply so far; None for what has not been in use."""

    mirostat_mu: float | None = None
    """The surprise, in bits, that mirostat allows at most."""
    adaptive_sum: float | None = None
    adaptive_weight: float | None = None
    """The probabilities that adaptive-p chose, and the number of tokens, each weighted by its age."""


class Token(_Frozen):
    """A token with its bytes, in hex; those of a special token are its name's."""

    id: int
    hex: str = ""
    special: bool = False

    @cached_property
    def data(self) -> bytes:
        """The bytes themselves; a token may hold only a part of a character."""
        return bytes.fromhex(self.hex)

    @cached_property
    def text(self) -> str:
        """The bytes as text, U+FFFD for what is none: not safe to draw, see `text.display_token`."""
        return self.data.decode("utf-8", "replace")


class Candidate(Token):
    """A token that was or could have been chosen."""

    logit: float
    p: float = 0.0
    """What it is drawn with, after the whole chain; 0 when it was cut."""
    cut: str | None = None
    """The stage that cut it."""


DRAW = "draw"
"""The stage that decided where none cut a candidate of the top."""


class TokenRecord(Token):
    """A token of a text, and how it was decided."""

    logprob: float
    """Natural logarithm of its probability by the plain softmax."""
    rank: int
    """1 for the likeliest by the plain softmax."""
    entropy: float
    """Of the plain softmax."""
    p: float
    """What it was drawn with, after the whole chain; 0 for a token that the chain would have cut."""
    kept: int
    """Candidates after the whole chain."""
    mass: float
    """Their share of the plain softmax."""
    log_z: float
    """A candidate's plain probability is exp(logit - log_z)."""
    stage: str
    """The stage that decided: the last one that cut a candidate of the top, else `draw`."""
    candidates: tuple[Candidate, ...] = ()
    """The likeliest by the plain softmax, in its order; the token itself may be missing."""
    memory: Memory | None = None
    """What was remembered before the draw, where mirostat or adaptive-p was in use."""

    @property
    def surprise(self) -> float:
        """In bits."""
        return -self.logprob / math.log(2)


class Stage(_Frozen):
    """What one stage of the chain left."""

    sampler: str
    kept: int
    mass: float
    entropy: float
    threshold: float | None = None
    """Where it cut. top_k: how many; top_p: the sum; typical_p: bits from the expected surprise; min_p, n-sigma:
    the least probability (of the stage before) that stays; xtc: the one from which candidates are obvious;
    mirostat: the largest surprise that stays, in bits (version 2), or how many stay (version 1); adaptive_p: the
    probability that is aimed at."""

    @property
    def effective(self) -> float:
        """Effective number of candidates: as many equal ones would leave the same doubt."""
        return float(2.0**self.entropy)


class Row(Token):
    """One candidate through all stages."""

    logit: float
    rank: int
    """1 for the likeliest by the plain softmax."""
    p: tuple[float | None, ...]
    """Its probability among the survivors of each stage; None from the stage on that cut it."""

    @property
    def cut_at(self) -> int | None:
        """The place of the stage that cut it."""
        return next((place for place, p in enumerate(self.p) if p is None), None)


class Draw(_Frozen):
    """Which random number picked which token."""

    seed: int
    position: int
    chance: float
    """In [0, 1), from seed and position alone; with temperature 0 it decides nothing."""
    token: Token
    low: float
    high: float
    """The stretch of [0, 1) that is the token's: candidates stand there by falling probability."""
    xtc_chance: float | None = None
    """XTC acts where this is at most its probability."""
    refused: Token | None = None
    """What the draw took first and the grammar did not allow; the stages are those of the second draw."""
    memory: Memory | None = None
    """What is remembered once the token is said, where mirostat or adaptive-p is in use."""


TEMPERATURES = tuple(step / 20 for step in range(41))
"""Those that a curve has a probability for."""


class Curve(Token):
    """How a candidate fares at other temperatures: its probability among those that the temperature is given."""

    p: tuple[float, ...]
    """At each of `TEMPERATURES`."""


class Decision(_Frozen):
    """The next token's candidates through the whole chain, and the draw."""

    vocabulary: int
    prompt_tokens: int
    """Tokens that stand before it."""
    stages: tuple[Stage, ...]
    rows: tuple[Row, ...]
    """The likeliest of every stage, by their plain probability; the rest is the difference to `kept`."""
    draw: Draw
    log_z: float
    curves: tuple[Curve, ...] = ()
    """Of the likeliest five that reach the temperature, where they were asked for."""
    evaluated: int | None = None
    """Tokens that were evaluated for it, where the KV cache went along."""

    def top(self, stage: int, count: int) -> list[Row]:
        """The likeliest after a stage, the likeliest first."""
        alive = [row for row in self.rows if row.p[stage] is not None]
        return sorted(alive, key=lambda row: (-(row.p[stage] or 0.0), row.id))[:count]

    def record(self, token: int, top: int, memory: Memory | None = None) -> TokenRecord:
        """The record of a token that is said here, as that of a reply that streams.

        Args:
            token: One of the rows.
            top: So many of the likeliest are kept; there must be as many rows of the plain softmax.
            memory: What was remembered before.
        """
        own, last = next(row for row in self.rows if row.id == token), self.stages[-1]
        likeliest = self.rows[:top]
        cuts = [row.cut_at for row in likeliest if row.cut_at is not None]
        return TokenRecord(
            **_token(own),
            logprob=own.logit - self.log_z,
            rank=own.rank,
            entropy=self.stages[0].entropy,
            p=own.p[-1] or 0.0,
            kept=last.kept,
            mass=last.mass,
            log_z=self.log_z,
            stage=self.stages[max(cuts)].sampler if cuts else DRAW,
            candidates=tuple(
                Candidate(
                    **_token(row),
                    logit=row.logit,
                    p=row.p[-1] or 0.0,
                    cut=None if row.cut_at is None else self.stages[row.cut_at].sampler,
                )
                for row in likeliest
            ),
            memory=memory,
        )


def _token(one: Token) -> dict[str, Any]:
    return {"id": one.id, "hex": one.hex, "special": one.special}
