"""What a prompt can start from, of a sequence that is held or that waits, and in which batches it is read.

In reproducible mode the logits of a prompt must not depend on what was in the cache before. With flash attention
off they depend on one thing only: a token that is evaluated alone takes another path through llama.cpp's kernels
than one that is evaluated with others. So there, tokens that were evaluated alone (a reply's) are evaluated
again when they come back in a prompt, and batches end at fixed places. Only a reply that goes on where it stopped
has its tokens evaluated alone once more, as they were when they were drawn: so it is the reply it would have been.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.prefix import common_prefix
from chatapp.engine.worker.states import State


class Reuse:
    """The rules for one model, and what the present prompt makes of them."""

    def __init__(self, model: Any, chunk: int, *, reproducible: bool) -> None:
        """The rules.

        Args:
            model: The model's pointer.
            chunk: See there.
            reproducible: Whether logits must not depend on what was in the cache before.
        """
        self.reproducible = reproducible
        self.chunk = chunk
        """Tokens of a prompt that are evaluated at once; what is set here later may only be smaller."""
        self.window: int = L.llama_model_n_swa(model)
        """Tokens that a sliding window sees; 0 where there is none."""
        self.recurrent = bool(L.llama_model_is_recurrent(model) or L.llama_model_is_hybrid(model))
        """Such a model remembers its last token's state only: what it holds cannot be cut back."""
        self.can_be_cut = not self.recurrent and not self.window
        self._whole = 0
        """Tokens of the present prompt that are evaluated in batches; those of a reply that goes on are not."""
        self.fork = 0
        """Tokens of the present prompt after which a state is put aside: others have begun so, and may again."""

    def begin(self, prompt: list[int], drawn: int, known: Iterable[list[int]]) -> None:
        """Another prompt comes.

        Args:
            prompt: The whole prompt.
            drawn: How many tokens at its end were drawn by the reply that now goes on.
            known: The sequences that are held, or that wait.
        """
        self._whole = len(prompt) - drawn if self.reproducible else len(prompt)
        self.fork = 0 if self.can_be_cut else self._find_fork(prompt, known)

    def _find_fork(self, prompt: list[int], known: Iterable[list[int]]) -> int:
        """Where a prompt leaves what is known; only of interest where that cannot be cut back to there."""
        fork = min(max(common_prefix(tokens, prompt) for tokens in known), len(prompt) - 1)
        return fork - fork % self.chunk if self.reproducible else fork

    def usable(self, tokens: list[int], batched: int, first: int, prompt: list[int]) -> int:
        """How many of a sequence's tokens a prompt can start from.

        Args:
            tokens: Those that are held.
            batched: How many of them, from the start on, were evaluated together with others.
            first: The first position of which everything is held.
            prompt: The whole prompt.
        """
        shared = self._same_logits(min(common_prefix(tokens, prompt), len(prompt) - 1), batched)
        return shared if shared == len(tokens) or self.can_cut(shared, first) else 0

    def usable_of(self, state: State, prompt: list[int]) -> int:
        """The same of a state that waits, which holds no more than the window before its end."""
        first = max(0, len(state.tokens) - self.window) if self.window else 0
        return self.usable(state.tokens, state.batched, first, prompt)

    def _same_logits(self, shared: int, batched: int) -> int:
        """How many of the shared tokens give the logits of a prompt that is evaluated from its start."""
        if not self.reproducible:
            return shared
        if batched == self._whole <= shared:
            return shared  # a reply that goes on where it stopped
        alone = self._whole % self.chunk == 1  # the last one is a batch of its own
        shared = min(shared, batched, self._whole - alone)
        first_batch = min(self._whole - shared, self.chunk - shared % self.chunk)
        return shared - 1 if first_batch == 1 and shared % self.chunk else shared

    def can_cut(self, kept: int, first: int) -> bool:
        """Whether what follows the first `kept` tokens can be removed, and the next one sees all that it must."""
        return not self.recurrent and 0 <= first <= max(0, kept - self.window + 1)

    def end_of_batch(self, done: int) -> int:
        """Where the batch ends that follows so many tokens of the present prompt."""
        if done >= self._whole:
            return done + 1
        end = min(self._whole, done - done % self.chunk + self.chunk)
        return self.fork if done < self.fork < end else end
