"""Drawing the next token: llama.cpp's samplers narrow the candidates, the draw itself is ours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from chatapp.conversation.decision import Memory
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.bias import Bias
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.chain import Chain, Moment, remembered
from chatapp.engine.worker.draw import SECOND_DRAW, pick, uniform
from chatapp.engine.worker.grammar import Grammar, is_constrained
from chatapp.engine.worker.vocabulary import Vocabulary

_NEVER_CUT_THE_BEST = {"top_n_sigma", "top_k", "top_p", "min_p", "temperature"}
_REMEMBERING = {"mirostat", "adaptive_p"}


_SHORT_LIST = 8
"""So many times more of the likeliest are shown to a grammar than are needed, before all are."""


class NoCandidatesError(Exception):
    """There is nothing to draw from; the message is a sentence for people."""


class Observer(Protocol):
    """Looks at the candidates while a token is chosen; when the first choice was refused, from the start again."""

    wants_all: bool
    """Whether each stage is to be given all that the one before left, also where its likeliest would do."""

    def begins(self, logits: Any, moment: Moment, refused: int | None) -> None:
        """The chain is about to run; `refused` is what the grammar did not allow, if anything."""

    def saw(self, stage: str, candidates: Candidates) -> None:
        """A stage has run."""

    def drew(self, token: int) -> None:
        """The choice was made."""


@dataclass(frozen=True)
class Said:
    """The text that the next token follows: the prompt and the reply so far, which begins at `reply`."""

    tokens: Sequence[int]
    reply: int

    @property
    def of_reply(self) -> Sequence[int]:
        """The reply's own tokens."""
        return self.tokens[self.reply :]


