"""Reads what the header of a GGUF file says, without trusting it.

A header is a list of key-value pairs and a list of tensors, all written by somebody else. Every count and
length is checked against a cap and against the file's size before it is used, whatever is not asked for is stepped
over, and tensor data is never read. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import re
import stat
import struct
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

from chatapp.text import repair

MAX_ENTRIES = 65_536
MAX_KEY = 2**16
MAX_STRING = 16 * 2**20
MAX_TEMPLATE = 2**20
MAX_ELEMENTS = 16 * 2**20
MAX_HEADER = 256 * 2**20
MAX_ALIGNMENT = 2**20
MAX_DIMENSIONS = 4
MAX_TENSOR = 2**62
BUDGET_SECONDS = 2.0
"""Of this thread's own time, so that a slow disk or a busy machine makes no sound file look broken."""
_BLOCK = 2**20
_NAME_LENGTH = 200

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

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

# llama.cpp's names for the mixtures of tensor types that `general.file_type` numbers.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS",
    20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
    28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
    39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}  # fmt: skip

# What is kept of the metadata; an architecture's own numbers are known by how their keys end.
_KEPT = {
    "general.name",
    "general.architecture",
    "general.type",
    "general.file_type",
    "general.alignment",
    "split.no",
}
_OWN = (".context_length", ".block_count", ".embedding_length", ".head_count", ".head_count_kv", ".vocab_size")
_TOKENS, _TEMPLATE = "tokenizer.ggml.tokens", "tokenizer.chat_template"
_KEPT_KEY_LENGTH = 128
_LAYERS_OF_A_MODEL = 1024

_PARTS = {
    "adapter": "an adapter (LoRA) for one",
    "mmproj": "the part of one that sees pictures",
    "clip": "the part of one that sees pictures",
    "imatrix": "a table used to make one",
}
_ENDING = re.compile(r"\.gguf$", re.IGNORECASE)
_SHARD = re.compile(r"-(\d{5})-of-\d{5}$")
_QUANTISATION = re.compile(
    r"[-_.](?:UD-|i1-)?(?:I?Q\d(?:_\w+)?|TQ\d_\d|BF16|FP?(?:16|32)|(?:MX|NV)FP4(?:_\w+)?)$", re.IGNORECASE
)
_NAMELESS = re.compile(r"(?:sha256[-_:])?[0-9a-f]{32,}|(?:ggml[-_])?model|[\W\d_]*", re.IGNORECASE)

_Value = int | float | str


class NotAModel(Exception):  # noqa: N818 - it names what was found
    """A file that cannot be a model. The message goes on where the file's name ends: "is empty."."""


@dataclass(frozen=True)
class Header:
    """What a model file says about itself. Numbers that it does not give are 0."""

    name: str
    """A name for people."""
    architecture: str
    quantisation: str
    size: int
    """Bytes."""
    parameters: int
    context_length: int
    """Tokens that the model was trained for."""
    block_count: int
    head_count: int
    head_count_kv: int
    embedding_length: int
    vocabulary: int
    chat_template: bool
    """Whether the file brings one."""


def read_header(path: Path) -> Header:
    """Read the header of a model file.

    Raises:
        NotAModel: when the file cannot be opened, or cannot be a model.
    """
    descriptor = _open_regular(path)
    with FileIO(descriptor) as file:
        try:
            return _header(_Reader(file, os.fstat(descriptor).st_size), path.name)
        except OSError as error:
            raise NotAModel(f"cannot be read ({error.strerror}).") from error


def good_name(file_name: str, metadata_name: str = "") -> str:
    """A name for people: the file's, without ending and quantisation; the metadata's where the file has none."""
    stem = _QUANTISATION.sub("", _SHARD.sub("", _ENDING.sub("", file_name)))
    own = _NAMELESS.fullmatch(stem) is None
    name = re.sub(r"[-_\s]+", " ", stem if own else metadata_name).strip()
    return repair(name or stem)[:_NAME_LENGTH]


def later_shard(file_name: str) -> bool:
    """Whether a file, by its name, is a part of a split model other than the first."""
    shard = _SHARD.search(_ENDING.sub("", file_name))
    return shard is not None and int(shard[1]) > 1


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

    def skip_texts(self, count: int) -> None:
        """Step over an array of texts, length by length; a tight loop, as there may be half a million."""
        length_at = struct.Struct("<Q").unpack_from
        at, last = self._at, len(self._block) - 8
        for _ in range(count):
            if at > last:
                self._at = at
                self._refill(8)
                at, last = 0, len(self._block) - 8
            (length,) = length_at(self._block, at)
            if length > MAX_STRING:
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


