"""A bare llama_decode loop over several sequences in one batch, greedy: the anchor for several replies at once.

`python -m benchmarks.batched_loop MODEL PROMPT_TOKENS TOKENS WAYS` prints the tokens per second of all together.
"""

from __future__ import annotations

import ctypes
import sys
import time

from llama_cpp import llama_cpp as ll

from benchmarks.bare_loop import BATCH, QUIET
from chatapp.engine.worker.process import usable_cores


def run(path: str, prompt: int, count: int, ways: int) -> float:
    """Tokens per second of so many sequences that share a prompt."""
    ll.llama_log_set(QUIET, ctypes.c_void_p(0))
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
    params = ll.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.no_perf = prompt + ways * count, BATCH, BATCH, True
    params.n_seq_max, params.kv_unified = ways, True
    params.n_threads = params.n_threads_batch = usable_cores()
    context = ll.llama_init_from_model(model, params)
    memory = ll.llama_get_memory(context)
    ids = (ll.llama_token * prompt)(*range(100, 100 + prompt))
    ll.llama_decode(context, ll.llama_batch_get_one(ids, prompt))
    for way in range(1, ways):
        ll.llama_memory_seq_cp(memory, 0, way, -1, -1)
    return _write(context, prompt, count, ways)


def _write(context: object, prompt: int, count: int, ways: int) -> float:
    sampler = ll.llama_sampler_init_greedy()
    batch = ll.llama_batch_init(ways, 0, 1)
    batch.n_tokens = ways
    tokens = [500 + way for way in range(ways)]
    began = time.perf_counter()
    for step in range(count):
        for way in range(ways):
            batch.token[way], batch.pos[way], batch.logits[way] = tokens[way], prompt + step, 1
            batch.n_seq_id[way], batch.seq_id[way][0] = 1, way
        ll.llama_decode(context, batch)
        tokens = [ll.llama_sampler_sample(sampler, context, way) for way in range(ways)]
    return ways * count / (time.perf_counter() - began)


if __name__ == "__main__":
    print(run(sys.argv[1], *map(int, sys.argv[2:5])))