class Sampler:
    """Draws the tokens of one reply with the settings in force."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        settings: SamplingSettings,
        seed: int,
        said: Said,
        *,
        context: int,
        memory: Memory | None = None,
    ) -> None:
        """A sampler.

        Args:
            vocabulary: The model's.
            settings: Those in force.
            seed: The seed of the reply.
            said: The prompt and the reply so far.
            context: Size of the context window in tokens.
            memory: What mirostat or adaptive-p remembers of the reply so far.

        Raises:
            ConstraintError: when the grammar or the schema of the settings cannot be used.
        """
        self.memory = memory or Memory()
        """What is remembered, the last token drawn included."""
        self._vocabulary = vocabulary
        self._context = context
        self._candidates = Candidates(vocabulary.size)
        self._seed = seed
        self._chain: Chain | None = None
        self._grammar: Grammar | None = None
        self.retune(settings, said)

    def retune(self, settings: SamplingSettings, said: Said) -> None:
        """Take other settings for the next draw on. What is remembered stays.

        Raises:
            ConstraintError: when the grammar or the schema of the settings cannot be used.
        """
        self.close()
        self._settings = settings
        self._bias = Bias(self._vocabulary, settings, said.of_reply)
        self._chain = Chain(self._vocabulary, settings, self._context, self._bias)
        self._chain.accept(said.tokens)
        if is_constrained(settings):
            self._grammar = Grammar(self._vocabulary, settings, said.of_reply)
        self._greedy = settings.temperature == 0
        self._is_argmax = self._greedy and set(self._chain.names) <= _NEVER_CUT_THE_BEST
        self._remembers = bool(_REMEMBERING & set(self._chain.names))

    @property
    def left(self) -> Candidates:
        """What the chain left for the last draw."""
        return self._candidates

    def draw(self, logits: Any, index: int, observer: Observer | None = None) -> int:
        """The next token, for the position `index` of the reply; logits of the shape (vocabulary,).

        Raises:
            NoCandidatesError: when a logit is not a number, or everything is ruled out.
        """
        moment = self._moment(logits, index)
        if self._is_argmax and observer is None:
            token = int(logits.argmax())
        else:
            token = self._draw(logits, moment, observer)
        if self._grammar is not None and not self._grammar.allows(token):
            token = self._draw(logits, moment, observer, refused=token)
        return token

    def follow(self, logits: Any, index: int, token: int, observer: Observer) -> None:
        """Look at what the chain does where a text goes on with a token that is known.

        Raises:
            NoCandidatesError: when a logit is not a number, or everything is ruled out.
        """
        moment = self._moment(logits, index)
        observer.begins(logits, moment, None)
        ids, left, unbent = self._narrow(logits, moment, observer, by_grammar=False)
        self._remember(moment, token, ids, left, unbent)

    def _moment(self, logits: Any, index: int) -> Moment:
        best = float(logits.max())
        if not math.isfinite(best):
            raise NoCandidatesError("The model computes numbers that are no numbers; its file may be damaged.")
        return Moment(self._seed, index, self.memory, best)

    def _draw(self, logits: Any, moment: Moment, observer: Observer | None, refused: int | None = None) -> int:
        if observer is not None:
            observer.begins(logits, moment, refused)
        ids, left, unbent = self._narrow(logits, moment, observer, by_grammar=refused is not None)
        chance = uniform(moment.seed, moment.index, 0 if refused is None else SECOND_DRAW)
        if self._is_argmax and refused is None:
            token = int(logits.argmax())
        else:
            token = int(ids[left.argmax()]) if self._greedy else pick(ids, left, chance)
        self._remember(moment, token, ids, left, unbent)
        if observer is not None:
            observer.drew(token)
        return token

    def _remember(self, moment: Moment, token: int, ids: Any, left: Any, unbent: Any) -> None:
        if not self._remembers or token not in ids:
            return
        place = int(np.flatnonzero(ids == token)[0])
        bent_from = 0.0 if unbent is None else _share(unbent, place)
        self.memory = remembered(self._settings, moment.memory, _share(left, place), bent_from)

    def _narrow(
        self, logits: Any, moment: Moment, observer: Observer | None, *, by_grammar: bool
    ) -> tuple[Any, Any, Any]:
        """What the chain leaves: ids, logits, and for adaptive-p the logits before it bent them."""
        assert self._chain is not None  # noqa: S101  retune made it
        candidates = self._candidates
        takes_all = observer is not None and (by_grammar or observer.wants_all)
        by_top_k = self._chain.names[:1] == ("top_k",)
        needed = self._settings.top_k if by_top_k and not takes_all else None
        if by_grammar and self._grammar is not None:
            decisive = 1 if self._is_argmax and not takes_all else needed
            self._load_allowed(self._grammar, logits, moment.best, decisive)
        elif needed is not None:
            candidates.load_likeliest(logits, needed, moment.best)
        else:
            candidates.load(logits)
        unbent = None

        def watch(stage: str, candidates: Candidates) -> None:
            nonlocal unbent
            if observer is not None:
                observer.saw(stage, candidates)
            if self._remembers and stage != "adaptive_p":
                unbent = candidates.logits().copy()

        if by_grammar:
            watch("grammar", candidates)
        elif self._remembers:
            unbent = candidates.logits().copy()
        if not len(candidates):
            raise NoCandidatesError("The grammar allows nothing here that this model could write.")
        self._chain.run(candidates, moment, watch if observer is not None or self._remembers else None)
        ids, left = candidates.ids().copy(), candidates.logits().copy()
        if not np.isfinite(left.max(initial=-np.inf)):
            raise NoCandidatesError("Nothing is left to say: bias and banned words rule every candidate out.")
        return ids, left, unbent

    def _load_allowed(self, grammar: Grammar, logits: Any, best: float, needed: int | None) -> None:
        """Begin with what the grammar allows; where so many of the likeliest decide, with these and some more."""
        candidates = self._candidates
        if needed is not None:
            candidates.load_likeliest(logits, _SHORT_LIST * needed, best)
            if len(candidates) < candidates.size:
                grammar.narrow(candidates)
                if candidates.has_distinct(needed):
                    return
        candidates.load(logits)
        grammar.narrow_all(candidates)

    def accept(self, token: int) -> None:
        """Let the penalties, the grammar and the bans know what was said."""
        if self._chain is not None:
            self._chain.accept((token,))
        self._bias.accept((token,))
        if self._grammar is not None:
            self._grammar.accept(token)

    def close(self) -> None:
        """Free what llama.cpp holds."""
        if self._chain is not None:
            self._chain.close()
            self._chain = None
        if self._grammar is not None:
            self._grammar.close()
            self._grammar = None


def _share(logits: Any, place: int) -> float:
    """The probability of one of these candidates."""
    weights = np.exp(logits - logits.max())
    return float(weights[place] / weights.sum())
