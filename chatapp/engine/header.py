"""Says what a GGUF file is as a model, or in words why it is none, before any native code sees it.

A model in several files is described as one: the first file has the metadata, each has some of the tensors.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from chatapp.engine.gguf import (
    MAX_ELEMENTS,
    TEMPLATE,
    TOKEN_FACTS,
    TOKENS,
    Contents,
    NotAModel,
    PartOfAModel,
    Value,
    number,
    read_contents,
)
from chatapp.engine.model import FileStamp
from chatapp.engine.names import good_name, shard_names

MAX_LAYERS = 511
"""llama.cpp aborts at more."""
MAX_PARTS = 999
_MAX_CONTEXT = 2**26
_MAX_HEADS = 2**14
_MAX_WIDTH = 2**22

# llama.cpp's names for the mixtures of tensor types that `general.file_type` numbers.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS",
    20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
    28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
    39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}  # fmt: skip

_PARTS = {
    "adapter": "an adapter (LoRA) for one",
    "mmproj": "the part of one that sees pictures",
    "clip": "the part of one that sees pictures",
    "imatrix": "a table used to make one",
}


_SLOW_ON_CPU = {"Q4_1", "Q5_0", "Q5_1"}
"""Types that llama.cpp does not rearrange for a CPU's vector units when it loads them."""


def advice(quantisation: str) -> str:
    """What to know of a quantisation before choosing it, in one sentence; mostly nothing."""
    if quantisation not in _SLOW_ON_CPU:
        return ""
    return f"On a CPU, Q4_0, Q4_K_M or Q8_0 of the same model read prompts about twice as fast as {quantisation}."


@dataclass(frozen=True)
class Header:
    """What a model says about itself. Numbers that it does not give are 0."""

    name: str
    """A name for people."""
    architecture: str
    quantisation: str
    size: int
    """Bytes, of all its files."""
    weights: int
    """Bytes, of the tensors alone."""
    parameters: int
    context_length: int
    """Tokens that the model was trained for."""
    block_count: int
    head_count: int
    kv_heads: tuple[int, ...]
    """Heads that keep keys and values, for each layer; 0 for one that keeps none."""
    key_length: int
    """Numbers that one head keeps of a token as its key."""
    value_length: int
    embedding_length: int
    feed_forward_length: int
    state: int
    """Numbers that a recurrent layer keeps, however long the context is."""
    sliding_window: int
    vocabulary: int
    chat_template: bool
    """Whether the file brings one."""
    files: tuple[FileStamp, ...]
    """The files that it is made of, as they were read."""


def read_header(path: Path) -> Header:
    """Read the header of a model, and of each of its files if there are several.

    Raises:
        NotAModel: when a file cannot be opened, or it cannot be a model.
    """
    first = read_contents(path)
    parts = shard_names(path.name, _count_of_parts(first.metadata, path.name))
    files = [first, *(_later_part(path.with_name(name), x, len(parts)) for x, name in enumerate(parts) if x)]
    elements = sum((file.elements for file in files), Counter[str]())
    if not elements:
        raise NotAModel("has no weights, only a vocabulary.")
    return _described(path.name, files, elements)


def _count_of_parts(metadata: dict[str, Value], file_name: str) -> int:
    """In how many files the model is, of which this is the first."""
    if (part := number(metadata, "split.no", 2**16)) > 0:
        raise PartOfAModel(f"is part {part + 1} of a model in several files; name the first one.")
    for key in ("general.type", "general.architecture"):
        if (what := _PARTS.get(str(metadata.get(key)))) is not None:
            raise PartOfAModel(f"is not a model, but {what}.")
    count = number(metadata, "split.count", MAX_PARTS, default=1) or 1
    if count > 1 and not shard_names(file_name, count):
        raise NotAModel(f"is the first of {count} files; its name must end in -00001-of-{count:05}.gguf.")
    return count


def _later_part(path: Path, place: int, count: int) -> Contents:
    incomplete = f"is not complete: part {place + 1} of {count}, {path.name},"
    try:
        part = read_contents(path)
        place_and_count = tuple(number(part.metadata, key, 2**16) for key in ("split.no", "split.count"))
    except NotAModel as error:
        raise NotAModel(f"{incomplete} {error}") from error
    if place_and_count != (place, count):
        raise NotAModel(f"{incomplete} is a part of another model.")
    return part


