"""A context with nothing around it, which the model under test must agree with."""

from __future__ import annotations

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.model import ModelOptions
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.model import load

BATCH = 32
TOLERANCE = 0.05
"""Of a logit: what the kernels for one token and for many differ by; a wrong cache is off by ten times that."""
MIB = 2**20


def ignore(*_anything):
    pass


class Cold:
    """llama.cpp with nothing around it: what a prompt gives when nothing was there before."""

    def __init__(self, model, *, reproducible):
        parameters = L.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = 512, BATCH, BATCH
        parameters.n_threads = parameters.n_threads_batch = 1
        if reproducible:
            parameters.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.size = model.vocabulary.size
        self.context = L.llama_init_from_model(model.pointer, parameters)

    def logits(self, prompt, said=()):
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        for start in range(0, len(prompt), BATCH):
            self._decode(prompt[start : min(start + BATCH, len(prompt))])
        for token in said:
            self._decode([token])
        return np.ctypeslib.as_array(L.llama_get_logits_ith(self.context, -1), (self.size,)).copy()

    def _decode(self, tokens):
        array = (L.llama_token * len(tokens))(*tokens)
        assert L.llama_decode(self.context, L.llama_batch_get_one(array, len(tokens))) == 0


def opened(path, *, reproducible, limit=64 * MIB):
    options = ModelOptions(
        path=str(path),
        n_ctx=512,
        n_batch=BATCH,
        n_ubatch=BATCH,
        n_threads=1,
        reproducible=reproducible,
        states_limit=limit,
    )
    return load(options, ignore, Abort())


def logits_of(model):
    address = model.cache.logits()
    values = (L.ctypes.c_float * model.vocabulary.size).from_address(address)
    return np.array(values, np.float32)
