"""Reads what a GGUF file is made of, without trusting it.

A header is a list of key-value pairs and a list of tensors, all written by somebody else. Every count and
length is checked against a cap and against the file's size before it is used, whatever is not asked for is stepped
over, and tensor data is never read. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

What a file means as a model is said in `header`.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

from chatapp.engine.files import stamp_of
from chatapp.engine.model import FileStamp

MAX_ENTRIES = 65_536
MAX_KEY = 2**16
MAX_STRING = 16 * 2**20
MAX_TEMPLATE = 2**20
MAX_TOKEN = 2**16
MAX_ELEMENTS = 16 * 2**20
MAX_HEADER = 256 * 2**20
MAX_ALIGNMENT = 2**20
MAX_DIMENSIONS = 4
MAX_TENSOR = 2**62
MAX_TENSOR_NAME = 63
BUDGET_SECONDS = 2.0
"""Of this thread's own time, so that a slow disk or a busy machine makes no sound file look broken."""
_BLOCK = 2**20

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_FLOATS = {6, 12}

# The elements in a block and its bytes, for each tensor type that ggml knows.
_TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18),
}  # fmt: skip

TOKENS, TEMPLATE = "tokenizer.ggml.tokens", "tokenizer.chat_template"
TOKEN_FACTS = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")
"""Arrays with one value for each token."""
_COUNTED = {TOKENS, *TOKEN_FACTS}
_TEXTS = {"general.name", "general.architecture", "general.type"}
_NUMBERS = {"general.file_type", "general.alignment", "split.no", "split.count"}
_OWN = (
    "context_length", "block_count", "embedding_length", "feed_forward_length", "vocab_size", "head_count",
    "head_count_kv", "key_length", "value_length", "sliding_window", "shared_kv_layers", "full_attention_interval",
    "conv_kernel", "inner_size", "state_size", "group_count", "head_size", "token_shift_count",
)  # fmt: skip
"""How the keys of an architecture's own numbers end, after their last dot."""
_KEPT_KEY_LENGTH = 128
_KEPT_VALUES = 512
_LAYERS_OF_A_MODEL = 1024
_NO_NUMBER = ""
"""Stands for a value that is there, but is no number or too long to keep."""

Value = int | float | str | tuple[int, ...]


class NotAModel(Exception):  # noqa: N818 - it names what was found
    """A file that cannot be a model. The message goes on where the file's name ends: "is empty."."""


class PartOfAModel(NotAModel):
    """A sound file that is only good together with others: an adapter, a projector, a later part."""


@dataclass(frozen=True)
class Contents:
    """What one file says of itself, where it is of interest here."""

    file: FileStamp
    """The very file that was read."""
    metadata: dict[str, Value]
    """An array stands for its numbers if there is one for each layer of a model, else for its length."""
    tensors: int
    elements: Counter[str] = field(default_factory=Counter)
    """Weights by the type that they are stored as."""
    weights: int = 0
    """Bytes of all tensors."""


def read_contents(path: Path) -> Contents:
    """Read what a file is made of.

    Raises:
        NotAModel: when it cannot be opened, is no GGUF file, is damaged, or is made to do harm.
    """
    descriptor = _open_regular(path)
    with FileIO(descriptor) as file:
        try:
            stamp = stamp_of(path, descriptor)
            return _contents(_Reader(file, stamp.size), stamp)
        except OSError as error:
            raise NotAModel(f"cannot be read ({error.strerror}).") from error


def read_template(path: Path) -> str:
    """The chat template that a model brings; empty for none.

    Raises:
        NotAModel: when the file cannot be opened, is no GGUF file, or is damaged before that.
    """
    with FileIO(_open_regular(path)) as file:
        try:
            reader = _Reader(file, os.fstat(file.fileno()).st_size)
            _, pairs = _preamble(reader)
            for _ in range(pairs):
                reader.check_time()
                if reader.text(MAX_KEY) != TEMPLATE:
                    _value(reader, "")
                elif reader.count("<I", 12, "as the type of an entry") == _STRING:
                    return reader.text(MAX_TEMPLATE)
                else:
                    return ""
        except OSError as error:
            raise NotAModel(f"cannot be read ({error.strerror}).") from error
    return ""


