"""KV states that wait in memory: they come back to the bit, for every kind of model, and only when they serve.

Whatever was asked before, the logits of a prompt are those of a context that has just been made: bit for bit in
reproducible mode, and but for the rounding of the kernels in the fast one.
"""

from __future__ import annotations

import numpy as np
import pytest
from cold_context import BATCH, TOLERANCE, Cold, ignore, logits_of, opened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as L  # noqa: N812
from tiny_models import plain, recurrent, sliding_window
from worker_turns import assistant, system, user

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.cache import Aborted
from chatapp.engine.worker.states import State, States, rewritten

GREEDY = SamplingSettings(temperature=0, max_tokens=8)


def read(model, prompt, said=()):
    """Read a prompt that ends with tokens of a reply that goes on; how many tokens were kept."""
    model.cache.recall([*prompt, *said], len(said))
    kept = model.cache.keep_prefix([*prompt, *said])
    model.cache.prefill([*prompt, *said], ignore, ignore)
    return kept


def write(model, count):
    """Draw so many tokens greedily; the last one is not evaluated."""
    said = []
    for _ in range(count):
        if said:
            model.cache.step(said[-1])
        said.append(int(logits_of(model).argmax()))
    return said


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "follow", "fork", "go on", "stop", "look", "score"]),
        st.integers(0, 2**16),  # which of the conversations there are, and what is said
        st.integers(1, 90),
    ),
    min_size=2,
    max_size=12,
)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_was_asked_before_the_logits_are_those_of_a_cold_context(tiny, reproducible, steps):
    model, cold = tiny
    model.cache.clear()
    tolerance = 0 if reproducible else TOLERANCE
    conversations = [([260, 300, 310], [])]
    for verb, which, length in steps:
        prompt, said = conversations[which % len(conversations)]
        text = [259 + (which * 7 + position * position) % 80 for position in range(length)]
        if verb == "new":
            prompt, said = [*conversations[0][0], *text], []
        elif verb == "fork":
            prompt, said = [*prompt[: 1 + which % len(prompt)], *text], []
        elif verb == "go on":
            said = said[: len(said) - which % 2]
        elif verb in {"look", "score"}:
            held = list(model.cache.tokens)
            if verb == "look":
                look_beside(tiny, tolerance, prompt, said[: which % (len(said) + 1)])
            else:
                score_beside(tiny, [*prompt, *text][:400], len(prompt) - 1)
            assert model.cache.tokens == held[: len(model.cache.tokens)]
        else:
            prompt, said = [*prompt, *said, *text], []
        if len(prompt) > 400:
            continue
        if verb == "stop":
            stop_in_the_middle(model, prompt, which % 500)
            prompt = [*prompt, *text]
        read(model, prompt, said)  # a look leaves what comes next as it would have been
        assert np.abs(logits_of(model) - cold.logits(prompt, said)).max() <= tolerance
        conversations.append((prompt, said + write(model, max(0, which % 9 - 3))))


def look_beside(tiny, tolerance, prompt, said):
    """Ask how a token of a reply is decided, beside what the cache holds."""
    model, cold = tiny
    found = model.aside.last([*prompt, *said], len(said), ignore)
    assert np.abs(found - cold.logits(prompt, said)).max() <= tolerance


def score_beside(tiny, tokens, first):
    """Ask how each token of a text is decided; they are evaluated in batches of another size."""
    model, cold = tiny
    *_, found = map(np.copy, model.aside.each(tokens, min(first, len(tokens) - 1), ignore))
    assert np.abs(found - cold.logits(tokens)).max() <= TOLERANCE


def stop_in_the_middle(model, prompt, after):
    """Cancel a prefill after so many questions of llama.cpp."""
    asked = 0

    def count(_position):
        nonlocal asked
        asked += 1
        if asked > after:
            model.abort.request()

    model.cache.recall(prompt)
    model.cache.keep_prefix(prompt)
    try:
        model.cache.prefill(prompt, count, ignore)
    except Aborted:
        pass
    finally:
        model.abort.reset()
    assert model.cache.tokens == prompt[: len(model.cache.tokens)]


