"""What a model file is: its name for people, and the facts for ModelInfo."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.text import repair

_QUANTISATION = re.compile(r"[.\-_](?:UD-)?(?:I?Q\d\w*|F16|F32|BF16|FP16|MXFP4\w*|TQ\d_\d)$", re.IGNORECASE)
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_MEANINGLESS = re.compile(
    r"(?:ggml[-_.]?)?(?:model|weights|consolidated|unsloth|sha256[-:]?[0-9a-f]+|[0-9a-f]{16,})?"
)


def name_of(path: Path, title: str) -> str:
    """A name for people: from the file's name; from the title in the metadata where that says nothing."""
    stem = path.name.removesuffix(".gguf")
    stem = _QUANTISATION.sub("", _PART.sub("", stem))
    if _MEANINGLESS.fullmatch(stem.lower()) and title:
        stem = title
    return repair(re.sub(r"[-_\s]+", " ", stem).strip() or path.name)


def metadata(model: Any, key: str) -> str:
    """A value of the model's metadata as text; empty when it has none."""
    room = 256
    while True:
        buffer = ctypes.create_string_buffer(room)
        length = L.llama_model_meta_val_str(model, key.encode(), buffer, room)
        if length < room:
            return repair(buffer.value.decode("utf-8", "replace")) if length > 0 else ""
        room = length + 1


def quantisation_of(model: Any) -> str:
    """How most of the weights are stored, such as Q4_1."""
    name = L.llama_ftype_name(L.llama_model_ftype(model))
    return name.decode("ascii", "replace").removeprefix("(guessed) ") if name else "unknown"


def template_of(model: Any) -> str | None:
    """The chat template that the model brings."""
    source = L.llama_model_chat_template(model, None)
    return source.decode("utf-8", "replace") if source else None
