"""Memory: the estimate from the header beside what llama.cpp really takes, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.fit import Lesson, default_context, fit, fitting_context, learn, need
from chatapp.engine.header import read_header
from chatapp.engine.model import MemoryUse, ModelOptions

GB = 10**9


@pytest.fixture(scope="module")
def header():
    return read_header(embedded_model())


@pytest.fixture(scope="module")
def large(header):
    """An 8B model as most are: 32 layers, 8 heads of 128 that keep keys and values, 4.9 GB of weights."""
    return replace(
        header,
        weights=4_900_000_000,
        context_length=131_072,
        block_count=32,
        head_count=32,
        kv_heads=(8,) * 32,
        key_length=128,
        value_length=128,
        embedding_length=4096,
        feed_forward_length=14_336,
        vocabulary=128_256,
    )


def options(**changes):
    return ModelOptions(path="m.gguf", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_ctx": 1000, "kv_type": "q8_0"},
        {"n_ctx": 2048, "reproducible": True},
        {"n_ubatch": 64, "n_ctx": 512},
    ],
    ids=str,
)
async def test_each_term_is_what_llama_cpp_really_takes(header, changes):
    wanted = ModelOptions(path=str(embedded_model()), n_threads=1, **changes)
    engine = Engine()
    try:
        really = (await engine.load(wanted)).memory
    finally:
        await engine.close()
    thought = need(header, wanted)
    assert thought.weights == pytest.approx(really.weights, rel=0.01)
    assert thought.cache == pytest.approx(really.cache, rel=0.01)
    assert thought.compute == pytest.approx(really.compute, rel=0.15)
    assert 0.8 * thought.total < really.resident < 1.2 * thought.total


def test_the_terms_of_a_large_model_by_hand(large):
    told = need(large, options())
    assert told.cache == 8192 * 32 * 8 * (128 + 128) * 2
    assert told.weights == 4_900_000_000
    assert told.total == told.weights + told.cache + told.compute + told.engine
    assert need(large, options(kv_type="q4_0")).cache == told.cache * 9 // 32


def test_layers_that_keep_nothing_cost_nothing_and_states_do_not_grow(large):
    hybrid = replace(large, kv_heads=(0, 0, 0, 8) * 8, state=1_000_000)
    small, big = (need(hybrid, options(n_ctx=n)).cache for n in (1024, 2048))
    assert big - small == 1024 * 8 * 8 * 256 * 2
    assert small > 24 * 4_000_000


def test_the_default_context_is_what_it_was_trained_for_and_less_where_memory_is_short(header, large):
    assert (default_context(header), default_context(large)) == (8192, 8192)
    assert default_context(replace(large, context_length=0)) == 8192
    assert fitting_context(large, options(), None) == 8192
    assert fitting_context(large, options(), 20 * GB) == 8192
    assert fitting_context(large, options(), 6 * GB) == 2048
    assert fitting_context(large, options(), 2 * GB) == 2048, "a smaller one would not help, and be of no use"
    assert fitting_context(replace(large, context_length=512), options(), GB) == 512


@pytest.mark.parametrize(
    ("available", "words", "ways"),
    [
        (None, "needs 6.2 GB; how much is free is not known", ()),
        (10 * GB, "fits: 6.2 GB of the 10.0 GB that are free", ()),
        (6.5 * GB, "just fits: 6.2 GB of the 6.5 GB that are free", ()),
        (
            6 * GB,
            "needs 6.2 GB, and 6.0 GB are free: it may be slow, or be killed",
            ("a context of 4,096 tokens", "a KV cache in q8_0", "a smaller file"),
        ),
        (3 * GB, "needs 6.2 GB, and 3.0 GB are free: it may be slow, or be killed", ("a smaller file",)),
    ],
)
def test_the_verdict_has_the_numbers_and_what_would_help(large, available, words, ways):
    told = fit(large, options(), available if available is None else int(available))
    assert (told.verdict, told.ways) == (words, ways)
    assert told.fits == (not ways)


def test_what_was_really_taken_corrects_the_next_estimate(header):
    plain = need(header, options())
    measured = MemoryUse(weights=plain.weights, cache=plain.cache * 2, compute=plain.compute // 2)
    lesson = learn(header, options(), measured)
    assert lesson.weights == 1
    corrected = need(header, options(n_ctx=2048), lesson)
    assert corrected.cache == need(header, options(n_ctx=2048)).cache * 2
    assert learn(header, options(), MemoryUse()) == Lesson(), "what was not measured teaches nothing"
