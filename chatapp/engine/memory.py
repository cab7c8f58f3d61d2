"""How much memory a model takes, estimated from its header before it is loaded."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from chatapp.engine.gguf import Header, NotAModel, read_header
from chatapp.engine.protocol import ModelOptions

_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$", re.IGNORECASE)
_DEFAULT_CONTEXT = 8192
_COMPUTE = 2**30
"""Compute buffers and logits: a quarter of this is common."""
_KV_BYTES = 2 * 2
"""Keys and values, of two bytes each."""


def parts_of(path: Path) -> list[Path]:
    """The files that a model consists of, by its first one."""
    match = _PART.search(path.name)
    if match is None:
        return [path]
    count, stem = int(match[1]), path.name[: match.start()]
    return [path.with_name(f"{stem}-{part:05}-of-{count:05}{path.suffix}") for part in range(1, count + 1)]


def weights_bytes(path: Path) -> int:
    """The size of a model's files; 0 for those that are not there."""
    return sum(part.stat().st_size for part in parts_of(path) if part.is_file())


def need_bytes(options: ModelOptions) -> int:
    """About what a model takes when it runs: weights, KV cache, buffers.

    Raises:
        NotAModel: when the file has no header that can be read.
    """
    path = Path(options.path)
    return weights_bytes(path) + _kv_bytes(read_header(path), options) + _COMPUTE


def limit_bytes(options: ModelOptions) -> int:
    """What the engine's process may ask of memory at the most, beside what it holds already: twice the need.

    The weights may be there twice, mapped and repacked for this processor, and heads may be wider than the header
    lets one think.

    Raises:
        NotAModel: when the file has no header that can be read.
    """
    return 2 * need_bytes(options)


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
    """Whether a model fits beside all that runs now, as far as can be told."""
    available = available_bytes()
    try:
        return available is None or need_bytes(options) <= available
    except NotAModel:
        return True  # it will not be loaded anyway


def _kv_bytes(header: Header, options: ModelOptions) -> int:
    context = options.n_ctx or min(header.context_length or _DEFAULT_CONTEXT, _DEFAULT_CONTEXT)
    heads = header.head_count or 1
    width = header.embedding_length * (header.head_count_kv or heads) // heads
    return context * header.block_count * width * _KV_BYTES
