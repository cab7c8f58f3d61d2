"""Loading a model: the weights, a context with its KV cache, the vocabulary, the chat template."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import llama_cpp
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.files import fingerprint_of, stamp_of
from chatapp.engine.fit import DEFAULT_CONTEXT
from chatapp.engine.model import FileStamp, KvType, ModelInfo, ModelOptions
from chatapp.engine.names import good_name
from chatapp.engine.protocol import Loading
from chatapp.engine.worker import native_log, pace
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.aside import SEQUENCES, Aside, rows_at_once
from chatapp.engine.worker.cache import Cache
from chatapp.engine.worker.info import metadata, quantisation_of, template_of
from chatapp.engine.worker.memory import memory_use
from chatapp.engine.worker.process import usable_cores
from chatapp.engine.worker.prompt import PromptMaker
from chatapp.engine.worker.template import ChatTemplate
from chatapp.engine.worker.vocabulary import Vocabulary

_GGML_TYPES = {"f16": L.GGML_TYPE_F16, "q8_0": L.GGML_TYPE_Q8_0, "q4_0": L.GGML_TYPE_Q4_0}
_LOCK_REFUSED = "The system did not allow the weights to be locked in memory."
_TOLD_EVERY = 0.05
_MAPPED, _WEIGHED = 0.05, 0.9
"""Shares of a load that are done when the weights begin and when they end."""

Tell = Callable[[Loading], None]


class LoadError(Exception):
    """The model cannot be loaded; the message is a sentence for people."""


@dataclass
class Model:
    """A loaded model, ready to answer."""

    info: ModelInfo
    vocabulary: Vocabulary
    template: ChatTemplate
    prompts: PromptMaker
    cache: Cache
    pointer: Any
    context: Any
    options: ModelOptions
    """With every choice made."""
    abort: Abort
    aside: Aside

    def close(self) -> None:
        """Free the context, then the weights."""
        L.llama_free(self.context)
        L.llama_model_free(self.pointer)


def load(options: ModelOptions, tell: Tell, abort: Abort, *, template_problem: str = "") -> Model:
    """Load a model and evaluate one token with it; `template_problem` keeps its chat template from being used.

    Raises:
        LoadError: with llama.cpp's own reason where it gives one.
    """
    path = Path(options.path)
    progress = _Progress(tell)
    progress.step("mapping", 0.0)
    try:
        _refuse_changed(options.files)
        fingerprint = fingerprint_of(path)
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}.") from error
    L.llama_backend_init()
    pointer = _load_weights(path, options, progress)
    _refuse_changed(options.files)  # while it was being opened
    note = _LOCK_REFUSED if options.mlock and native_log.mentions("mlock") else ""
    context, options = _make_context(pointer, path, options)
    vocabulary = _read_vocabulary(pointer, path)
    template = ChatTemplate(
        template_of(pointer),
        vocabulary.text_of(vocabulary.bos),
        vocabulary.text_of(vocabulary.eos),
        vocabulary.specials,
        problem=template_problem,
    )
    abort.attach(context)
    cache = Cache(context, pointer, abort, reproducible=options.reproducible, states_limit=options.states_limit)
    model = Model(
        info=_describe(
            pointer, context, options, fingerprint=fingerprint, vocabulary=vocabulary, template=template
        ),
        vocabulary=vocabulary,
        template=template,
        prompts=PromptMaker(vocabulary, template),
        cache=cache,
        pointer=pointer,
        context=context,
        options=options,
        abort=abort,
        aside=Aside(context, cache, abort, vocabulary.size),
    )
    progress.step("warming_up", _WEIGHED)
    _warm_up(model, options)
    model.info = model.info.model_copy(update={"note": note, "memory": memory_use(native_log.buffers())})
    return model


def _refuse_changed(files: Sequence[FileStamp]) -> None:
    """What is loaded must be what was checked."""
    for file in files:
        if stamp_of(Path(file.path)) != file:
            name = Path(file.path).name
            raise LoadError(f"{name} is no longer the file that was checked; choose it again to load it.")


def may_use_gpu(options: ModelOptions) -> bool:
    """Whether a GPU may come into it: layers were asked for, or this llama.cpp is built to use one."""
    return options.n_gpu_layers != 0 or bool(L.llama_supports_gpu_offload())


class _Progress:
    """Tells the steps of a load, and shares at most twenty times a second."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told = 0.0

    def step(self, step: Literal["mapping", "weights", "warming_up"], share: float) -> None:
        self._tell(Loading(step=step, share=share))

    def weights(self, share: float, _data: Any) -> bool:
        """As llama.cpp asks it: the share of the weights, and whether to go on."""
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY or share >= 1:
            self._told = now
            self.step("weights", _MAPPED + (_WEIGHED - _MAPPED) * share)
        return True


def _load_weights(path: Path, options: ModelOptions, progress: _Progress) -> Any:
    parameters = L.llama_model_default_params()
    parameters.n_gpu_layers = options.n_gpu_layers
    parameters.load_mode = _load_mode(options)
    parameters.progress_callback = L.llama_progress_callback(progress.weights)
    native_log.clear()
    model = L.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise LoadError(f"{path.name} cannot be loaded: {_reason('llama.cpp gives no reason')}.")
    if L.llama_model_has_encoder(model) or not L.llama_model_has_decoder(model):
        raise LoadError(f"{path.name} is no model to chat with: it encodes text, it does not write it.")
    return model


