"""In reproducible mode a greedy reply is, token for token, what llama.cpp itself would say.

The whole way is under test: `Chat`, the store, the engine's process, and the command line. What it is compared to
is a bare loop in this process, which tokenises the ChatML text with llama.cpp's own tokeniser and shares nothing
with the app. CHATAPP_TEST_PROMPTS sets how many of the 100 prompts are tried; one in five is long, up to 1,500
tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.worker.process import usable_cores
from chatapp.loading import model_options
from chatapp.store import Store
from chatapp.turn import Ended

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

    def close(self):
        L.llama_free(self.context)
        L.llama_model_free(self.weights)

    def prompt(self, question):
        text = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
        data = f"{text}<|im_start|>assistant\n".encode()
        ids = (L.llama_token * (len(data) + 8))()
        return list(ids[: L.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), False, True)])

    def reply(self, prompt):
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        for start in range(0, len(prompt), BATCH):
            self._decode(prompt[start : start + BATCH])
        said = []
        while len(said) < TOKENS:
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


@pytest.fixture(scope="module")
def bare():
    loop = BareLoop(embedded_model(), usable_cores())
    yield loop
    loop.close()


@pytest.mark.timeout(1800)  # all hundred take five minutes on quiet cores
async def test_greedy_replies_equal_a_bare_loops(bare, model_path, tmp_path):
    """Of all 100 prompts 20 have 500 tokens and more; each has a session of its own, all have one engine."""
    store, engine = await Store.temporary(), Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(), reproducible=True)
    persona = Persona(name="Plain", system=SYSTEM, sampling={"temperature": 0.0, "max_tokens": TOKENS})
    try:
        assert (await engine.load(options)).n_threads == usable_cores()
        lengths = []
        for question in PROMPTS[:COUNT]:
            prompt = bare.prompt(question)
            chat = Chat(await store.create_session(persona), store, engine, options)
            reply = await _reply(chat, question)
            assert reply.provenance.prompt_tokens == len(prompt), question
            assert reply.token_ids == bare.reply(prompt), question
            lengths.append(len(prompt))
        assert sum(length >= LONG for length in lengths) == -(-COUNT // len(TASKS))
    finally:
        await engine.close()
        await store.close()


async def _reply(chat, question):
    async for event in chat.send(question):
        if isinstance(event, Ended):
            return event.reply
    raise AssertionError("a turn ends with its end")


@pytest.mark.parametrize("question", PROMPTS[:2], ids=["long", "short"])
async def test_so_do_the_replies_of_the_command_line(bare, tmp_path, question):
    """`chatapp ask --reproducible --temperature 0`, a process and an engine for each."""
    command = [sys.executable, "-m", "chatapp", "ask", question, "--system", SYSTEM, "--reproducible", "--json"]
    flags = ["--temperature", "0", "--max-tokens", str(TOKENS), "--data-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *command, *flags, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    prompt = bare.prompt(question)
    assert told["prompt_tokens"] == len(prompt)
    assert told["token_ids"] == bare.reply(prompt)