def number(metadata: dict[str, Value], key: str, cap: int, default: int = 0) -> int:
    """A whole number of the metadata, or what stands for one that it does not give.

    Raises:
        NotAModel: when it is something else, or past the cap.
    """
    value = metadata.get(key)
    if value is None:
        return default
    if isinstance(value, int) and 0 <= value <= cap:
        return value
    raise NotAModel(f"is damaged: its ‘{key}’ is impossible.")


def _open_regular(path: Path) -> int:
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):  # else opening a FIFO would wait for a writer
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise NotAModel("does not exist.") from None
    except (OSError, ValueError) as error:
        raise NotAModel(f"cannot be opened ({getattr(error, 'strerror', error)}).") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise NotAModel("is a folder, not a file." if stat.S_ISDIR(mode) else "is not a regular file.")


class _Reader:
    """Takes little-endian values from a file, a block at a time, and keeps to the caps."""

    def __init__(self, file: FileIO, size: int) -> None:
        self.size = size
        self._file = file
        self._start = 0  # where in the file the block lies
        self._block = b""
        self._at = 0  # where in the block we are; past its end after a long skip
        self._deadline = time.thread_time() + BUDGET_SECONDS

    @property
    def position(self) -> int:
        return self._start + self._at

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._block):
            self._refill(count)
        self._at += count
        return self._block[self._at - count : self._at]

    def skip(self, count: int) -> None:
        self._at += count
        self._check(0)

    def values(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def count(self, form: str, cap: int, what: str) -> int:
        value: int = self.values(form)[0]
        if value > cap:
            raise NotAModel(f"is damaged: its header claims {value:,} {what}.")
        return value

    def text(self, cap: int) -> str:
        return self.take(self.count("<Q", cap, "bytes in one text")).decode("utf-8", "replace")

    def skip_text(self, cap: int) -> None:
        self.skip(self.count("<Q", cap, "bytes in one text"))

    def skip_texts(self, count: int, cap: int) -> None:
        """Step over an array of texts, length by length; a tight loop, as there may be half a million."""
        length_at = struct.Struct("<Q").unpack_from
        at, last = self._at, len(self._block) - 8
        for _ in range(count):
            if at > last:
                self._at = at
                self._refill(8)
                at, last = 0, len(self._block) - 8
            (length,) = length_at(self._block, at)
            if length > cap:
                raise NotAModel(f"is damaged: its header claims {length:,} bytes in one text.")
            at += 8 + length
        self._at = at
        self._check(0)

    def check_time(self) -> None:
        if time.thread_time() > self._deadline:
            raise NotAModel("takes too long to read: its header is damaged, or made to do harm.")

    def _check(self, count: int) -> None:
        if self.position + count > self.size:
            raise NotAModel("ends in the middle of its header; it was probably not downloaded completely.")
        if self.position + count > MAX_HEADER:
            raise NotAModel("is damaged: its header does not end.")

    def _refill(self, count: int) -> None:
        self.check_time()
        self._check(count)
        self._start, self._at = self.position, 0
        self._file.seek(self._start)
        self._block = b""
        while len(self._block) < count:
            if not (piece := self._file.read(max(_BLOCK, count))):
                raise NotAModel("was cut while it was read.")
            self._block += piece


def _contents(reader: _Reader, file: FileStamp) -> Contents:
    tensors, pairs = _preamble(reader)
    metadata = _metadata(reader, pairs)
    alignment = number(metadata, "general.alignment", MAX_ALIGNMENT) or 32
    if alignment.bit_count() != 1:
        raise NotAModel("is damaged: its ‘general.alignment’ is impossible.")
    contents = Contents(file, metadata, tensors)
    return _with_tensors(contents, reader, alignment) if tensors else contents


def _preamble(reader: _Reader) -> tuple[int, int]:
    """The number of tensors, and of key-value pairs."""
    if reader.size == 0:
        raise NotAModel("is empty.")
    if reader.size < 24 or reader.take(4) != b"GGUF":
        raise NotAModel("is not a GGUF file.")
    version: int = reader.values("<I")[0]
    if version & 0xFFFF == 0:
        raise NotAModel("is a big-endian GGUF file, made for another kind of machine.")
    if version not in {2, 3}:
        raise NotAModel(f"is a GGUF file of version {version:,}; only 2 and 3 are known.")
    return reader.count("<Q", MAX_ENTRIES, "tensors"), reader.count("<Q", MAX_ENTRIES, "entries")


def _metadata(reader: _Reader, pairs: int) -> dict[str, Value]:
    """The key-value pairs that are of interest."""
    kept: dict[str, Value] = {}
    seen: set[int] = set()
    for _ in range(pairs):
        reader.check_time()
        key = reader.text(MAX_KEY)
        if hash(key) in seen:  # the keys themselves may be 64 KiB each
            raise NotAModel("is damaged: its header says one thing twice.")
        seen.add(hash(key))
        if (value := _value(reader, key)) is not None:
            kept[key] = value
        if len(kept) > _KEPT_VALUES:
            raise NotAModel("is damaged: its header describes more than one model.")
    return kept


def _value(reader: _Reader, key: str) -> Value | None:
    """The value of an entry, if it is of interest; else it is stepped over."""
    kind = reader.count("<I", 12, "as the type of an entry")
    if kind == _ARRAY:
        return _array(reader, key)
    if kind == _STRING:
        if key in _TEXTS:
            return reader.text(MAX_KEY)
        reader.skip_text(MAX_TEMPLATE if key == TEMPLATE else MAX_STRING)
        return _NO_NUMBER if key == TEMPLATE or _is_number(key) else None
    scalar: int | float = reader.values(_SCALARS[kind])[0]
    return scalar if key in _TEXTS or _is_number(key) else None


def _is_number(key: str) -> bool:
    return key in _NUMBERS or (len(key) <= _KEPT_KEY_LENGTH and key.rpartition(".")[2] in _OWN)


def _array(reader: _Reader, key: str) -> Value | None:
    kind = reader.count("<I", 12, "as the type of an array")
    length = reader.count("<Q", MAX_ELEMENTS, "elements in one array")
    if kind == _ARRAY:
        raise NotAModel("is damaged: its header has arrays inside arrays.")
    if kind == _STRING:
        reader.skip_texts(length, MAX_TOKEN if key == TOKENS else MAX_STRING)
        return length if key in _COUNTED else None
    form = _SCALARS[kind]
    if kind not in _FLOATS and 0 < length <= _LAYERS_OF_A_MODEL and _is_number(key):
        return tuple(int(one) for one in reader.values(f"<{length}{form[1]}"))
    reader.skip(length * struct.calcsize(form))
    return length if key in _COUNTED else _NO_NUMBER if _is_number(key) else None


def _with_tensors(contents: Contents, reader: _Reader, alignment: int) -> Contents:
    """Read the list of tensors.

    Raises:
        NotAModel: when a tensor is impossible, or its data lies outside the file.
    """
    elements_of: Counter[str] = Counter()
    end = total = 0
    seen: set[int] = set()
    for _ in range(contents.tensors):
        reader.check_time()
        seen.add(hash(reader.text(MAX_TENSOR_NAME)))
        name, elements, size, offset = _tensor(reader, alignment)
        elements_of[name] += elements
        total += size
        end = max(end, offset + size)
    if len(seen) < contents.tensors:
        raise NotAModel("is damaged: two of its tensors have one name.")
    data = -(-reader.position // alignment) * alignment
    if data + end > reader.size:
        missing = (data + end - reader.size) / 1e6
        raise NotAModel(f"is not complete: {missing:,.1f} MB are missing at its end.")
    if total > reader.size:
        raise NotAModel("is damaged: its tensors lie upon each other.")
    return replace(contents, elements=elements_of, weights=total)


def _tensor(reader: _Reader, alignment: int) -> tuple[str, int, int, int]:
    """The type of one tensor, its elements, bytes and offset."""
    sides = reader.count("<I", MAX_DIMENSIONS, "dimensions of a tensor")
    *shape, kind, offset = reader.values(f"<{sides}QIQ")
    name, block, block_bytes = _TENSOR_TYPES.get(kind, ("", 1, 0))
    if not name:
        raise NotAModel(f"stores weights in a way that is not known here (type {kind:,}).")
    elements = prod(shape)
    if max([elements, *shape]) >= MAX_TENSOR or any(side % block for side in shape[:1]) or offset % alignment:
        raise NotAModel("is damaged: one of its tensors is impossible.")
    return name, elements, elements // block * block_bytes, offset
