"""How much memory a model takes, estimated from its header before it is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import Header, read_header
from chatapp.engine.protocol import ModelOptions

_DEFAULT_CONTEXT = 8192
_COMPUTE = 2**30
"""Compute buffers and logits: a quarter of this is common."""
_BYTES_A_NUMBER = 2


def need_bytes(header: Header, options: ModelOptions) -> int:
    """About what a model takes when it runs: weights, KV cache, buffers."""
    context = options.n_ctx or min(header.context_length or _DEFAULT_CONTEXT, _DEFAULT_CONTEXT)
    a_token = sum(header.kv_heads) * (header.key_length + header.value_length) * _BYTES_A_NUMBER
    return header.size + context * a_token + _COMPUTE


def limit_bytes(header: Header, options: ModelOptions) -> int:
    """What the engine's process may ask of memory at the most: twice the need, and the states that wait.

    Twice, because the weights may be read instead of mapped and then repacked for this processor.
    """
    return 2 * (need_bytes(header, options) + options.states_limit)


def available_bytes() -> int | None:
    """Memory that a new process can have without others being put out; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        rows = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def fits(options: ModelOptions) -> bool:
    """Whether a model fits beside all that runs now, as far as can be told. Reads its header."""
    available = available_bytes()
    try:
        return available is None or need_bytes(read_header(Path(options.path)), options) <= available
    except NotAModel:
        return True  # it will not be loaded anyway
