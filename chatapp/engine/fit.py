"""Memory that a model needs, term by term, from its header alone: before it is loaded.

The terms are those that llama.cpp allocates: the weights, the KV cache, and the buffers that its graph is computed
in; the fourth is our own process around them. What llama.cpp then really took corrects the next estimate
(`Lesson`). A GPU's share is not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatapp.engine.header import Header
from chatapp.engine.model import KvType, MemoryUse, ModelOptions

DEFAULT_CONTEXT = 8192
LEAST_CONTEXT = 2048
"""A default is not made smaller than this: a chat needs some room."""
ENGINE_BYTES = 50 * 2**20
"""The worker's process without a model: Python, numpy, llama.cpp's libraries."""
_VOCABULARY_BYTES = 400
"""For each token of the vocabulary: its text, and the maps from it and to it."""
_ROOMY = 0.9
"""Share of the available memory that can be taken before it is called tight."""
_F32 = 4
_ROWS, _ROW_BYTES = 16, 4 * 2**20
"""Tokens whose logits the worker may ask for in one batch, and the room it takes for them (`rows_at_once`)."""
_BYTES_OF: dict[KvType, float] = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}
_CELLS = 256
"""llama.cpp rounds the cells of a cache up to this."""


@dataclass(frozen=True)
class Need:
    """Bytes, by what they are for."""

    weights: int
    cache: int
    compute: int
    engine: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.compute + self.engine


@dataclass(frozen=True)
class Lesson:
    """What was really taken, as a multiple of what had been estimated without a lesson."""

    weights: float = 1.0
    cache: float = 1.0
    compute: float = 1.0


NO_LESSON = Lesson()


def default_context(header: Header) -> int:
    """What the model was trained for, at most 8,192 tokens."""
    return min(header.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def need(header: Header, options: ModelOptions, lesson: Lesson = NO_LESSON) -> Need:
    """The memory that a model needs when it is loaded with these options."""
    n_ctx = options.n_ctx or default_context(header)
    return Need(
        weights=round(header.weights * lesson.weights),
        cache=round(_cache(header, options, n_ctx) * lesson.cache),
        compute=round(_compute(header, options, n_ctx) * lesson.compute),
        engine=ENGINE_BYTES + _VOCABULARY_BYTES * header.vocabulary,
    )


def learn(header: Header, options: ModelOptions, measured: MemoryUse) -> Lesson:
    """How wrong the plain estimate was; `options` with every choice made."""
    plain = need(header, options)

    def ratio(really: int, thought: int) -> float:
        return really / thought if really and thought else 1.0

    return Lesson(
        ratio(measured.weights, plain.weights),
        ratio(measured.cache, plain.cache),
        ratio(measured.compute, plain.compute),
    )


def _cache(header: Header, options: ModelOptions, n_ctx: int) -> int:
    """Keys and values of every cell, and what recurrent layers keep.

    Layers with a sliding window count whole: the worker keeps all cells of theirs too, because a cache that has
    dropped some cannot go back to an earlier place in the conversation.
    """
    cells = -(-n_ctx // _CELLS) * _CELLS
    value_type: KvType = "f16" if options.reproducible else options.kv_type
    of_one_head = header.key_length * _BYTES_OF[options.kv_type] + header.value_length * _BYTES_OF[value_type]
    recurrent = header.kv_heads.count(0) if header.state else 0
    return round(cells * sum(header.kv_heads) * of_one_head) + recurrent * header.state * _F32


def _compute(header: Header, options: ModelOptions, n_ctx: int) -> int:
    """The largest layer's activations for one ubatch with its attention mask, or the logits of some tokens.

    Without flash attention the scores of every head lie there as well. Fitted to what llama.cpp allocates.
    """
    heads = header.head_count if options.reproducible else 0
    mask = _F32 if options.reproducible else 2
    attention = n_ctx * (heads * _F32 + mask)
    activations = _F32 * (2 * header.feed_forward_length + 6 * header.embedding_length)
    layer = max(attention + 3 * _F32 * header.embedding_length, activations) if heads else attention + activations
    tokens = min(options.n_ubatch, options.n_batch, n_ctx)
    row = header.vocabulary * _F32
    rows = min(_ROWS * row, max(_ROW_BYTES, row)) + tokens * 3 * _F32 * header.embedding_length
    return max(tokens * layer, rows) + row


# Whether it fits --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """An estimate beside the memory that is available; None where the system does not tell."""

    need: Need
    available: int | None
    n_ctx: int
    ways: tuple[str, ...] = ()
    """What would make it fit, in words."""

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it."""
        return self.available is None or self.need.total <= self.available

    @property
    def verdict(self) -> str:
        """One sentence for people, with the numbers."""
        total = memory_size(self.need.total)
        if self.available is None:
            return f"needs {total}; how much is free is not known"
        free = memory_size(self.available)
        if self.need.total <= self.available * _ROOMY:
            return f"fits: {total} of the {free} that are free"
        if self.fits:
            return f"just fits: {total} of the {free} that are free"
        return f"needs {total}, and {free} are free: it may be slow, or be killed"


def fit(header: Header, options: ModelOptions, available: int | None, lesson: Lesson = NO_LESSON) -> Fit:
    """Set the need beside what is available, and say what would help where it is too much."""
    needed = need(header, options, lesson)
    n_ctx = options.n_ctx or default_context(header)
    if available is None or needed.total <= available:
        return Fit(needed, available, n_ctx)
    return Fit(needed, available, n_ctx, _ways(header, options, available, lesson))


def fitting_context(
    header: Header, options: ModelOptions, available: int | None, lesson: Lesson = NO_LESSON
) -> int:
    """The default context, halved until it fits, but never below 2,048 tokens."""
    n_ctx = default_context(header)
    while available is not None and n_ctx // 2 >= LEAST_CONTEXT:
        if need(header, options.model_copy(update={"n_ctx": n_ctx}), lesson).total <= available * _ROOMY:
            break
        n_ctx //= 2
    return n_ctx


def memory_size(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e6:,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def _ways(header: Header, options: ModelOptions, available: int, lesson: Lesson) -> tuple[str, ...]:
    ways = []
    n_ctx = options.n_ctx or default_context(header)
    while (n_ctx := n_ctx // 2) >= LEAST_CONTEXT // 4:
        smaller = options.model_copy(update={"n_ctx": n_ctx})
        if need(header, smaller, lesson).total <= available:
            ways.append(f"a context of {n_ctx:,} tokens")
            break
    if options.kv_type == "f16":
        quantised = options.model_copy(update={"kv_type": "q8_0"})
        if need(header, quantised, lesson).total <= available:
            ways.append("a KV cache in q8_0")
    return (*ways, "a smaller file")
