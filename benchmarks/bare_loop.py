"""A bare llama_decode loop, greedy, with nothing around it: the everyday anchor for speed.

`python -m benchmarks.bare_loop MODEL PROMPT_TOKENS TOKENS` prints two rates in tokens per second: of the prompt,
read in one piece, and of the tokens after it.
"""

from __future__ import annotations

import ctypes
import sys
import time

from llama_cpp import llama_cpp as ll

from chatapp.engine.worker.process import usable_cores

QUIET = ll.llama_log_callback(lambda _level, _text, _data: None)
BATCH = 512


def run(path: str, prompt_length: int, count: int) -> tuple[float, float]:
    """Tokens per second: of so many prompt tokens, and of so many greedy tokens after them."""
    ll.llama_log_set(QUIET, ctypes.c_void_p(0))
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
    params = ll.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.no_perf = 8192, BATCH, BATCH, True
    params.n_threads = params.n_threads_batch = usable_cores()
    context = ll.llama_init_from_model(model, params)
    _read(context, [1])  # the weights come into memory
    ll.llama_memory_clear(ll.llama_get_memory(context), True)
    return _read(context, range(100, 100 + prompt_length)), _write(context, count)


def _read(context: object, prompt: list[int] | range) -> float:
    began = time.perf_counter()
    for start in range(0, len(prompt), BATCH):
        part = prompt[start : start + BATCH]
        tokens = (ll.llama_token * len(part))(*part)  # the batch does not keep them alive
        if ll.llama_decode(context, ll.llama_batch_get_one(tokens, len(part))):
            raise RuntimeError("llama.cpp refused the prompt")
    ll.llama_synchronize(context)
    return len(prompt) / (time.perf_counter() - began)


def _write(context: object, count: int) -> float:
    sampler = ll.llama_sampler_init_greedy()
    one = (ll.llama_token * 1)()
    began = time.perf_counter()
    for _ in range(count):
        one[0] = ll.llama_sampler_sample(sampler, context, -1)
        ll.llama_decode(context, ll.llama_batch_get_one(one, 1))
    ll.llama_synchronize(context)
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    print(*run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
