"""What llama.cpp tells of a model that is loaded."""

from __future__ import annotations

import ctypes
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.text import repair


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
