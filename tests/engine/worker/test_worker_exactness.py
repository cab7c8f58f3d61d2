"""What is shown is what llama.cpp does: each stage against llama.cpp's own chain, on logits of the real model."""

from __future__ import annotations

import ctypes
from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as L  # noqa: N812
from worker_turns import user

from chatapp.conversation.decision import Memory
from chatapp.conversation.sampling import DEFAULT_CHAIN, NEUTRAL, SamplingSettings
from chatapp.engine.worker.candidates import Candidates, logits_at
from chatapp.engine.worker.chain import Chain, Moment, remembered
from chatapp.engine.worker.sampler import Said, Sampler
from chatapp.engine.worker.staging import Staging

TEXTS = ["The sea is", "def add(a, b):\n", "Once upon a time", "1, 2, 3, 4,", "I am not"]
SAID = [504, 3462, 314, 504, 3462, 314, 253, 504, 3462]  # repeats itself, for the penalties and DRY
CONTEXT = 512


@pytest.fixture(scope="module")
def real_logits(model):
    """The logits after some texts, as the model computes them."""
    found = []
    for text in TEXTS:
        model.cache.clear()
        model.cache.recall(ids := model.prompts.ids([user(text)], template=False))
        model.cache.prefill(ids, lambda _done: None, lambda: None)
        found.append(logits_at(model.cache.logits(), model.vocabulary.size).copy())
    model.cache.clear()
    return found


class Reference:
    """llama.cpp's own chain, built from its own functions alone, in the order of llama.cpp's chat programs."""

    def __init__(self, vocabulary, values, order, stack):
        self.size = vocabulary.size
        self.stack = stack
        v = SamplingSettings(**values)
        breakers = [text.encode() for text in v.dry_breakers]
        texts = (ctypes.c_char_p * len(breakers))(*breakers)
        make = {
            "penalties": lambda: L.llama_sampler_init_penalties(
                vocabulary.size, v.repeat_last_n, v.repeat_penalty, v.frequency_penalty, v.presence_penalty
            ),
            "dry": lambda: L.llama_sampler_init_dry(
                vocabulary.pointer,
                v.dry_multiplier,
                v.dry_base,
                v.dry_allowed_length,
                CONTEXT,
                texts,
                len(breakers),
            ),
            "top_n_sigma": lambda: L.llama_sampler_init_top_n_sigma(v.top_n_sigma),
            "top_k": lambda: L.llama_sampler_init_top_k(v.top_k),
            "typical_p": lambda: L.llama_sampler_init_typical(v.typical_p, 1),
            "top_p": lambda: L.llama_sampler_init_top_p(v.top_p, 1),
            "min_p": lambda: L.llama_sampler_init_min_p(v.min_p, 1),
            "xtc": lambda: L.llama_sampler_init_xtc(v.xtc_probability, v.xtc_threshold, 1, 7),
            "temperature": lambda: L.llama_sampler_init_temp_ext(
                v.temperature, v.dynatemp_range, v.dynatemp_exponent
            ),
        }
        self.samplers = []
        for name in order:
            sampler = make[name]()
            self.stack.callback(L.llama_sampler_free, sampler)
            for token in SAID:
                L.llama_sampler_accept(sampler, token)
            self.samplers.append((name, sampler))

    def after(self, logits, count):
        """What the first `count` samplers leave: ids with their probabilities."""
        chain = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
        for _, sampler in self.samplers[:count]:
            L.llama_sampler_chain_add(chain, L.llama_sampler_clone(sampler))
        candidates = Candidates(self.size)
        candidates.load(logits)
        candidates.apply(chain)
        ids, left = candidates.ids().copy(), candidates.logits().copy()
        L.llama_sampler_free(chain)
        return probabilities(ids, left)


def probabilities(ids, logits):
    possible = logits > -np.inf
    ids, logits = ids[possible], logits[possible].astype(np.float64)
    weights = np.exp(logits - logits.max())
    order = np.argsort(ids)
    return ids[order], (weights / weights.sum())[order]


def stages(model, logits, settings_, memory=None, *, seed=1, index=0):
    """What our chain leaves after each stage, by its name: ids with their probabilities."""
    staging = Staging(model.vocabulary, settings_)
    sampler = Sampler(model.vocabulary, settings_, seed, Said(SAID, len(SAID)), context=CONTEXT, memory=memory)
    try:
        sampler.draw(logits, index, staging)
    finally:
        sampler.close()
    seen = {one.name: (np.flatnonzero(one.p >= 0), one.p[one.p >= 0]) for one in staging._seen}
    return seen, staging.decision(prompt_tokens=len(SAID), top=5)


def assert_same(ours, theirs):
    assert ours[0].tolist() == theirs[0].tolist()
    assert np.abs(ours[1] - theirs[1]).max() < 1e-5


