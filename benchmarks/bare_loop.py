"""A bare llama_decode loop, greedy, with nothing around it: the everyday anchor for decode speed.

`python -m benchmarks.bare_loop MODEL PROMPT_TOKENS TOKENS` prints tokens per second of the decode alone.
"""

from __future__ import annotations

import ctypes
import sys
import time

from llama_cpp import llama_cpp as ll

from chatapp.engine.worker.process import usable_cores

QUIET = ll.llama_log_callback(lambda _level, _text, _data: None)


def run(path: str, prompt_length: int, count: int) -> float:
    """Tokens per second of so many greedy tokens after a prompt of so many."""
    ll.llama_log_set(QUIET, ctypes.c_void_p(0))
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
    params = ll.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.no_perf = 2048, 512, 512, True
    params.n_threads = params.n_threads_batch = usable_cores()
    context = ll.llama_init_from_model(model, params)
    sampler = ll.llama_sampler_init_greedy()
    prompt = (ll.llama_token * prompt_length)(*range(100, 100 + prompt_length))
    ll.llama_decode(context, ll.llama_batch_get_one(prompt, prompt_length))
    one = (ll.llama_token * 1)()
    began = time.perf_counter()
    for _ in range(count):
        one[0] = ll.llama_sampler_sample(sampler, context, -1)
        ll.llama_decode(context, ll.llama_batch_get_one(one, 1))
    ll.llama_synchronize(context)
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
