"""The sampler chain: llama.cpp's own samplers, one after the other, in the order that the settings say.

They are applied one by one and not as one of llama.cpp's chains, so that whoever wants to can look at the
candidates between two of them; drawing and looking go the same way. What is random or remembered in a sampler is
decided here, from seed and position or from the memory of the reply, and handed to a sampler made for one token:
so nothing is kept but what a `Memory` holds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.decision import Memory
from chatapp.conversation.sampling import SamplingSettings, active
from chatapp.engine.worker.bias import Bias
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.draw import XTC, uniform
from chatapp.engine.worker.vocabulary import Vocabulary

MIROSTAT_LIKELIEST = 100
"""Candidates that version 1 estimates the spread from; llama.cpp's number."""

_KEPT = 4
"""DRY samplers that are kept to be copied."""

Watch = Callable[[str, Candidates], None]


@dataclass(frozen=True)
class Moment:
    """What a token is drawn with, beside the settings."""

    seed: int
    index: int
    """The position of the token in the reply."""
    memory: Memory
    best: float
    """The highest logit: looked for once, because a whole vocabulary is not in the processor's cache."""

    @property
    def xtc_chance(self) -> float:
        """XTC acts where this is at most its probability."""
        return uniform(self.seed, self.index, XTC)


class Chain:
    """The samplers for one set of settings. `names` are those that act, in their order."""

    def __init__(self, vocabulary: Vocabulary, settings: SamplingSettings, context: int, bias: Bias) -> None:
        """A chain; `context` is the size of the context window in tokens."""
        self.names = active(settings)
        self._settings = settings
        self._vocabulary = vocabulary
        self._dry_window = context if settings.dry_last_n < 0 else settings.dry_last_n
        self._bias = bias
        self._steps: dict[str, Callable[[Candidates, Moment], None]] = {
            "bias": self._apply_bias,
            "typical_p": self._apply_typical,
            "xtc": self._apply_xtc,
            "temperature": self._apply_temperature,
            "mirostat": self._apply_mirostat,
            "adaptive_p": self._apply_adaptive,
        }
        self._samplers: dict[str, Any] = {}
        for name in self.names:
            if (make := _LASTING.get(name)) is not None:
                self._samplers[name] = _made(make(settings, vocabulary, context))

    def run(self, candidates: Candidates, moment: Moment, watch: Watch | None = None) -> None:
        """Narrow the candidates; `watch` is called after each sampler with its name."""
        for name in self.names:
            if (step := self._steps.get(name)) is not None:
                step(candidates, moment)
            else:
                candidates.apply(self._samplers[name])
            if watch is not None:
                watch(name, candidates)

    def accept(self, tokens: Sequence[int]) -> None:
        """Let the penalties and DRY know what was said."""
        for name in ("penalties", "dry"):
            if (sampler := self._samplers.get(name)) is not None:
                window = self._settings.repeat_last_n if name == "penalties" else self._dry_window
                for token in tokens[-window:]:
                    L.llama_sampler_accept(sampler, token)

    def close(self) -> None:
        """Free what llama.cpp holds."""
        for sampler in self._samplers.values():
            L.llama_sampler_free(sampler)
        self._samplers.clear()

    # Steps that are made for one token ---------------------------------------------------------------------------

    def _apply_bias(self, candidates: Candidates, _moment: Moment) -> None:
        if biases := self._bias.now():
            pairs = (L.llama_logit_bias * len(biases))(*biases.items())
            _apply_once(candidates, L.llama_sampler_init_logit_bias(self._vocabulary.size, len(biases), pairs))

    def _apply_typical(self, candidates: Candidates, _moment: Moment) -> None:
        # llama.cpp's typical-p computes 0 × log 0 for what n-sigma or a ban made impossible, and cuts at random.
        candidates.drop_impossible()
        candidates.apply(self._samplers["typical_p"])

    def _apply_xtc(self, candidates: Candidates, moment: Moment) -> None:
        if moment.xtc_chance <= self._settings.xtc_probability:
            candidates.apply(self._samplers["xtc"])

    def _apply_temperature(self, candidates: Candidates, _moment: Moment) -> None:
        if self._settings.temperature == 0:  # always greedy, also where llama.cpp's dynamic range would not be
            candidates.keep_likeliest()
        else:
            candidates.apply(self._samplers["temperature"])

    def _apply_mirostat(self, candidates: Candidates, moment: Moment) -> None:
        # A fresh sampler allows twice its target: half of what is remembered makes it allow just that.
        half = surprise_limit(self._settings, moment.memory) / 2
        if self._settings.mirostat == 1:
            one = L.llama_sampler_init_mirostat(self._vocabulary.size, 0, half, 0.0, MIROSTAT_LIKELIEST)
        else:
            one = L.llama_sampler_init_mirostat_v2(0, half, 0.0)
        _apply_once(candidates, one)

    def _apply_adaptive(self, candidates: Candidates, moment: Moment) -> None:
        # A fresh sampler that forgets at once aims at its target itself.
        _apply_once(candidates, L.llama_sampler_init_adaptive_p(aim(self._settings, moment.memory), 0.0, 0))