def test_a_last_token_that_was_read_with_others_is_read_again_alone(tmp_path):
    """Where a prompt is one token longer than whole batches, and a reply goes on that a longer prompt had held."""
    model = opened(plain(tmp_path / "tiny.gguf"), reproducible=True)
    cold = Cold(model, reproducible=True)
    prompt, said = prompt_of(3 * BATCH + 1, 7), prompt_of(5, 8)
    read(model, [*prompt, *said, *prompt_of(40, 9)])
    assert read(model, prompt, said) == 3 * BATCH
    assert np.array_equal(logits_of(model), cold.logits(prompt, said))
    L.llama_free(cold.context)
    model.close()


# In the fast mode: how much is evaluated -----------------------------------------------------------------------


@pytest.fixture
def fast(request, tmp_path):
    """A model of the kind that the test names, in the fast mode."""
    model = opened(request.param(tmp_path / "tiny.gguf"), reproducible=False)
    yield model
    model.close()


def any_kind(*makers):
    return pytest.mark.parametrize("fast", makers, ids=lambda make: make.__name__, indirect=True)


def prompt_of(length, seed):
    return [259 + (seed + position * (seed + 3)) % 80 for position in range(length)]


@any_kind(plain, sliding_window, recurrent)
def test_going_back_to_another_session_evaluates_nothing_but_what_is_new(fast):
    one, other = prompt_of(100, 1), prompt_of(100, 2)
    read(fast, one)
    one += write(fast, 6)
    read(fast, other)
    other += write(fast, 6)
    for _ in range(3):
        assert read(fast, [*one, 300, 301]) == len(one) - 1, "all but the last token, which was never evaluated"
        one += [300, 301, *write(fast, 6)]
        assert read(fast, [*other, 310]) == len(other) - 1
        other += [310, *write(fast, 6)]


@any_kind(plain, sliding_window, recurrent)
def test_so_does_going_back_to_a_sibling(fast):
    question = prompt_of(90, 1)
    read(fast, question)
    first = write(fast, 8)
    read(fast, question)
    write(fast, 8)
    assert read(fast, [*question, *first, 300]) == len(question) + 7


@any_kind(plain, sliding_window, recurrent)
def test_a_personas_beginning_is_shared_by_new_sessions(fast):
    """A model that cannot be cut back learns from the second session where they part."""
    persona = prompt_of(120, 5)
    kept = []
    for seed in range(4):
        kept.append(read(fast, [*persona, *prompt_of(60, 40 + seed * 11)]))
        write(fast, 5)
    if fast.cache.reuse.recurrent:
        assert kept[:2] == [0, 0]
    assert kept[2:] == [120, 120]


@pytest.mark.parametrize("after", [20, 150, 250])
@any_kind(plain, sliding_window, recurrent)
def test_what_a_cancel_leaves_is_true(fast, after):
    """A batch that was stopped in the middle has changed a recurrent model's state all the same."""
    cold = Cold(fast, reproducible=False)
    prompt = prompt_of(100, 3)
    read(fast, prompt[:40])
    stop_in_the_middle(fast, prompt, after)
    read(fast, [*prompt, 300, 301, 302])
    assert np.abs(logits_of(fast) - cold.logits([*prompt, 300, 301, 302])).max() < TOLERANCE
    L.llama_free(cold.context)


@any_kind(recurrent)
def test_a_recurrent_models_reply_that_is_stopped_costs_nothing(fast):
    """A token that is being evaluated is finished, because half of it would spoil all."""
    prompt = prompt_of(50, 3)
    read(fast, prompt)
    [token] = write(fast, 1)
    fast.abort.request()
    fast.cache.step(token)
    fast.abort.reset()
    assert read(fast, [*prompt, token, 300]) == 51


