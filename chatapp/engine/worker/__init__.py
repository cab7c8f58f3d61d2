"""The engine's process: loads one model and answers requests; the only place that imports llama_cpp and numpy.

One request's way: `server` reads it, `prompt` turns its turns into token ids, `cache` evaluates what the KV cache
does not hold yet, `sampler` draws, `stream` makes text of the tokens, `generate` runs it all.
"""
