"""Looks into decisions beside the conversation: one token through all stages, a whole text, a choice of words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chatapp.conversation.decision import Decision, Memory, TokenRecord
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import NEUTRAL, SamplingSettings
from chatapp.engine.prefix import common_prefix
from chatapp.engine.protocol import (
    Choose,
    Chosen,
    Decide,
    Decided,
    Detokenize,
    Detokenized,
    Prefill,
    Restage,
    Score,
    Scored,
)
from chatapp.engine.worker.cache import Aborted
from chatapp.engine.worker.candidates import logits_at
from chatapp.engine.worker.model import Model
from chatapp.engine.worker.record import Recorder
from chatapp.engine.worker.sampler import Said, Sampler
from chatapp.engine.worker.staging import Staging
from chatapp.engine.worker.stream import incremental_utf8

_TOLD_EVERY = 0.05
_NEAR = 8
"""Tokens that are rather evaluated beside what the KV cache holds than in its place."""
_PLAIN = SamplingSettings.model_validate(NEUTRAL)

Tell = Callable[[Prefill], None]


class LookError(Exception):
    """What was asked cannot be shown; the message is a sentence for people."""


@dataclass(frozen=True)
class _Seen:
    """The token asked about last: the logits it is drawn from, and what stands before it."""

    logits: Any
    said: Said
    seed: int
    index: int
    memory: Memory


class Looker:
    """Answers questions about one model's decisions. Keeps the logits of the last token asked about."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._seen: _Seen | None = None

    def decide(self, request: Decide, tell: Tell) -> Decided:
        """How the next token after a text is decided.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            LookError: when nothing stands before the token.
            ConstraintError, NoCandidatesError: when it cannot be decided with these settings.
            Aborted, NoRoomError: when it was cancelled, or the context window is full.
        """
        ids = self._model.prompts.ids(request.turns, template=request.template, open_last=request.open_last)
        begun = _known_end(ids, request.turns, open_last=request.open_last) + len(request.begun)
        ids = [*ids, *request.begun]
        self._check(ids)
        if not ids:
            raise LookError("Nothing stands before this token, and this model has none to begin a text with.")
        progress = _Progress(request.id, len(ids), tell)
        evaluated = self._go_along(ids, begun, progress) if request.along else None
        if evaluated is None:
            self._read(ids, begun, progress)
            logits = self._model.aside.last(ids, begun, progress)
        else:
            logits = logits_at(self._model.cache.logits(), self._model.vocabulary.size).copy()
        said = Said(ids, len(ids) - begun)
        self._seen = _Seen(logits, said, request.seed, request.index, request.memory)
        decision = self._staged(self._seen, request)
        return Decided(id=request.id, decision=decision.model_copy(update={"evaluated": evaluated}))

    def _go_along(self, ids: list[int], begun: int, progress: Callable[[int], None]) -> int:
        """Bring the KV cache to where a reply would have it that has said this; how many tokens that takes."""
        cache = self._model.cache
        cache.recall(ids, begun)
        kept = cache.keep_prefix(ids)
        cache.prefill(ids, progress, self._pause)
        return len(ids) - kept

    def _read(self, ids: list[int], begun: int, progress: Callable[[int], None]) -> None:
        """Have the KV cache hold what stands before a token, where it holds much less, as a reply would have it.

        So the tokens around it cost one each. What the cache held and loses by that waits as for any other prompt.
        """
        cache, before = self._model.cache, ids[:-1]
        shared = common_prefix(cache.tokens, before)
        if shared == len(before) or (shared < len(cache.tokens) and len(before) - shared <= _NEAR):
            return
        cache.recall(ids, begun)
        cache.keep_prefix(ids)
        cache.prefill(before, progress, self._pause)

    def _pause(self) -> None:
        if self._model.abort.requested:
            raise Aborted

    def restage(self, request: Restage) -> Decided:
        """The same token with other settings.

        Raises:
            LookError: when none was asked about before.
            ConstraintError, NoCandidatesError: when it cannot be decided with these settings.
        """
        if self._seen is None:
            raise LookError("No token has been looked at yet.")
        seen = _Seen(
            self._seen.logits,
            self._seen.said,
            self._seen.seed if request.seed is None else request.seed,
            self._seen.index,
            request.memory or self._seen.memory,
        )
        return Decided(id=request.id, decision=self._staged(seen, request))

    def _staged(self, seen: _Seen, request: Decide | Restage) -> Decision:
        staging = Staging(self._model.vocabulary, request.settings)
        sampler = self._sampler(request.settings, seen.seed, seen.said, seen.memory)
        try:
            sampler.draw(seen.logits, seen.index, staging)
        finally:
            sampler.close()
        memory = sampler.memory if sampler.memory != Memory() else None
        decision = staging.decision(prompt_tokens=len(seen.said.tokens), top=request.top, memory=memory)
        return decision.model_copy(update={"curves": staging.curves()}) if request.curves else decision

    def score(self, request: Score, tell: Tell) -> Scored:
        """How each token of a text would be decided.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            ConstraintError, NoCandidatesError: when it cannot be decided with these settings.
            Aborted, NoRoomError: when it was cancelled, or the context window is full.
        """
        before, text = self._before_and_text(request)
        begun = 0 if before else 1  # a token that nothing stands before cannot be scored
        tokens = [*before, *text[:-1]]
        self._check(tokens)
        first = max(0, len(before) - 1)
        settings = request.settings or _PLAIN
        recorder = Recorder(self._model.vocabulary, request.top)
        sampler = self._sampler(settings, request.seed, Said(tokens[: first + 1], len(before)), Memory())
        records: list[TokenRecord] = []
        try:
            rows = self._model.aside.each(tokens, first, _Progress(request.id, len(tokens), tell))
            for index, (token, logits) in enumerate(zip(text[begun:], rows, strict=False), begun):
                sampler.follow(logits, index, token, recorder)
                records.append(recorder.record(token, sampler.left))
                sampler.accept(token)
        finally:
            sampler.close()
        return Scored(id=request.id, records=tuple(records))

    def _before_and_text(self, request: Score) -> tuple[list[int], list[int]]:
        *turns, last = request.turns
        before = self._model.prompts.ids(turns, template=request.template) if turns or request.template else []
        vocabulary = self._model.vocabulary
        if not before and vocabulary.adds_bos:
            before = [vocabulary.bos]
        if last.token_ids:
            return before, list(last.token_ids)
        follows_text = bool(before) and vocabulary.is_plain(before[-1])
        return before, (vocabulary.tokenize_after_text if follows_text else vocabulary.tokenize)(last.content)

    def choose(self, request: Choose, tell: Tell) -> Chosen:
        """How likely the first tokens of some texts are, compared with the whole vocabulary.

        Raises:
            TemplateError: when the chat template cannot render the turns.
            LookError: when two choices begin with the same token.
            Aborted, NoRoomError: when it was cancelled, or the context window is full.
        """
        vocabulary, prompts = self._model.vocabulary, self._model.prompts
        ids = prompts.ids(request.turns, template=request.template)
        tokenize = vocabulary.tokenize_after_text if ids and vocabulary.is_plain(ids[-1]) else vocabulary.tokenize
        firsts: dict[int, str] = {}
        for choice in request.choices:
            token = next(iter(tokenize(choice)), None)
            if token is None:
                raise LookError("A choice is empty.")
            if token in firsts:
                raise LookError(f"‘{firsts[token]}’ and ‘{choice}’ begin with the same token: take other words.")
            firsts[token] = choice
        self._check(ids)
        logits = self._model.aside.last(ids, 0, _Progress(request.id, len(ids), tell)).astype(np.float64)
        log_z = logits.max() + np.log(np.exp(logits - logits.max()).sum())
        return Chosen(id=request.id, logprobs=tuple(float(logits[token] - log_z) for token in firsts))

    def text(self, request: Detokenize) -> Detokenized:
        """What a reply that begins with these tokens says.

        Raises:
            LookError: when one of them is no token of this model, or the last one another control token.
        """
        vocabulary, ids = self._model.vocabulary, list(request.token_ids)
        self._check(ids)
        ends = bool(ids) and vocabulary.ends_turn(ids[-1])
        if ids and not ends and not vocabulary.is_plain(ids[-1]):
            raise LookError(f"{vocabulary.name(ids[-1])} is a control token: a reply cannot go on from it.")
        said = b"".join(vocabulary.piece(token) for token in (ids[:-1] if ends else ids))
        return Detokenized(id=request.id, text=incremental_utf8().decode(said), ends=ends)

    def _sampler(self, settings: SamplingSettings, seed: int, said: Said, memory: Memory) -> Sampler:
        cache = self._model.cache
        return Sampler(self._model.vocabulary, settings, seed, said, context=cache.size, memory=memory)

    def _check(self, ids: Sequence[int]) -> None:
        if len(ids) > (room := self._model.cache.size):
            raise LookError(f"This is {len(ids):,} tokens, and the context window holds {room:,}.")
        if bad := next((token for token in ids if not 0 <= token < self._model.vocabulary.size), None):
            raise LookError(f"{bad} is no token of this model.")


def _known_end(ids: Sequence[int], turns: Sequence[Turn], *, open_last: bool) -> int:
    """How many tokens at the end of a prompt are known to be those of the reply that is left open."""
    known = list(turns[-1].token_ids) if open_last and turns else []
    return len(known) if known and list(ids[-len(known) :]) == known else 0


class _Progress:
    """Tells at most twenty times a second how many tokens are done."""

    def __init__(self, number: int, total: int, tell: Tell) -> None:
        self._number, self._total, self._tell = number, total, tell
        self._told = time.monotonic()  # what is quick needs no progress

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            self._tell(Prefill(id=self._number, done=done, total=self._total, kept=0))
