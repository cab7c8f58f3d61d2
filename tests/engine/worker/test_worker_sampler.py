"""Draws: by seed and position, from what llama.cpp's samplers leave."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.draw import pick, uniform
from chatapp.engine.worker.sampler import NoCandidatesError, Said, Sampler

NEUTRAL = SamplingSettings(temperature=1, top_k=0, top_p=1, min_p=0)
LOGITS = np.log(np.array([0.1, 0.4, 0.05, 0.3, 0.15], np.float32))


def sampler_for(size, settings_, seed=1, said=()):
    """A sampler over a vocabulary of which no more is known than its size."""
    return Sampler(SimpleNamespace(size=size), settings_, seed, Said(list(said), 0), context=64)


def drawn(logits, settings_, seed=1, draws=400, said=()):
    """The tokens that many positions of one seed draw from the same logits."""
    data = np.ascontiguousarray(logits, np.float32)
    sampler = sampler_for(len(data), settings_, seed, said)
    try:
        return [sampler.draw(data, index) for index in range(draws)]
    finally:
        sampler.close()


def test_uniform_numbers_depend_on_seed_and_position_only_and_fill_the_range():
    numbers = [uniform(7, index) for index in range(2000)]
    assert numbers == [uniform(7, index) for index in range(2000)]
    assert numbers != [uniform(8, index) for index in range(2000)]
    assert all(0 <= number < 1 for number in numbers)
    counts = np.histogram(numbers, bins=10, range=(0, 1))[0]
    assert counts.min() > 150
    assert counts.max() < 250


def test_a_draw_takes_the_first_candidate_at_which_the_cumulative_probability_passes_the_chance():
    ids = np.array([10, 11, 12, 13])
    logits = np.log(np.array([0.2, 0.5, 0.2, 0.1], np.float32))  # in order: 11, then 10 before 12 by id, 13
    chances = {0.0: 11, 0.49: 11, 0.51: 10, 0.69: 10, 0.71: 12, 0.89: 12, 0.91: 13, 0.999999: 13}
    assert {chance: pick(ids, logits, chance) for chance in chances} == chances


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1, exclude_max=True), st.floats(0.1, 20))
def test_a_draw_from_a_whole_vocabulary_equals_one_from_all_candidates_sorted(seed, chance, spread):
    logits = (np.random.default_rng(seed).standard_normal(2000) * spread).astype(np.float32)
    ids = np.arange(2000)
    weights = np.exp(logits - logits.max())
    order = sorted(ids, key=lambda token: (-weights[token], token))
    goal = chance * float(weights.sum(dtype=np.float64))
    position = int(np.searchsorted(np.cumsum(weights[order], dtype=np.float64), goal, side="right"))
    assert pick(ids, logits, chance) == order[min(position, np.count_nonzero(weights) - 1)]


def test_without_any_filter_tokens_are_drawn_as_often_as_they_are_probable():
    tokens = drawn(LOGITS, NEUTRAL, draws=4000)
    shares = np.bincount(tokens, minlength=5) / len(tokens)
    assert np.abs(shares - np.exp(LOGITS)).max() < 0.03


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"temperature": 0.0}, {1}),
        ({"top_k": 1}, {1}),
        ({"top_k": 2}, {1, 3}),
        ({"top_p": 0.6}, {1, 3}),
        ({"top_p": 0.0}, {1}),
        ({"min_p": 0.3}, {1, 3, 4}),
        ({"min_p": 1.0}, {1}),
        ({"temperature": 5.0}, {0, 1, 2, 3, 4}),
        ({"temperature": 0.1}, {1, 3}),
    ],
)
def test_a_setting_leaves_the_candidates_that_it_promises(changes, left):
    assert set(drawn(LOGITS, NEUTRAL.model_copy(update=changes))) == left


def test_the_repeat_penalty_counts_what_was_said_and_what_is_drawn():
    greedy = NEUTRAL.model_copy(update={"temperature": 0.0, "repeat_penalty": 2.0})
    logits = np.array([1.0, 1.5, 0.9, -1.0], np.float32)
    assert drawn(logits, greedy, draws=1) == [1]
    assert drawn(logits, greedy, draws=1, said=[1]) == [0]
    assert drawn(logits, greedy, draws=1, said=[1, 0]) == [2]
    forgetful = greedy.model_copy(update={"repeat_last_n": 1})
    assert drawn(logits, forgetful, draws=1, said=[1, 0]) == [1]
    sampler = sampler_for(4, greedy)
    sampler.accept(1)
    assert sampler.draw(logits, 0) == 0
    sampler.close()


def test_ties_go_to_the_lower_id():
    assert drawn(np.zeros(5), NEUTRAL.model_copy(update={"temperature": 0.0}), draws=1) == [0]


def test_numbers_that_are_no_numbers_are_refused():
    with pytest.raises(NoCandidatesError, match="damaged"):
        drawn([0.0, float("nan"), 1.0], NEUTRAL)


def test_other_settings_hold_from_the_next_draw_on():
    sampler = sampler_for(5, NEUTRAL, 3)
    free = {sampler.draw(LOGITS, index) for index in range(100)}
    sampler.retune(NEUTRAL.model_copy(update={"temperature": 0.0}), Said([], 0))
    bound = {sampler.draw(LOGITS, index) for index in range(100)}
    sampler.close()
    assert (len(free), bound) == (5, {1})


class _Onlooker:
    """Looks at every stage, so that the chain begins with the whole vocabulary."""

    wants_all = True

    def begins(self, *_):
        pass

    saw = drew = begins


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([1, 5, 40, 300]), st.sampled_from([0.1, 1, 5, 50]), st.integers(0, 3)
)
def test_beginning_with_the_likeliest_draws_what_beginning_with_all_draws(seed, top_k, spread, decimals):
    """Also where logits are so far apart, or so often equal, that the likeliest cannot be told from the rest."""
    logits = (np.random.default_rng(seed).standard_normal(5000) * spread).astype(np.float32)
    if decimals:
        logits = np.round(logits, decimals)
    sampler = sampler_for(len(logits), SamplingSettings(top_k=top_k), seed)
    try:
        quick = [sampler.draw(logits, index) for index in range(50)]
        whole = [sampler.draw(logits, index, _Onlooker()) for index in range(50)]
    finally:
        sampler.close()
    assert quick == whole
