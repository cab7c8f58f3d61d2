"""In reproducible mode a greedy reply is, token for token, that of a bare llama.cpp loop.

The loop is written here on its own, and shares nothing with the engine but the loaded weights.
CHATAPP_TEST_PROMPTS sets how many prompts are tried, 50 at most.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from llama_cpp import llama_cpp as L  # noqa: N812
from worker_turns import assistant, user

from chatapp.conversation.sampling import SamplingSettings

TOPICS = [
    "the sea",
    "a lamp",
    "prime numbers",
    "bread",
    "Python lists",
    "a dragon",
    "Rome",
    "tea",
    "chess",
    "snow",
]
TASKS = [
    "Tell me about {}.",
    "Write a poem on {}!\n\n  Two lines.",
    "“{}”: what is it? Réponds en français, s’il te plaît.",
    "List five facts about {}:\n1.",
    "Summarise. " + "The keeper climbed the stairs, trimmed the lamp and wrote of {} in the log. " * 34,
]
PROMPTS = [task.replace("{}", topic) for topic in TOPICS for task in TASKS]
COUNT = int(os.environ.get("CHATAPP_TEST_PROMPTS", "6"))
TOKENS = 20
BATCH = 128
"""As the model under test has it."""
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class BareLoop:
    """llama.cpp as its own examples use it: clear, read the prompt, take the likeliest token, evaluate it."""

    def __init__(self, weights):
        parameters = L.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = 1024, BATCH, BATCH
        parameters.n_threads = parameters.n_threads_batch = 1
        parameters.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = L.llama_init_from_model(weights, parameters)
        self.vocabulary = L.llama_model_get_vocab(weights)
        self.size = L.llama_vocab_n_tokens(self.vocabulary)

    def tokenize(self, text):
        data = text.encode()
        ids = (L.llama_token * (len(data) + 8))()
        return list(ids[: L.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), True, True)])

    def decode(self, tokens):
        array = (L.llama_token * len(tokens))(*tokens)
        assert L.llama_decode(self.context, L.llama_batch_get_one(array, len(tokens))) == 0

    def reply(self, prompt, most):
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        for start in range(0, len(prompt), BATCH):
            self.decode(prompt[start : start + BATCH])
        tokens = []
        while len(tokens) < most:
            logits = np.ctypeslib.as_array(L.llama_get_logits_ith(self.context, -1), (self.size,))
            token = int(np.argmax(logits))
            if L.llama_vocab_is_eog(self.vocabulary, token):
                break
            tokens.append(token)
            self.decode([token])
        return tokens


@pytest.fixture(scope="module")
def bare(exact_model):
    loop = BareLoop(exact_model.pointer)
    yield loop
    L.llama_free(loop.context)


@pytest.mark.parametrize("prompt", sorted(PROMPTS, key=lambda text: PROMPTS.index(text) % 7)[:COUNT], ids=len)
def test_a_greedy_reply_equals_a_bare_loops(bare, ask_exactly, prompt):
    text = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    expected = bare.reply(bare.tokenize(text), TOKENS)
    reply = ask_exactly([user(prompt)], SamplingSettings(temperature=0, max_tokens=TOKENS))
    assert reply.token_ids == expected


def test_so_does_the_second_reply_of_a_chat(bare, ask_exactly):
    greedy = SamplingSettings(temperature=0, max_tokens=TOKENS)
    first = ask_exactly([user("What is tea?")], greedy)
    turns = [user("What is tea?"), assistant(first.text, first.token_ids), user("And coffee?")]
    second = ask_exactly(turns, greedy)
    assert second.finished.reused_tokens > 0
    assert second.token_ids == bare.reply(ask_exactly.model.prompts.ids(turns), TOKENS)


@pytest.mark.parametrize("length", [BATCH, BATCH + 1, BATCH + 2, 2 * BATCH + 1])
def test_so_do_replies_to_prompts_that_end_around_the_end_of_a_batch(bare, ask_exactly, length):
    prompt = bare.tokenize(" sea storm lamp keeper" * 300)[:length]
    words = b"".join(map(ask_exactly.model.vocabulary.piece, prompt)).decode()
    greedy = SamplingSettings(temperature=0, max_tokens=4)
    ask_exactly([user(words[: len(words) // 2])], greedy, template=False)
    reply = ask_exactly([user(words)], greedy, template=False)
    assert reply.finished.prompt_tokens == length
    assert reply.token_ids == bare.reply(prompt, 4)
    assert ask_exactly([user(words)], greedy, template=False).token_ids == reply.token_ids