def assert_stages_are_llama_cpps(model, logits, changes, order=DEFAULT_CHAIN):
    settings_ = SamplingSettings(**{**NEUTRAL, **changes, "chain": order})
    seen, decision = stages(model, logits, settings_)
    names = [stage.sampler for stage in decision.stages][1:]
    with ExitStack() as stack:
        values = {**NEUTRAL, **changes}
        reference = Reference(model.vocabulary, values, [name for name in order if name in names], stack)
        for count, name in enumerate(names, 1):
            assert_same(seen[name], reference.after(logits, count))
    assert names == [name for name in order if name in names]


ALONE = [
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"temperature": 0.8, "dynatemp_range": 0.5, "dynatemp_exponent": 2.0},
    {"top_k": 1},
    {"top_k": 40},
    {"top_k": 500},
    {"top_p": 0.0},
    {"top_p": 0.9},
    {"top_p": 0.999},
    {"min_p": 0.05},
    {"min_p": 1.0},
    {"typical_p": 0.5},
    {"typical_p": 0.95},
    {"top_n_sigma": 1.0},
    {"xtc_probability": 1.0, "xtc_threshold": 0.05},
    {"repeat_penalty": 1.3},
    {"presence_penalty": 0.7, "frequency_penalty": -0.2, "repeat_last_n": 4},
    {"dry_multiplier": 0.8, "dry_allowed_length": 2},
    {"temperature": 0.0},
]


@pytest.mark.parametrize("changes", ALONE, ids=str)
def test_each_sampler_alone_leaves_what_llama_cpps_leaves(model, real_logits, changes):
    for logits in real_logits:
        assert_stages_are_llama_cpps(model, logits, changes)


CHAINS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0.1, 3),
        "top_k": st.integers(1, 200),
        "top_p": st.floats(0.05, 1),
        "min_p": st.floats(0.001, 0.5),
        "typical_p": st.floats(0.1, 1),
        "top_n_sigma": st.floats(0.3, 4),
        "xtc_probability": st.just(1.0),
        "repeat_penalty": st.floats(0.7, 2),
        "presence_penalty": st.floats(-2, 2),
        "dry_multiplier": st.just(0.8),
        "dynatemp_range": st.floats(0.05, 1),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHAINS, st.permutations(DEFAULT_CHAIN), st.integers(0, len(TEXTS) - 1))
def test_random_chains_in_any_order_leave_what_llama_cpps_leave(model, real_logits, changes, order, which):
    # llama.cpp computes nonsense where typical-p gets what n-sigma made impossible: there the two must differ.
    if {"typical_p", "top_n_sigma"} <= set(changes) and order.index("top_n_sigma") < order.index("typical_p"):
        changes = {name: value for name, value in changes.items() if name != "top_n_sigma"}
    assert_stages_are_llama_cpps(model, real_logits[which], changes, tuple(order))


def test_a_chain_in_the_wrong_order_is_noticed(model, real_logits, monkeypatch):
    """The deliberate bug: top-p before top-k, where the settings say otherwise."""
    changes = {"top_k": 20, "top_p": 0.8}
    assert_stages_are_llama_cpps(model, real_logits[0], changes)
    run = Chain.run

    def wrong(self, candidates, moment, watch=None):
        self.names = tuple(reversed(self.names))
        run(self, candidates, moment, watch)

    monkeypatch.setattr(Chain, "run", wrong)
    with pytest.raises(AssertionError):
        assert_stages_are_llama_cpps(model, real_logits[0], changes)


@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_cuts_and_learns_as_llama_cpps_does(model, real_logits, version):
    settings_ = SamplingSettings(mirostat=version, mirostat_tau=3.0, mirostat_eta=0.2, temperature=0.9)
    size = model.vocabulary.size
    reference = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
    L.llama_sampler_chain_add(reference, L.llama_sampler_init_temp(0.9))
    own = (
        L.llama_sampler_init_mirostat(size, 3, 3.0, 0.2, 100)
        if version == 1
        else L.llama_sampler_init_mirostat_v2(3, 3.0, 0.2)
    )
    L.llama_sampler_chain_add(reference, own)
    memory = Memory()
    for logits in real_logits * 2:
        candidates = Candidates(size)
        candidates.load(logits)
        candidates.apply(reference)
        ids, left = candidates.ids().copy(), candidates.logits().copy()
        seen, _ = stages(model, logits, settings_, memory)
        assert_same(seen["mirostat"], probabilities(ids, left))
        chosen = int(ids[candidates._array.selected])  # what llama.cpp drew, it learns from
        place = int(np.flatnonzero(seen["mirostat"][0] == chosen)[0])
        memory = remembered(settings_, memory, float(seen["mirostat"][1][place]), 0.0)
    L.llama_sampler_free(reference)


