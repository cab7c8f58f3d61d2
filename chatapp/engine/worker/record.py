"""Records how the tokens of a text are decided, at a price of a few per cent of the time that a token takes.

The whole vocabulary is gone over a few times (difference, exponential, sum, threshold), always in the same memory;
all else is done on the few candidates that have a chance.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chatapp.conversation.decision import DRAW, Candidate, Memory, TokenRecord
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.chain import Moment
from chatapp.engine.worker.vocabulary import Vocabulary

_MANY = 16
"""Times the size of the top: where so many candidates are looked through for it, fewer are the next time."""
_FEW = 512
"""Candidates that Python goes over faster than numpy."""
_LOG2E = 1 / math.log(2)
_RULES_OUT = {"top_n_sigma", "bias", "temperature"}
"""Stages that may leave a candidate in its place and make it impossible."""


class Recorder:
    """An observer that keeps the top of each decision, and what was chosen."""

    wants_all = False

    def __init__(self, vocabulary: Vocabulary, top: int) -> None:
        self._vocabulary = vocabulary
        self._top_count = min(top, vocabulary.size)
        self._below = np.empty(vocabulary.size, np.float32)
        """How far each logit is from the best one."""
        self._weights = np.empty(vocabulary.size, np.float32)
        self._reach = 6.0
        """How far below the best logit the top was found last."""
        self._logits: Any = None
        self._best = 0.0
        self._top: list[int] = []
        self._cut: dict[int, str] = {}
        self._size = 0
        self._memory: Memory | None = None

    def begins(self, logits: Any, moment: Moment, refused: int | None) -> None:
        """Find the top."""
        if refused is None:
            self._logits, self._best = logits, float(logits.max())
            self._top = self._find_top(logits)
        self._cut = {}
        self._size = len(logits)
        self._memory = moment.memory if moment.memory != Memory() else None

    def _find_top(self, logits: Any) -> list[int]:
        while len(head := np.flatnonzero(logits >= self._best - self._reach)) < self._top_count:
            self._reach *= 2
        if len(head) > _MANY * self._top_count:
            self._reach *= 0.8
        order = np.lexsort((head, -logits[head]))
        found: list[int] = head[order[: self._top_count]].tolist()
        return found

    def saw(self, stage: str, candidates: Candidates) -> None:
        """Note which of the top the stage cut."""
        size = len(candidates)
        if size == self._size and stage not in _RULES_OUT:
            return
        ids = candidates.ids()
        if stage in _RULES_OUT and (possible := candidates.logits() > -np.inf).sum() < size:
            ids = ids[possible]
        if len(ids) == self._size:
            return
        self._size = len(ids)
        alive = set(ids.tolist()) if len(ids) <= _FEW else set(np.intersect1d(self._top, ids).tolist())
        for token in self._top:
            if token not in alive:
                self._cut.setdefault(token, stage)

    def drew(self, token: int) -> None:
        """Nothing: what was drawn is told with the record."""

    def record(self, token: int, left: Candidates) -> TokenRecord:
        """The record of the last decision, in which `token` was chosen among what is `left`."""
        logits, best = self._logits, self._best
        below = np.subtract(logits, np.float32(best), out=self._below)
        weights = np.exp(below, out=self._weights)
        total = float(weights.sum())  # in pairs: good to seven digits
        log_z = best + math.log(total)
        ids, chances = self._final(left)
        p_of = (
            dict(zip(ids.tolist(), chances.tolist(), strict=True)) if len(ids) <= _FEW else _Chances(ids, chances)
        )
        own = float(logits[token])
        return TokenRecord.model_construct(
            **self._token(token),
            logprob=own - log_z,
            rank=int(np.count_nonzero(logits > own)) + 1,
            entropy=max(0.0, (log_z - best - float(weights @ below) / total) * _LOG2E),
            p=p_of.get(token, 0.0),
            kept=len(ids),
            mass=min(1.0, float(weights[ids].sum()) / total),
            log_z=log_z,
            stage=next(reversed(self._cut.values()), DRAW),
            candidates=tuple(
                Candidate.model_construct(
                    **self._token(one),
                    logit=logit,
                    p=p_of.get(one, 0.0),
                    cut=self._cut.get(one),
                )
                for one, logit in zip(self._top, logits[self._top].tolist(), strict=True)
            ),
            memory=self._memory,
        )

    def _final(self, left: Candidates) -> tuple[Any, Any]:
        """What is left, and the probabilities that it is drawn with."""
        ids, logits = left.ids(), left.logits()
        best = logits.max()
        weights = np.exp(logits - best)
        if not weights.all():
            possible = logits > -np.inf
            ids, weights = ids[possible], weights[possible]
        return ids, weights / weights.sum()

    def _token(self, token: int) -> dict[str, Any]:
        one = self._vocabulary.token(token)
        return {"id": one.id, "hex": one.hex, "special": one.special}


class _Chances:
    """The probabilities of many candidates, looked up one at a time."""

    def __init__(self, ids: Any, chances: Any) -> None:
        self._ids, self._chances = ids, chances

    def get(self, token: int, default: float) -> float:
        """Its probability."""
        place = np.flatnonzero(self._ids == token)
        return float(self._chances[place[0]]) if len(place) else default