def _described(file_name: str, files: list[Contents], elements: Counter[str]) -> Header:
    metadata = files[0].metadata
    own = f"{_architecture(metadata)}."
    layers = number(metadata, own + "block_count", MAX_LAYERS)
    if layers == 0:
        raise NotAModel("is damaged: it does not say how many layers it has.")
    embedding = number(metadata, own + "embedding_length", _MAX_WIDTH)
    state = _state(metadata, own, embedding)
    heads, kv_heads = _heads(metadata, own, layers, recurrent=state > 0)
    if heads and embedding % heads and own + "attention.key_length" not in metadata:
        raise NotAModel(f"is damaged: its {embedding:,} dimensions cannot be divided among {heads:,} heads.")
    width = embedding // heads if heads else 0
    return Header(
        name=good_name(file_name, str(metadata.get("general.name", ""))),
        architecture=_architecture(metadata),
        quantisation=_FILE_TYPES.get(
            number(metadata, "general.file_type", 2**32, default=-1), elements.most_common(1)[0][0]
        ),
        size=sum(one.file.size for one in files),
        weights=sum(one.weights for one in files),
        parameters=elements.total(),
        context_length=number(metadata, own + "context_length", _MAX_CONTEXT),
        block_count=layers,
        head_count=heads,
        kv_heads=kv_heads,
        key_length=number(metadata, own + "attention.key_length", 2**16) or width,
        value_length=number(metadata, own + "attention.value_length", 2**16) or width,
        embedding_length=embedding,
        feed_forward_length=max(_each_layer(metadata, own + "feed_forward_length", layers, _MAX_WIDTH)),
        state=state,
        sliding_window=number(metadata, own + "attention.sliding_window", 2**30),
        vocabulary=_vocabulary(metadata, own),
        chat_template=TEMPLATE in metadata,
        files=tuple(one.file for one in files),
    )


def _architecture(metadata: dict[str, Value]) -> str:
    name = metadata.get("general.architecture")
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        return name
    raise NotAModel("is damaged: it does not say its architecture.")


def _each_layer(metadata: dict[str, Value], key: str, layers: int, cap: int) -> tuple[int, ...]:
    """A number for each layer, where the metadata has one for all or one for each."""
    value = metadata.get(key)
    if not isinstance(value, tuple):
        return (number(metadata, key, cap),) * layers
    if len(value) < layers or not all(0 <= one <= cap for one in value):
        raise NotAModel(f"is damaged: its ‘{key}’ is impossible.")
    return value[:layers]


def _heads(metadata: dict[str, Value], own: str, layers: int, *, recurrent: bool) -> tuple[int, tuple[int, ...]]:
    """Attention heads, at most, and those of each layer that keep keys and values."""
    heads = _each_layer(metadata, own + "attention.head_count", layers, _MAX_HEADS)
    kv_key = own + "attention.head_count_kv"
    kept = _each_layer(metadata, kv_key, layers, _MAX_HEADS) if kv_key in metadata else heads
    if not any(heads) and not recurrent:
        raise NotAModel("is damaged: it has no attention heads.")
    if any(kv and (not of or of % kv) for of, kv in zip(heads, kept, strict=True)):
        raise NotAModel("is damaged: its attention heads cannot be divided among those that keep keys and values.")
    every = number(metadata, own + "full_attention_interval", layers) or 1
    shared = number(metadata, own + "attention.shared_kv_layers", layers)
    return max(heads), tuple(
        kv if (place + 1) % every == 0 and place < layers - shared else 0 for place, kv in enumerate(kept)
    )


def _state(metadata: dict[str, Value], own: str, embedding: int) -> int:
    """The size of a recurrent layer's state, as llama.cpp reckons it for Mamba and RWKV."""
    names = ("conv_kernel", "inner_size", "state_size", "group_count")
    conv, inner, state, groups = (number(metadata, f"{own}ssm.{name}", _MAX_WIDTH) for name in names)
    if inner:
        return max(0, conv - 1) * (inner + 2 * groups * state) + inner * state
    head = number(metadata, own + "wkv.head_size", _MAX_WIDTH)
    shift = number(metadata, own + "token_shift_count", 16) or 2
    return embedding * (head + shift) if head else 0


def _vocabulary(metadata: dict[str, Value], own: str) -> int:
    tokens = number(metadata, TOKENS, MAX_ELEMENTS)
    for key in TOKEN_FACTS:
        if (facts := number(metadata, key, MAX_ELEMENTS, default=tokens)) < tokens:
            raise NotAModel(f"is damaged: it has {tokens:,} tokens, but ‘{key}’ only {facts:,} times.")
    return tokens or number(metadata, own + "vocab_size", 2**30)
