"""Replies of the real model: counts, reuse of the KV cache, seeds, changes in mid-reply, and stopping."""

from __future__ import annotations

import pytest
from worker_turns import assistant, system, user

from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.protocol import Prefill, Tokens
from chatapp.engine.worker.reading import PromptTooLongError
from chatapp.engine.worker.template import TemplateError

GREEDY = SamplingSettings(temperature=0, max_tokens=16)
WARM = SamplingSettings(max_tokens=16)
QUESTION = [user("Name three animals that live in the sea.")]
LONG = [user("The keeper climbed the stairs, trimmed the lamp and wrote. " * 16)]


def spelled(model, ids):
    return b"".join(map(model.vocabulary.piece, ids)).decode("utf-8", "replace")


def test_a_reply_is_counted_exactly(model, ask):
    model.cache.clear()
    reply = ask(QUESTION)
    done = reply.finished
    assert done.prompt_tokens == done.evaluated_tokens == len(model.prompts.ids(QUESTION))
    assert done.reused_tokens == 0
    assert done.generated_tokens == len(reply.token_ids) == 16
    assert done.stop_reason == StopReason.MAX_TOKENS
    assert reply.text == spelled(model, reply.token_ids)
    assert (reply.prefills[0].done, reply.prefills[-1].done) == (0, done.evaluated_tokens)
    assert 0 < done.timings.prefill_s <= done.timings.first_token_s
    assert done.timings.tokens_per_s == pytest.approx(15 / done.timings.decode_s)


def test_the_cache_is_known_to_the_token(model, ask):
    reply = ask(QUESTION)
    assert model.cache.tokens == [*model.prompts.ids(QUESTION), *reply.token_ids[:-1]]


def test_the_second_turn_evaluates_only_what_is_new(model, ask):
    settings = SamplingSettings(temperature=0.9, max_tokens=60)
    first = ask([system("Answer in one word."), user("What colour is snow?")], settings, seed=3)
    turns = [system("Answer in one word."), user("What colour is snow?"), assistant(first.text, first.token_ids)]
    second = ask([*turns, user("And grass?")], GREEDY).finished
    ended = first.finished.stop_reason == StopReason.END
    held = first.finished.prompt_tokens + first.finished.generated_tokens - (0 if ended else 1)
    assert second.reused_tokens == held
    assert second.evaluated_tokens == second.prompt_tokens - held
    assert second.evaluated_tokens <= 1 + 15


def test_the_same_prompt_again_evaluates_one_token(ask):
    ask(QUESTION)
    assert ask(QUESTION).finished.evaluated_tokens == 1


def test_the_same_seed_gives_the_same_text_and_another_one_another(ask_exactly):
    texts = [ask_exactly(QUESTION, WARM, seed).text for seed in (5, 6, 5)]
    assert texts[0] == texts[2] != texts[1]


def test_in_reproducible_mode_a_reply_does_not_depend_on_what_was_in_the_cache(exact_model, ask_exactly):
    settings = SamplingSettings(temperature=1.2, max_tokens=24)
    first = ask_exactly(QUESTION, settings, seed=1)
    turns = [*QUESTION, assistant(first.text, first.token_ids), user("Why those?")]
    warm = ask_exactly(turns, settings, seed=2)
    again = ask_exactly(turns, settings, seed=2)
    exact_model.cache.clear()
    cold = ask_exactly(turns, settings, seed=2)
    assert warm.finished.reused_tokens > 0
    assert again.finished.reused_tokens > warm.finished.reused_tokens
    assert warm.token_ids == again.token_ids == cold.token_ids


def test_continue_goes_on_exactly_where_a_longer_reply_would_have_gone(ask):
    short = ask(QUESTION, SamplingSettings(max_tokens=8), seed=4)
    whole = ask(QUESTION, SamplingSettings(max_tokens=16), seed=4)
    ask(QUESTION, SamplingSettings(max_tokens=8), seed=4)
    opened = [*QUESTION, assistant(short.text, short.token_ids)]
    rest = ask(opened, SamplingSettings(max_tokens=8), seed=4, open_last=True, first_index=8)
    assert short.text + rest.text == whole.text
    assert rest.finished.segments[0].from_token == 8
    assert rest.finished.evaluated_tokens == 1


def test_settings_change_in_mid_reply(ask):
    def turn_greedy_after_five(event, control):
        if isinstance(event, Tokens):
            seen.extend(event.token_ids)
            if len(seen) == 5:
                control.retune(1, GREEDY)

    seen = []
    reply = ask(QUESTION, WARM, seed=9, on_event=turn_greedy_after_five)
    plain = ask(QUESTION, WARM, seed=9)
    assert reply.token_ids[:5] == plain.token_ids[:5]
    assert [(s.from_token, s.settings, s.seed) for s in reply.finished.segments] == [(0, WARM, 9), (5, GREEDY, 9)]
    follow = ask(
        [*QUESTION, assistant(spelled(ask.model, seen[:5]), seen[:5])], GREEDY, open_last=True, first_index=5
    )
    assert reply.token_ids[5:] == follow.token_ids[:11]