def surprise_limit(settings: SamplingSettings, memory: Memory) -> float:
    """Mirostat's mu, in bits: what is remembered, or twice the target at the start."""
    return 2 * settings.mirostat_tau if memory.mirostat_mu is None else memory.mirostat_mu


def aim(settings: SamplingSettings, memory: Memory) -> float:
    """The probability that adaptive-p aims at, so that the average comes to its target."""
    target = np.float32(settings.adaptive_target)
    if memory.adaptive_sum is None or not memory.adaptive_weight:
        return float(target)
    average = np.float32(memory.adaptive_sum) / np.float32(memory.adaptive_weight)
    return float(np.clip(np.float32(2) * target - average, np.float32(0), np.float32(1)))


def remembered(settings: SamplingSettings, memory: Memory, p_mirostat: float, p_adaptive: float) -> Memory:
    """The memory after a token was drawn, computed as llama.cpp does, in 32-bit numbers.

    Args:
        settings: Those that it was drawn with.
        memory: What was remembered before.
        p_mirostat: Its probability among those that mirostat left.
        p_adaptive: Its probability before adaptive-p bent the others.
    """
    one = np.float32
    if settings.mirostat:
        error = -np.log2(one(p_mirostat)) - one(settings.mirostat_tau)
        limit = one(surprise_limit(settings, memory)) - one(settings.mirostat_eta) * error
        return memory.model_copy(update={"mirostat_mu": float(limit)})
    decay = one(settings.adaptive_decay)
    total = one(1) / (one(1) - decay) if memory.adaptive_weight is None else one(memory.adaptive_weight)
    sum_ = (
        one(settings.adaptive_target) / (one(1) - decay)
        if memory.adaptive_sum is None
        else one(memory.adaptive_sum)
    )
    return memory.model_copy(
        update={
            "adaptive_sum": float(one(p_adaptive) + decay * sum_),
            "adaptive_weight": float(one(1) + decay * total),
        }
    )


def _made(sampler: Any) -> Any:
    if not sampler:
        raise MemoryError("llama.cpp could not make a sampler")
    return sampler


def _apply_once(candidates: Candidates, sampler: Any) -> None:
    try:
        candidates.apply(_made(sampler))
    finally:
        L.llama_sampler_free(sampler)


def _dry(settings: SamplingSettings, vocabulary: Vocabulary, context: int) -> Any:
    """A copy of a sampler that has seen nothing: to look the breakers up in the whole vocabulary takes a while."""
    last_n = context if settings.dry_last_n < 0 else settings.dry_last_n
    numbers = (settings.dry_multiplier, settings.dry_base, settings.dry_allowed_length, last_n)
    fresh = vocabulary.kept.get((*numbers, settings.dry_breakers))
    if fresh is None:
        breakers = [text.encode() for text in settings.dry_breakers]
        texts = (ctypes.c_char_p * len(breakers))(*breakers)
        fresh = _made(L.llama_sampler_init_dry(vocabulary.pointer, *numbers, texts, len(breakers)))
        if len(vocabulary.kept) >= _KEPT:
            L.llama_sampler_free(vocabulary.kept.pop(next(iter(vocabulary.kept))))
        vocabulary.kept[*numbers, settings.dry_breakers] = fresh
    return L.llama_sampler_clone(fresh)


_LASTING: dict[str, Callable[[SamplingSettings, Vocabulary, int], Any]] = {
    "penalties": lambda s, vocabulary, _: L.llama_sampler_init_penalties(
        vocabulary.size, s.repeat_last_n, s.repeat_penalty, s.frequency_penalty, s.presence_penalty
    ),
    "dry": _dry,
    "top_n_sigma": lambda s, *_: L.llama_sampler_init_top_n_sigma(s.top_n_sigma),
    "top_k": lambda s, *_: L.llama_sampler_init_top_k(s.top_k),
    "typical_p": lambda s, *_: L.llama_sampler_init_typical(s.typical_p, 1),
    "top_p": lambda s, *_: L.llama_sampler_init_top_p(s.top_p, 1),
    "min_p": lambda s, *_: L.llama_sampler_init_min_p(s.min_p, 1),
    "xtc": lambda s, *_: L.llama_sampler_init_xtc(1.0, s.xtc_threshold, 1, 0),  # whether it acts is decided here
    "temperature": lambda s, *_: L.llama_sampler_init_temp_ext(
        s.temperature, s.dynatemp_range, s.dynatemp_exponent
    ),
}
"""Samplers that need nothing but the settings and what was said."""