@any_kind(plain)
def test_turns_of_one_session_leave_no_copies(fast):
    prompt = prompt_of(40, 1)
    for _ in range(5):
        read(fast, prompt)
        prompt = [*prompt, *write(fast, 6), *prompt_of(10, 2)]
    assert len(fast.cache.states) == 0


@any_kind(plain)
def test_a_turn_put_in_other_words_leaves_none_either(fast):
    """As templates do that leave the reasoning of earlier replies out."""
    question, reasoning, answer = prompt_of(40, 1), prompt_of(30, 2), prompt_of(20, 3)
    read(fast, [*question, *reasoning, *answer])
    assert read(fast, [*question, *answer, 300]) == 40
    assert len(fast.cache.states) == 0


@any_kind(plain)
def test_a_state_that_llama_cpp_refuses_is_evaluated_anew(fast, capfd):
    one, other = prompt_of(60, 1), prompt_of(60, 2)
    read(fast, one)
    read(fast, other)
    [state] = fast.cache.states
    del state.data[len(state.data) // 2 :]
    assert read(fast, [*one, 300]) == 0
    assert "evaluated anew" in capfd.readouterr().err
    assert state not in list(fast.cache.states)


def test_states_are_bounded_in_bytes_and_the_one_used_longest_ago_goes():
    states = States(100)
    one, two, three = (State([seed] * 5, 5, bytearray(40)) for seed in range(3))
    states.add(one)
    states.add(two)
    states.touch(one)
    states.add(three)
    assert list(states) == [three, one]
    assert states.size == 80
    states.add(State([9], 1, bytearray(101)))
    assert list(states) == [three, one]


def test_a_state_that_gave_way_to_a_longer_one_is_missed_by_nobody():
    states = States(100)
    short = State([1, 2], 2, bytearray(10))
    states.add(short)
    states.add(State([1, 2, 3], 3, bytearray(10)))
    states.touch(short)
    states.remove(short)
    assert [state.tokens for state in states] == [[1, 2, 3]]


def test_a_longer_state_takes_the_place_of_those_it_begins_with():
    states = States(100)
    short, long = State([1, 2], 2, bytearray(10)), State([1, 2, 3], 3, bytearray(10))
    states.add(short)
    states.add(long)
    assert list(states) == [long]
    uncut = States(100, can_be_cut=False)
    uncut.add(short)
    uncut.add(long)
    assert list(uncut) == [long, short]


def test_what_comes_again_after_a_gap_is_rewritten():
    assert rewritten([1, 2, 3, 4], [9, 2, 3, 4] * 3) is False
    assert rewritten(list(range(20)), [50, *range(10, 20), 60])


# With the real model ------------------------------------------------------------------------------------------


def test_a_session_that_was_left_goes_on_where_it_was(ask):
    """With the real model, through the whole of a generation, counted to the token."""
    persona = system("You are brief.")
    first = ask([persona, user("Name a colour of the sea.")], GREEDY)
    ask([persona, user("Name three animals that live in the woods.")], GREEDY)
    turns = [persona, user("Name a colour of the sea."), assistant(first.text, first.token_ids), user("Why?")]
    again = ask(turns, GREEDY).finished
    held = first.finished.prompt_tokens + first.finished.generated_tokens - 1
    assert again.reused_tokens == held
    assert again.evaluated_tokens == again.prompt_tokens - held


def test_switching_changes_no_token_in_reproducible_mode(ask_exactly):
    questions = [[user(f"Tell me about {topic}.")] for topic in ("bread", "the sea")]
    alone = []
    for turns in questions:
        ask_exactly.model.cache.clear()
        alone.append(ask_exactly(turns, GREEDY).token_ids)
    for turns, expected in zip(questions * 2, alone * 2, strict=True):
        assert ask_exactly(turns, GREEDY).token_ids == expected