def test_settings_that_come_while_the_prompt_is_read_draw_the_whole_reply(model, ask):
    model.cache.clear()

    def turn_greedy(event, control):
        if isinstance(event, Prefill):
            control.retune(1, GREEDY)

    reply = ask(QUESTION, WARM, seed=9, on_event=turn_greedy)
    assert [(s.from_token, s.settings) for s in reply.finished.segments] == [(0, GREEDY)]
    assert reply.token_ids == ask(QUESTION, GREEDY).token_ids


def test_max_tokens_lowered_in_mid_reply_ends_it(ask):
    def shorten(event, control):
        control.retune(1, SamplingSettings(temperature=0, max_tokens=2))

    assert (
        ask(QUESTION, SamplingSettings(temperature=0, max_tokens=50), on_event=shorten).finished.generated_tokens
        == 2
    )


def test_a_stop_string_ends_the_reply_before_it(ask):
    whole = ask(QUESTION).text
    word = whole.split()[4]
    reply = ask(QUESTION, GREEDY.model_copy(update={"stop": (word,)}))
    assert reply.finished.stop_reason == StopReason.STOP_STRING
    assert reply.text == whole[: whole.index(word)]


def test_temperature_0_does_not_depend_on_the_seed_or_the_filters(ask):
    other = GREEDY.model_copy(update={"top_k": 5, "top_p": 0.5})
    assert ask(QUESTION, GREEDY, seed=1).token_ids == ask(QUESTION, other, seed=2).token_ids


def test_a_reply_stopped_while_decoding_keeps_its_tokens_and_the_engine_goes_on(model, ask):
    def stop(event, control):
        if isinstance(event, Tokens):
            control.cancel(1)

    reply = ask(QUESTION, SamplingSettings(temperature=0), on_event=stop)
    assert reply.finished.stop_reason == StopReason.CANCELLED
    assert reply.finished.generated_tokens == len(reply.token_ids) == 1
    assert model.cache.tokens == model.prompts.ids(QUESTION)
    assert ask(QUESTION).finished.generated_tokens == 16


def test_a_reply_stopped_while_its_prompt_is_read_has_lost_nothing_of_what_was_read(model, ask):
    model.cache.clear()

    def stop(event, control):
        if isinstance(event, Prefill) and event.done > 72:
            control.cancel(1)

    stopped = ask(LONG, GREEDY, on_event=stop).finished
    assert stopped.stop_reason == StopReason.CANCELLED
    assert stopped.generated_tokens == 0
    assert stopped.evaluated_tokens == 64
    assert model.cache.tokens == model.prompts.ids(LONG)[:64]
    again = ask(LONG, GREEDY)
    assert again.finished.reused_tokens == 64
    assert any(64 < event.done + event.kept < 128 for event in again.prefills), "no progress inside of a batch"
    assert all(0 <= event.done <= event.total for event in again.prefills)
    assert [event.done for event in again.prefills] == sorted(event.done for event in again.prefills)


def test_a_reply_cancelled_before_it_began_does_nothing(model, ask):
    model.cache.clear()
    finished = ask(QUESTION, cancelled=True).finished
    assert (finished.stop_reason, finished.evaluated_tokens) == (StopReason.CANCELLED, 0)
    assert ask(QUESTION).finished.generated_tokens == 16


def test_a_notice_for_a_reply_that_has_ended_changes_nothing(ask):
    ask(QUESTION)
    ask.control.cancel(1)
    ask.control.retune(1, WARM)
    assert ask(QUESTION).finished.stop_reason == StopReason.MAX_TOKENS


def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(model, ask):
    too_long = [user("word " * 700)]
    with pytest.raises(PromptTooLongError, match=r"7\d\d tokens.* 512"):
        ask(too_long)
    assert ask(QUESTION).finished.generated_tokens == 16


def test_a_reply_that_fills_the_context_says_so(model, ask):
    count = len(model.prompts.ids([user("")], template=False))
    text = " sea" * (512 - count - 4)
    reply = ask([user(text)], SamplingSettings(temperature=0), template=False)
    assert reply.finished.stop_reason == StopReason.CONTEXT_FULL
    assert len(model.cache.tokens) == model.cache.size == 512
    assert reply.finished.prompt_tokens + reply.finished.generated_tokens == 513
    assert ask(QUESTION).finished.generated_tokens == 16


def test_a_template_that_refuses_leaves_the_engine_usable(model, ask, monkeypatch):
    def refuse(*_turns, **_options):
        raise TemplateError("no")

    with monkeypatch.context() as patch:
        patch.setattr(model.template, "render", refuse)
        with pytest.raises(TemplateError):
            ask(QUESTION)
    assert ask(QUESTION).finished.generated_tokens == 16