def _header(reader: _Reader, file_name: str) -> Header:
    tensors, pairs = _preamble(reader)
    metadata = dict(_metadata(reader, pairs))
    _refuse_parts(metadata, tensors)
    own = f"{_architecture(metadata)}."
    layers = _number(metadata, own + "block_count", 511)
    if layers == 0:
        raise NotAModel("is damaged: it does not say how many layers it has.")
    alignment = _number(metadata, "general.alignment", MAX_ALIGNMENT) or 32
    if alignment.bit_count() != 1:
        raise NotAModel("is damaged: its ‘general.alignment’ is impossible.")
    parameters, commonest = _tensors(reader, tensors, alignment)
    return Header(
        name=good_name(file_name, str(metadata.get("general.name", ""))),
        architecture=_architecture(metadata),
        quantisation=_FILE_TYPES.get(_number(metadata, "general.file_type", 2**32, default=-1), commonest),
        size=reader.size,
        parameters=parameters,
        context_length=_number(metadata, own + "context_length", 2**30),
        block_count=layers,
        head_count=_number(metadata, own + "attention.head_count", 2**16),
        head_count_kv=_number(metadata, own + "attention.head_count_kv", 2**16),
        embedding_length=_number(metadata, own + "embedding_length", 2**20),
        vocabulary=_number(metadata, _TOKENS, MAX_ELEMENTS) or _number(metadata, own + "vocab_size", 2**30),
        chat_template=_TEMPLATE in metadata,
    )


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


def _metadata(reader: _Reader, pairs: int) -> Iterator[tuple[str, _Value]]:
    """The key-value pairs that are of interest."""
    for _ in range(pairs):
        reader.check_time()
        key = reader.text(MAX_KEY)
        kind = reader.count("<I", 12, "as the type of an entry")
        kept = key in _KEPT or (len(key) <= _KEPT_KEY_LENGTH and key.endswith(_OWN))
        value: _Value
        if kind == _ARRAY:
            value = _array(reader, key, kept=kept)
        elif kind != _STRING:
            value = reader.values(_SCALARS[kind])[0]
        elif kept:
            value = reader.text(MAX_KEY)
        else:
            reader.skip_text(MAX_TEMPLATE if key == _TEMPLATE else MAX_STRING)
            value = 1
        if kept or key in {_TOKENS, _TEMPLATE}:
            yield key, value


def _array(reader: _Reader, key: str, *, kept: bool) -> int:
    """Step over an array. It stands for its largest value if that is asked for, else for its length."""
    kind = reader.count("<I", 12, "as the type of an array")
    length = reader.count("<Q", MAX_ELEMENTS, "elements in one array")
    if kind == _ARRAY:
        raise NotAModel("is damaged: its header has arrays inside arrays.")
    if kind == _STRING:
        reader.skip_texts(length)
        return length
    form = _SCALARS[kind]
    if kept and 0 < length <= _LAYERS_OF_A_MODEL:  # one value for each layer
        return int(max(reader.values(f"<{length}{form[1]}")))
    reader.skip(length * struct.calcsize(form))
    return length if key == _TOKENS else 0


def _refuse_parts(metadata: Mapping[str, _Value], tensors: int) -> None:
    """Refuse what is written as GGUF but is no model by itself."""
    if (part := _number(metadata, "split.no", 2**16)) > 0:
        raise NotAModel(f"is part {part + 1} of a model in several files; name the first one.")
    for key in ("general.type", "general.architecture"):
        if (what := _PARTS.get(str(metadata.get(key)))) is not None:
            raise NotAModel(f"is not a model, but {what}.")
    if tensors == 0:
        raise NotAModel("has no weights, only a vocabulary.")


def _architecture(metadata: Mapping[str, _Value]) -> str:
    name = metadata.get("general.architecture")
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        return name
    raise NotAModel("is damaged: it does not say its architecture.")


def _number(metadata: Mapping[str, _Value], key: str, cap: int, default: int = 0) -> int:
    """A whole number of the metadata, or what stands for one that it does not give."""
    value = metadata.get(key)
    if value is None:
        return default
    if isinstance(value, int) and 0 <= value <= cap:
        return value
    raise NotAModel(f"is damaged: its ‘{key}’ is impossible.")


def _tensors(reader: _Reader, count: int, alignment: int) -> tuple[int, str]:
    """The number of parameters, and the type that most of them are stored as.

    Raises:
        NotAModel: when a tensor is impossible, or its data lies outside the file.
    """
    elements_of: Counter[str] = Counter()
    end = 0
    for _ in range(count):
        reader.check_time()
        reader.skip_text(MAX_KEY)
        sides = reader.count("<I", MAX_DIMENSIONS, "dimensions of a tensor")
        *shape, kind, offset = reader.values(f"<{sides}QIQ")
        name, block, block_bytes = _TENSOR_TYPES.get(kind, ("", 1, 0))
        if not name:
            raise NotAModel(f"stores weights in a way that is not known here (type {kind:,}).")
        elements = prod(shape)
        if max([elements, *shape]) >= MAX_TENSOR or any(side % block for side in shape[:1]) or offset % alignment:
            raise NotAModel("is damaged: one of its tensors is impossible.")
        elements_of[name] += elements
        end = max(end, offset + elements // block * block_bytes)
    data = -(-reader.position // alignment) * alignment
    if data + end > reader.size:
        missing = (data + end - reader.size) / 1e6
        raise NotAModel(f"is not complete: {missing:,.1f} MB are missing at its end.")
    return elements_of.total(), elements_of.most_common(1)[0][0]