def test_adaptive_p_bends_and_learns_as_llama_cpps_does(model, real_logits):
    settings_ = SamplingSettings(**{**NEUTRAL, "min_p": 0.01, "adaptive_target": 0.3, "adaptive_decay": 0.8})
    reference = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
    L.llama_sampler_chain_add(reference, L.llama_sampler_init_min_p(0.01, 1))
    L.llama_sampler_chain_add(reference, L.llama_sampler_init_adaptive_p(0.3, 0.8, 5))
    memory = Memory()
    for logits in real_logits * 2:
        candidates = Candidates(model.vocabulary.size)
        candidates.load(logits)
        candidates.apply(reference)
        ids, left = candidates.ids().copy(), candidates.logits().copy()
        chosen = int(ids[candidates._array.selected])
        L.llama_sampler_accept(reference, chosen)
        seen, _ = stages(model, logits, settings_, memory)
        assert_same(seen["adaptive_p"], probabilities(ids, left))
        before = dict(zip(*seen["min_p"], strict=True))
        memory = remembered(settings_, memory, 0.0, float(before[chosen]))
    L.llama_sampler_free(reference)


def test_xtc_acts_as_often_as_it_says_and_by_seed_and_position(model, real_logits):
    settings_ = SamplingSettings(**{**NEUTRAL, "xtc_probability": 0.3, "xtc_threshold": 0.05})
    acted = [
        len(stages(model, real_logits[0], settings_, seed=4, index=index)[0]["xtc"][0]) < model.vocabulary.size
        for index in range(60)
    ]
    chances = [Moment(4, index, Memory(), 0.0).xtc_chance <= 0.3 for index in range(60)]
    assert acted == chances
    assert 8 < sum(acted) < 30


def test_typical_p_after_n_sigma_cuts_among_what_is_possible(model, real_logits):
    both = SamplingSettings(**{**NEUTRAL, "typical_p": 0.9, "top_n_sigma": 1.0})
    seen, _ = stages(model, real_logits[0], both)
    assert set(seen["typical_p"][0]) <= set(seen["top_n_sigma"][0])
    assert seen["typical_p"][1].sum() == pytest.approx(1)


def test_the_figures_of_the_stages_are_those_of_the_candidates(model, real_logits):
    logits = real_logits[0].astype(np.float64)
    plain = np.exp(logits - logits.max())
    plain /= plain.sum()
    settings_ = SamplingSettings(**{**NEUTRAL, "top_k": 40, "top_p": 0.9, "min_p": 0.05, "temperature": 0.65})
    seen, decision = stages(model, real_logits[0], settings_)
    assert [stage.sampler for stage in decision.stages] == ["logits", "top_k", "top_p", "min_p", "temperature"]
    for stage in decision.stages:
        ids, p = seen[stage.sampler]
        assert stage.kept == len(ids)
        assert stage.mass == pytest.approx(plain[ids].sum(), abs=1e-6)
        assert stage.entropy == pytest.approx(-(p * np.log2(p, where=p > 0, out=np.zeros_like(p))).sum(), abs=1e-6)
    before = dict(zip(*seen["top_p"], strict=True))
    least = decision.stages[3].threshold
    assert all((p >= least) == (token in set(seen["min_p"][0])) for token, p in before.items())
    draw = decision.draw
    assert draw.low <= draw.chance < draw.high
    row = next(row for row in decision.rows if row.id == draw.token.id)
    assert draw.high - draw.low == pytest.approx(row.p[-1])


@pytest.mark.parametrize(
    ("swapped", "changes"),
    [
        (("top_p", "top_k"), {"top_k": 10, "top_p": 0.7}),
        (("temperature", "min_p"), {"min_p": 0.1, "temperature": 1.6}),
        (("top_k", "penalties"), {"top_k": 5, "repeat_penalty": 1.8, "presence_penalty": 2.0}),
    ],
)
def test_a_chain_that_runs_in_another_order_than_it_says_is_caught(
    model, real_logits, monkeypatch, swapped, changes
):
    """The bug that a sampling display is most likely to have: two stages changed places, and the names did not."""

    def compare():
        for logits in real_logits:
            assert_stages_are_llama_cpps(model, logits, changes)

    compare()
    run = Chain.run

    def run_in_another_order(self, candidates, moment, watch=None):
        said = iter(self.names)
        places = dict(zip(swapped, reversed(swapped), strict=True))
        self.names = tuple(places.get(name, name) for name in self.names)
        run(self, candidates, moment, watch and (lambda _stage, left: watch(next(said), left)))

    monkeypatch.setattr(Chain, "run", run_in_another_order)
    with pytest.raises(AssertionError):
        compare()
