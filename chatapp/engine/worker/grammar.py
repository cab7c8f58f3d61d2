"""The grammar that a reply must follow.

llama.cpp's grammar sampler looks at every candidate, which takes as long as the model. So a token is drawn first,
and only that one is looked at; when it is refused, all candidates are, and another is drawn: llama.cpp's own way.
Of all candidates, those are not looked at that begin with a character which the grammar refuses.
"""

from __future__ import annotations

from codecs import IncrementalDecoder
from collections.abc import Sequence
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.gbnf import ROOT, GrammarError, check_grammar
from chatapp.conversation.json_schema import grammar_of_schema
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.stream import incremental_utf8
from chatapp.engine.worker.vocabulary import Vocabulary


class ConstraintError(Exception):
    """The grammar or the schema cannot be used; the message is a sentence for people."""


class Grammar:
    """Where a reply stands in its grammar."""

    def __init__(self, vocabulary: Vocabulary, settings: SamplingSettings, reply: Sequence[int]) -> None:
        """The grammar of the settings. A reply that does not follow it so far begins to from here on.

        Raises:
            ConstraintError: when llama.cpp could not use it; says where it is wrong.
        """
        self._vocabulary = vocabulary
        self._text = _grammar_of(settings)
        self._few = Candidates(vocabulary.size)
        self._by_token = "<" in self._text
        """Whether the grammar may name tokens, of which their characters tell nothing."""
        self._sampler: Any = None
        self._begin()
        for token in reply:
            if not self.allows(token):
                self._begin()
                break
            self.accept(token)

    def _begin(self) -> None:
        self.close()
        self._characters: IncrementalDecoder | None = incremental_utf8("strict")
        self._sampler = L.llama_sampler_init_grammar(
            self._vocabulary.pointer, self._text.encode("utf-8", "replace"), ROOT.encode()
        )
        if not self._sampler:  # added to a chain, it would end the process
            raise ConstraintError("llama.cpp cannot use this grammar; it does not say why.")

    def allows(self, token: int) -> bool:
        """Whether the reply may go on with a token."""
        return not self._refuses([token])[0]

    def _refuses(self, tokens: Any) -> Any:
        """Which of some tokens the reply may not go on with, as a mask."""
        self._few.these(tokens)
        self._few.apply(self._sampler)
        return self._few.logits() == -np.inf

    def narrow(self, candidates: Candidates) -> None:
        """Leave only what the reply may go on with."""
        candidates.apply(self._sampler)
        candidates.drop_impossible()

    def narrow_all(self, candidates: Candidates) -> None:
        """The same for a whole vocabulary."""
        if not self._by_token and self._between_characters:
            possible = np.ones(self._vocabulary.size, bool)
            for openings in self._vocabulary.openings:
                possible &= ~openings.refused(possible, self._refuses)
            candidates.keep(possible)
        self.narrow(candidates)

    @property
    def _between_characters(self) -> bool:
        """Whether the reply so far ends with a whole character."""
        return self._characters is not None and not self._characters.getstate()[0]

    def accept(self, token: int) -> None:
        """Go on with a token that is allowed, and that does not end the reply."""
        L.llama_sampler_accept(self._sampler, token)
        try:
            if self._characters is not None:
                self._characters.decode(self._vocabulary.piece(token))
        except UnicodeDecodeError:
            self._characters = None  # from here on no place is known to be between two

    def close(self) -> None:
        """Free what llama.cpp holds."""
        if self._sampler:
            L.llama_sampler_free(self._sampler)
            self._sampler = None


def is_constrained(settings: SamplingSettings) -> bool:
    """Whether the settings name a grammar or a schema."""
    return bool(settings.grammar or settings.json_schema)


def _grammar_of(settings: SamplingSettings) -> str:
    try:
        if settings.json_schema:
            return grammar_of_schema(settings.json_schema)
        check_grammar(settings.grammar)
    except GrammarError as error:
        raise ConstraintError(f"The {'JSON schema' if settings.json_schema else 'grammar'}: {error}.") from None
    return settings.grammar
