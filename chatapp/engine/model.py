"""How a model is loaded, and what was loaded: said by both sides of the pipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

KvType = Literal["f16", "q8_0", "q4_0"]
"""How the keys and values of the KV cache are stored."""


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileStamp(_Described):
    """A file as it was when its header was checked: another one in its place has another stamp."""

    path: str
    device: int
    inode: int
    size: int
    modified_ns: int


class ModelOptions(_Described):
    """How a model is loaded. None leaves the choice to the engine."""

    path: str
    name: str = ""
    """A name for people; by default it is made from the file's."""
    files: tuple[FileStamp, ...] = ()
    """The model's files as they were checked; where one is another now, the load is refused."""
    n_ctx: Annotated[int, Field(ge=64, le=2**24)] | None = None
    """Context window in tokens; by default what the model was trained for, at most 8,192."""
    n_batch: Annotated[int, Field(ge=1, le=65_536)] = 512
    n_ubatch: Annotated[int, Field(ge=1, le=65_536)] = 512
    n_threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Compute threads, fixed for the life of the context; by default the physical cores."""
    n_gpu_layers: Annotated[int, Field(ge=-1, le=10_000)] = 0
    kv_type: KvType = "f16"
    """Without flash attention (reproducible) llama.cpp can keep only the keys in a quantised type."""
    mmap: bool = True
    """Map the weights into memory; without, they are read into it."""
    mlock: bool = False
    """Keep the weights from being swapped out."""
    reproducible: bool = False
    """Flash attention off: logits then depend neither on threads nor on how the prompt was cut into batches."""
    states_limit: Annotated[int, Field(ge=0)] = 512 * 2**20
    """Bytes of memory for the KV states of other sessions and branches."""


class MemoryUse(_Described):
    """Bytes that a loaded model takes, after its first token. The buffers are llama.cpp's own figures."""

    weights: int = 0
    cache: int = 0
    """KV cache, and the state of recurrent layers."""
    compute: int = 0
    """Buffers for the graph and for logits."""
    device: int = 0
    """What of the above lies on a GPU."""
    resident: int = 0
    """What the system counts for the whole process, mapped weights included; 0 where it does not tell."""


class Sandbox(_Described):
    """What the engine's process cannot do any more, and what should be barred but is not, in words."""

    held: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class ModelInfo(_Described):
    """What was loaded, as the model's own metadata and llama.cpp tell it."""

    name: str
    path: str
    fingerprint: str
    """SHA-256 over the file's size and samples of its bytes: names a file without reading all of it."""
    tokenizer: str
    """Fingerprint of the vocabulary: token ids may be kept across models that share it."""
    architecture: str
    quantisation: str
    size_bytes: int
    parameters: int
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    embedding: int
    n_ctx: int
    n_ctx_train: int
    n_threads: int
    flash_attention: bool
    reproducible: bool
    kv_types: tuple[KvType, KvType] = ("f16", "f16")
    """Of keys, of values."""
    n_ubatch: int = 512
    build: str = ""
    """The version of llama.cpp's binding: another one may write KV states in another form."""
    memory: MemoryUse = MemoryUse()
    note: str = ""
    """What of the options could not be done, in one sentence."""
    template: Literal["own", "chatml"]
    """chatml: the model brings no template that works, and ChatML is used instead."""
    tools: bool = False
    """Whether its template takes tools; otherwise they are offered in words, and calls are held by a grammar."""
    template_note: str = ""
    """What was done where the template falls short, in one sentence."""
    sandbox: Sandbox = Sandbox()
