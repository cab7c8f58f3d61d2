"""llama.cpp in a bare loop, and the prompts on which the app must say what it says, token for token.

It tokenises the ChatML text with llama.cpp's own tokeniser and shares nothing with the app. CHATAPP_TEST_PROMPTS
sets how many of the 100 prompts are tried; one in five is long, up to 1,500 tokens.
"""

from __future__ import annotations

import os

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

SYSTEM = "You are a helpful assistant.\n\nAnswer  briefly."
TOPICS = (
    *("the sea", "a lamp", "prime numbers", "bread", "lists", "a dragon", "Rome", "tea", "chess", "snow"),
    *("a letter", "the moon", "sorting", "salt", "tuples", "a wolf", "Ghent", "rain", "maps", "glass"),
)
SENTENCE = "The keeper climbed the stairs, trimmed the lamp and wrote of {} in the log. "
TASKS = (
    "Summarise. ",
    "Tell me about {}.",
    "  Write a poem on {}!\n\n  Two lines.\n",
    "“{}”: what is it? Réponds en français, s’il te plaît. 😀",
    "def about():\n    return '{}'\n",
)
SENTENCES = (30, 45, 70)
"""How many a long prompt has: some 500 tokens to some 1,500."""
PROMPTS = [
    (task + SENTENCE * SENTENCES[place % 3] if task == TASKS[0] else task).replace("{}", topic)
    for place, topic in enumerate(TOPICS)
    for task in TASKS
]
COUNT = int(os.environ.get("CHATAPP_TEST_PROMPTS", "10"))
TOKENS, LONG = 12, 500
BATCH, CONTEXT = 512, 2048

# As long as the process: llama.cpp goes on calling it after the loop is gone.
QUIET = L.llama_log_callback(lambda *_: None)


class BareLoop:
    """Clear, read the prompt, take the likeliest token, evaluate it."""

    def __init__(self, path, threads):
        L.llama_log_set(QUIET, None)
        L.llama_backend_init()
        self.weights = L.llama_model_load_from_file(os.fsencode(path), L.llama_model_default_params())
        self.vocabulary = L.llama_model_get_vocab(self.weights)
        self.size = L.llama_vocab_n_tokens(self.vocabulary)

        parameters = L.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = CONTEXT, BATCH, BATCH
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = L.llama_init_from_model(self.weights, parameters)
        self._replies = {}

    def close(self):
        L.llama_free(self.context)
        L.llama_model_free(self.weights)

    def prompt(self, question):
        text = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
        data = f"{text}<|im_start|>assistant\n".encode()
        ids = (L.llama_token * (len(data) + 8))()
        return list(ids[: L.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), False, True)])

    def reply(self, prompt, begun=(), tokens=TOKENS):
        """The reply to a prompt, `begun` included, of so many tokens; the same one is computed once."""
        key = (*prompt, *begun), len(begun), tokens
        if key not in self._replies:
            self._replies[key] = self._reply(prompt, begun, tokens)
        return self._replies[key]

    def _reply(self, prompt, begun, tokens):
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        for start in range(0, len(prompt), BATCH):
            self._decode(prompt[start : start + BATCH])
        for token in begun:
            self._decode([token])
        said = list(begun)
        while len(said) < tokens:
            logits = np.ctypeslib.as_array(L.llama_get_logits_ith(self.context, -1), (self.size,))
            token = int(np.argmax(logits))
            if L.llama_vocab_is_eog(self.vocabulary, token):
                break
            said.append(token)
            self._decode([token])
        return said

    def _decode(self, tokens):
        array = (L.llama_token * len(tokens))(*tokens)
        assert L.llama_decode(self.context, L.llama_batch_get_one(array, len(tokens))) == 0
