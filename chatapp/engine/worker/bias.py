"""Logit bias and banned words: what is added to the logits of single tokens before anything else.

A banned word is kept out of the reply's text, not out of its tokens: at each position those tokens are ruled out
that would complete it there, whatever tokens it is spelt with.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.vocabulary import Vocabulary


class Bias:
    """What is added to which logits at present, in one reply."""

    def __init__(self, vocabulary: Vocabulary, settings: SamplingSettings, reply: Sequence[int]) -> None:
        """The biases of the settings; `reply` are the tokens of the reply so far."""
        self._vocabulary = vocabulary
        self._fixed: dict[int, float] = {}
        for token, bias in settings.logit_bias:
            for one in vocabulary.tokenize(token) if isinstance(token, str) else [token]:
                if one < vocabulary.size:
                    self._fixed[one] = self._fixed.get(one, 0.0) + bias
        self._words = sorted({spelling for word in settings.banned_words for spelling in _spellings(word)})
        if self._words:
            ban = dict.fromkeys(_containing(vocabulary, self._words), -math.inf)
            self._fixed |= ban
        self._reach = max(map(len, self._words), default=1) - 1
        """Bytes of the text before a token that may belong to a banned word."""
        self._tail = b""
        self.accept(reply)

    def accept(self, tokens: Iterable[int]) -> None:
        """Know what the reply says."""
        if self._reach:
            said = b"".join(self._vocabulary.piece(token) for token in tokens)
            self._tail = (self._tail + said.lower())[-self._reach :]

    def now(self) -> dict[int, float]:
        """What to add, by token."""
        if not self._tail:
            return self._fixed
        completing = dict.fromkeys(self._completing(), -math.inf)
        return self._fixed | completing if completing else self._fixed

    def _completing(self) -> Iterator[int]:
        """The tokens that would complete a banned word that the text ends in."""
        pieces = self._vocabulary.sorted_pieces
        for word in self._words:
            for begun in range(1, len(word)):
                if self._tail.endswith(word[:begun]):
                    rest = word[begun:]
                    place = bisect_left(pieces, (rest, -1))
                    while place < len(pieces) and pieces[place][0].startswith(rest):
                        yield pieces[place][1]
                        place += 1


def _spellings(word: str) -> set[bytes]:
    """A word in its usual capitals; those of ASCII make no difference to how texts are compared here."""
    return {one.encode("utf-8", "replace").lower() for one in (word, word.lower(), word.upper(), word.title())}


def _containing(vocabulary: Vocabulary, words: Sequence[bytes]) -> Iterator[int]:
    return (token for piece, token in vocabulary.sorted_pieces if any(word in piece for word in words))
