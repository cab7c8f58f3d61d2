"""Records how the tokens of a text are decided, at a price of a few per cent of the time that a token takes.

The whole vocabulary is gone over three times (exponential, sum, threshold); all else is done on the few candidates
that have a chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chatapp.conversation.decision import DRAW, Candidate, Memory, TokenRecord
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.chain import Moment
from chatapp.engine.worker.vocabulary import Vocabulary

_HEADS = (6.0, 12.0, np.inf)
"""How far below the best logit the top is looked for, until it is found."""
_FEW = 512
"""Candidates that Python goes over faster than numpy."""
_LOG2E = 1 / np.log(2)


class Recorder:
    """An observer that keeps the top of each decision, and what was chosen."""

    def __init__(self, vocabulary: Vocabulary, top: int) -> None:
        self._vocabulary = vocabulary
        self._top_count = min(top, vocabulary.size)
        self._logits: Any = None
        self._best = 0.0
        self._top: Any = None
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

    def _find_top(self, logits: Any) -> Any:
        for reach in _HEADS:
            head = np.flatnonzero(logits >= self._best - reach)
            if len(head) >= self._top_count:
                break
        order = np.lexsort((head, -logits[head]))
        return head[order[: self._top_count]]

    def saw(self, stage: str, candidates: Candidates) -> None:
        """Note which of the top the stage cut."""
        ids, logits = candidates.ids(), candidates.logits()
        may_have_ruled_out = stage in {"top_n_sigma", "bias", "temperature"}
        if len(ids) == self._size and not may_have_ruled_out:
            return
        self._size = len(ids)
        if may_have_ruled_out:
            ids = ids[logits > -np.inf]
        if len(ids) < self._vocabulary.size:
            alive = set(ids.tolist()) if len(ids) <= _FEW else set(self._top[np.isin(self._top, ids)].tolist())
            for token in self._top.tolist():
                if token not in alive:
                    self._cut.setdefault(token, stage)

    def drew(self, token: int) -> None:
        """Nothing: what was drawn is told with the record."""

    def record(self, token: int, left: Candidates) -> TokenRecord:
        """The record of the last decision, in which `token` was chosen among what is `left`."""
        logits = self._logits
        own, best = float(logits[token]), self._best
        below = logits - np.float32(best)
        weights = np.exp(below)
        total = float(weights.sum(dtype=np.float64))
        log_z = best + float(np.log(total))
        entropy = (log_z - best - float(weights @ below) / total) * _LOG2E
        ids, chances = self._final(left)
        place = np.flatnonzero(ids == token)
        final = dict(zip(ids.tolist(), chances.tolist(), strict=True)) if len(ids) <= 4 * self._top_count else None
        p_of = (lambda one: final.get(one, 0.0)) if final is not None else _lookup(ids, chances, len(logits))
        cut = [self._cut.get(int(one)) for one in self._top]
        return TokenRecord.model_construct(
            **self._token(token),
            logprob=own - log_z,
            rank=int(np.count_nonzero(logits > own)) + 1,
            entropy=max(0.0, entropy),
            p=float(chances[place[0]]) if len(place) else 0.0,
            kept=len(ids),
            mass=min(1.0, float(weights[ids].sum(dtype=np.float64)) / total),
            log_z=log_z,
            stage=next((stage for stage in reversed(list(self._cut.values()))), DRAW),
            candidates=tuple(
                Candidate.model_construct(
                    **self._token(int(one)), logit=float(logits[one]), p=float(p_of(int(one))), cut=stage
                )
                for one, stage in zip(self._top, cut, strict=True)
            ),
            memory=self._memory,
        )

    def _final(self, left: Candidates) -> tuple[Any, Any]:
        """What is left, and the probabilities that it is drawn with."""
        ids, logits = left.ids(), left.logits()
        possible = logits > -np.inf
        ids, logits = ids[possible], logits[possible]
        weights = np.exp(logits - logits.max())
        return ids, weights / weights.sum()

    def _token(self, token: int) -> dict[str, Any]:
        one = self._vocabulary.token(token)
        return {"id": one.id, "hex": one.hex, "special": one.special}


def _lookup(ids: Any, chances: Any, size: int) -> Any:
    dense = np.zeros(size, np.float32)
    dense[ids] = chances
    return lambda one: float(dense[one])