def _load_mode(options: ModelOptions) -> int:
    mapped = options.mmap and L.llama_supports_mmap()
    locked = options.mlock and L.llama_supports_mlock()
    modes = {
        (True, True): L.LLAMA_LOAD_MODE_MMAP_MLOCK,
        (True, False): L.LLAMA_LOAD_MODE_MMAP,
        (False, True): L.LLAMA_LOAD_MODE_MLOCK,
        (False, False): L.LLAMA_LOAD_MODE_NONE,
    }
    return int(modes[mapped, locked])


def _make_context(model: Any, path: Path, options: ModelOptions) -> tuple[Any, ModelOptions]:
    """A context, and the options with every choice made."""
    trained = L.llama_model_n_ctx_train(model)
    options = options.model_copy(
        update={
            "n_ctx": options.n_ctx or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT),
            "n_threads": min(options.n_threads or usable_cores(), os.cpu_count() or 1),
            "n_ubatch": min(options.n_ubatch, options.n_batch),
        }
    )
    parameters = context_parameters(options)
    parameters.n_ctx, parameters.n_seq_max = options.n_ctx, SEQUENCES
    # Few tokens of a batch are asked for their logits; room for those of all would take a row each.
    parameters.n_outputs_max = rows_at_once(L.llama_vocab_n_tokens(L.llama_model_get_vocab(model)))
    native_log.clear()
    context = L.llama_init_from_model(model, parameters)
    if not context:
        why = _reason("memory may be short")
        raise LoadError(f"No context of {options.n_ctx:,} tokens can be made for {path.name}: {why}.")
    return context, options


def context_parameters(options: ModelOptions) -> Any:
    """What every context of a model has in common: states can be copied between them."""
    parameters = L.llama_context_default_params()
    parameters.kv_unified = True  # sequences share cells: one reads aside, several share a prompt
    parameters.n_batch, parameters.n_ubatch = options.n_batch, options.n_ubatch
    parameters.type_k, parameters.type_v = (_GGML_TYPES[name] for name in _kv_types(options))
    parameters.n_threads = parameters.n_threads_batch = options.n_threads
    parameters.flash_attn_type = (
        L.LLAMA_FLASH_ATTN_TYPE_DISABLED if options.reproducible else L.LLAMA_FLASH_ATTN_TYPE_AUTO
    )
    parameters.no_perf = True
    return parameters


def _kv_types(options: ModelOptions) -> tuple[KvType, KvType]:
    """Of keys and of values: without flash attention values cannot be quantised."""
    return options.kv_type, "f16" if options.reproducible else options.kv_type


def _reason(otherwise: str) -> str:
    return native_log.reason().rstrip(".") or otherwise


def _read_vocabulary(model: Any, path: Path) -> Vocabulary:
    pointer = L.llama_model_get_vocab(model)
    if not pointer or L.llama_vocab_type(pointer) == L.LLAMA_VOCAB_TYPE_NONE:
        raise LoadError(f"{path.name} has no vocabulary.")
    names = (metadata(model, "tokenizer.ggml.model"), metadata(model, "tokenizer.ggml.pre"))
    return Vocabulary(pointer, "\n".join(names))


def _describe(
    model: Any,
    context: Any,
    options: ModelOptions,
    *,
    fingerprint: str,
    vocabulary: Vocabulary,
    template: ChatTemplate,
) -> ModelInfo:
    path = Path(options.path)
    # Asked to choose, llama.cpp says only in its log that it chose against.
    flash_attention = not options.reproducible and not native_log.mentions("Flash Attention", "disabled")
    return ModelInfo(
        name=options.name or good_name(path.name, metadata(model, "general.name")),
        path=options.path,
        fingerprint=fingerprint,
        tokenizer=vocabulary.fingerprint,
        architecture=metadata(model, "general.architecture"),
        quantisation=quantisation_of(model),
        size_bytes=path.stat().st_size,
        parameters=L.llama_model_n_params(model),
        vocabulary=vocabulary.size,
        layers=L.llama_model_n_layer(model),
        heads=L.llama_model_n_head(model),
        kv_heads=L.llama_model_n_head_kv(model),
        embedding=L.llama_model_n_embd(model),
        n_ctx=L.llama_n_ctx(context),
        n_ctx_train=L.llama_model_n_ctx_train(model),
        n_threads=L.llama_n_threads(context),
        flash_attention=flash_attention,
        reproducible=options.reproducible,
        kv_types=_kv_types(options),
        n_ubatch=L.llama_n_ubatch(context),
        build=llama_cpp.__version__,
        template=template.kind,
        template_note=template.note,
        tools=template.takes_tools,
    )


def _warm_up(model: Model, options: ModelOptions) -> None:
    """Evaluate a token, so that the first prompt finds the weights in memory and its progress can be told.

    Where that takes long, a few more show how much may be evaluated at once; in reproducible mode that is fixed.
    """
    token = max(model.vocabulary.bos, 0)
    began = time.monotonic()
    model.cache.prefill([token], _ignore, _ignore)
    model.cache.clear()
    if time.monotonic() - began > pace.SLOW_SECONDS and not options.reproducible:
        model.cache.reuse.chunk = _measured_chunk(model, token)


def _measured_chunk(model: Model, token: int) -> int:
    """What may be evaluated at once; the better of two measurements, because the machine may be busy once."""
    measured = 0
    for _ in range(2):
        model.cache.prefill([token] * pace.TRIED, _ignore, _ignore)
        model.cache.clear()
        measured = max(measured, pace.batch_for(model.abort.spans, model.info.layers, model.cache.reuse.chunk))
        if measured == model.cache.reuse.chunk:
            break
    return measured


def _ignore(*_anything: Any) -> None:
    """What the warm-up tells is of no interest."""
