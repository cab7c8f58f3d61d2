"""Looks at a whole decision: what each stage of the chain left of the vocabulary, with which probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chatapp.conversation.decision import TEMPERATURES, Curve, Decision, Draw, Memory, Row, Stage
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.chain import Moment, aim, surprise_limit
from chatapp.engine.worker.draw import SECOND_DRAW, uniform
from chatapp.engine.worker.vocabulary import Vocabulary

LOGITS = "logits"
_CUT = -1.0
_CURVES = 5
_AFTER_CUT_OFFS = {"temperature", "mirostat", "adaptive_p"}


@dataclass(frozen=True)
class _Seen:
    """What a stage left, over the whole vocabulary: probabilities, negative for what is cut, and logits."""

    name: str
    p: Any
    logits: Any
    kept: int


class Staging:
    """An observer that keeps everything. Computes with 64-bit sums of llama.cpp's own 32-bit logits."""

    wants_all = True

    def __init__(self, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self._vocabulary = vocabulary
        self._settings = settings
        self._seen: list[_Seen] = []
        self._moment: Moment
        self._refused: int | None = None
        self._token = 0

    def begins(self, logits: Any, moment: Moment, refused: int | None) -> None:
        """Start over with every token."""
        self._moment, self._refused = moment, refused
        self._seen = [self._look(LOGITS, np.arange(len(logits)), logits)]

    def saw(self, stage: str, candidates: Candidates) -> None:
        """Keep what the stage left."""
        self._seen.append(self._look(stage, candidates.ids(), candidates.logits()))

    def drew(self, token: int) -> None:
        """Keep what was chosen."""
        self._token = token

    def _look(self, name: str, ids: Any, logits: Any) -> _Seen:
        possible = logits > -np.inf
        ids, logits = ids[possible], logits[possible]
        p = np.full(self._vocabulary.size, _CUT)
        if len(ids):
            weights = np.exp(logits.astype(np.float64) - float(logits.max()))
            p[ids] = weights / weights.sum()
        dense = np.full(self._vocabulary.size, -np.inf, np.float32)
        dense[ids] = logits
        return _Seen(name, p, dense, len(ids))

    def decision(self, *, prompt_tokens: int, top: int, memory: Memory | None = None) -> Decision:
        """All that was seen.

        Args:
            prompt_tokens: Tokens that stand before the one decided.
            top: So many of the likeliest of each stage get a row.
            memory: What is remembered after the draw.
        """
        plain = self._seen[0]
        best = float(plain.logits.max())
        log_z = best + float(np.log(np.exp(plain.logits.astype(np.float64) - best).sum()))
        ids = {self._token, *(() if self._refused is None else (self._refused,))}
        for seen in self._seen:
            ids.update(likeliest(seen.p, top))
        order = sorted(ids, key=lambda token: (-plain.p[token], token))
        return Decision(
            vocabulary=self._vocabulary.size,
            prompt_tokens=prompt_tokens,
            stages=tuple(self._stage(place) for place in range(len(self._seen))),
            rows=tuple(self._row(token, place, top) for place, token in enumerate(order)),
            draw=self._draw(memory),
            log_z=log_z,
        )

    def curves(self) -> tuple[Curve, ...]:
        """How the likeliest of those that reach the temperature fare as it goes from 0 to 2."""
        names = [seen.name for seen in self._seen]
        end = next((place for place, name in enumerate(names) if name in _AFTER_CUT_OFFS), len(names))
        before = self._seen[end - 1]
        logits = before.logits[before.p >= 0].astype(np.float64)
        best = float(logits.max())
        sums = [float(np.exp((logits - best) / t).sum()) if t else 1.0 for t in TEMPERATURES]
        shown = likeliest(before.p, _CURVES)

        def at(token: int, temperature: float, total: float) -> float:
            if not temperature:
                return float(token == shown[0])
            return float(np.exp((float(before.logits[token]) - best) / temperature) / total)

        return tuple(
            Curve(
                **self._vocabulary.token(token).model_dump(),
                p=tuple(at(token, t, total) for t, total in zip(TEMPERATURES, sums, strict=True)),
            )
            for token in shown
        )

    def _row(self, token: int, place: int, top: int) -> Row:
        chances = (float(seen.p[token]) for seen in self._seen)
        plain = self._seen[0].logits
        among_the_likeliest = place < top  # and so are all that stand before it
        rank = place if among_the_likeliest else int(np.count_nonzero(plain > plain[token]))
        return Row(
            **self._vocabulary.token(token).model_dump(),
            logit=float(plain[token]),
            rank=rank + 1,
            p=tuple(None if p < 0 else p for p in chances),
        )

    def _stage(self, place: int) -> Stage:
        seen = self._seen[place]
        kept = seen.p >= 0
        return Stage(
            sampler=seen.name,
            kept=seen.kept,
            mass=min(1.0, float(self._seen[0].p[kept].sum())),
            entropy=entropy(seen.p[kept]),
            threshold=self._threshold(seen, self._seen[place - 1]) if place else None,
        )

    def _threshold(self, seen: _Seen, before: _Seen) -> float | None:
        """Where the stage cut, as `Stage` describes it."""
        settings, p = self._settings, before.p[before.p >= 0]
        find: dict[str, Callable[[], float]] = {
            "top_k": lambda: settings.top_k,
            "top_p": lambda: settings.top_p,
            "min_p": lambda: settings.min_p * p.max(),
            "top_n_sigma": lambda: p.max() * np.exp(-settings.top_n_sigma * _spread(before)),
            "typical_p": lambda: np.abs(-np.log2(before.p[seen.p > 0]) - entropy(p)).max(initial=0.0),
            "temperature": lambda: self._temperature(seen, before),
            "mirostat": lambda: (
                seen.kept if settings.mirostat == 1 else surprise_limit(settings, self._moment.memory)
            ),
            "adaptive_p": lambda: aim(settings, self._moment.memory),
        }
        if self._moment.xtc_chance <= settings.xtc_probability:
            find["xtc"] = lambda: settings.xtc_threshold
        return float(find[seen.name]()) if seen.name in find else None

    def _temperature(self, seen: _Seen, before: _Seen) -> float:
        """The one that was in force, also where it moves with the doubt."""
        if not self._settings.dynatemp_range or not self._settings.temperature:
            return self._settings.temperature
        kept = np.flatnonzero(seen.p >= 0)
        spread = np.ptp(seen.logits[kept].astype(np.float64))
        return float(np.ptp(before.logits[kept].astype(np.float64)) / spread) if spread else 0.0

    def _draw(self, memory: Memory | None) -> Draw:
        last, token = self._seen[-1], self._token
        own = float(last.p[token])
        ids = np.arange(len(last.p))
        low = float(last.p[(last.p > own) | ((last.p == own) & (ids < token))].sum())
        use = 0 if self._refused is None else SECOND_DRAW
        return Draw(
            seed=self._moment.seed,
            position=self._moment.index,
            chance=uniform(self._moment.seed, self._moment.index, use),
            token=self._vocabulary.token(token),
            low=low,
            high=low + own,
            xtc_chance=self._moment.xtc_chance if any(seen.name == "xtc" for seen in self._seen) else None,
            refused=None if self._refused is None else self._vocabulary.token(self._refused),
            memory=memory,
        )


def _spread(seen: _Seen) -> float:
    """Standard deviation of the logits that are left."""
    return float(seen.logits[seen.p >= 0].std(dtype=np.float64))


def likeliest(p: Any, count: int) -> list[int]:
    """The ids of the likeliest with a chance, the likeliest first, ties by id; `p` over the whole vocabulary."""
    ids = np.flatnonzero(p >= 0)
    if len(ids) > count:
        least = np.partition(p[ids], len(ids) - count)[len(ids) - count]
        ids = np.flatnonzero(p >= max(least, 0.0))
    order = np.lexsort((ids, -p[ids]))
    return [int(token) for token in ids[order][:count]]


def entropy(p: Any) -> float:
    """Of these probabilities, in bits."""
    p = p[p > 0]
    return float(max(0.0, -(p * np.log2(p)).sum()))
