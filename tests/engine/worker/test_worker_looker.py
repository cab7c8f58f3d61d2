"""Looking into decisions: what is told is what happened, and the conversation is left as it was."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from worker_turns import assistant, user

from chatapp.conversation.decision import TEMPERATURES, Memory
from chatapp.conversation.sampling import NEUTRAL, SamplingSettings
from chatapp.engine.protocol import Choose, Decide, Restage, Score
from chatapp.engine.worker.cache import Aborted
from chatapp.engine.worker.looker import Looker, LookError

ASKED = [user("Name some colours of the sea.")]
LIVELY = SamplingSettings(
    temperature=1.1,
    top_k=60,
    min_p=0.02,
    xtc_probability=0.5,
    dry_multiplier=0.8,
    repeat_penalty=1.1,
    max_tokens=24,
)
PLAIN = SamplingSettings(**NEUTRAL)
SETTINGS = {
    "lively": LIVELY,
    "mirostat": SamplingSettings(mirostat=2, mirostat_tau=4, max_tokens=24),
    "adaptive": SamplingSettings(**{**NEUTRAL, "min_p": 0.01, "adaptive_target": 0.4, "max_tokens": 24}),
    "banned": SamplingSettings(banned_words=("blue", " sea"), logit_bias=(("green", 5.0),), max_tokens=24),
    "constrained": SamplingSettings(grammar='root ::= ([a-z]+ ", "){2,6} "done"', max_tokens=24),
    "greedy": SamplingSettings(temperature=0, typical_p=0.5, max_tokens=24),
}


def ignore(_event):
    """Progress is of no interest."""


def recording(ask, settings, *, top=10, **options):
    """A reply with the records of its tokens."""
    records = []
    reply = ask(
        ASKED,
        settings,
        seed=11,
        record=top,
        on_event=lambda event, _control: records.extend(getattr(event, "records", ())),
        **options,
    )
    return reply, records


@pytest.mark.parametrize("name", SETTINGS)
def test_every_recorded_token_is_the_one_the_chain_chooses_again(exact_model, ask_exactly, name):
    settings = SETTINGS[name]
    reply, records = recording(ask_exactly, settings)
    looker = Looker(exact_model)
    assert [record.id for record in records] == reply.token_ids
    held = list(exact_model.cache.tokens)
    for index in (0, 1, len(records) // 2, len(records) - 1):
        record = records[index]
        decision = looker.decide(
            Decide(
                id=1,
                turns=tuple(ASKED),
                begun=tuple(reply.token_ids[:index]),
                settings=settings,
                seed=11,
                index=index,
                memory=record.memory or Memory(),
            ),
            ignore,
        ).decision
        assert decision.draw.token.id == record.id
        assert decision.draw.high - decision.draw.low == pytest.approx(record.p, abs=1e-5)
        plain = {row.id: row.p[0] for row in decision.rows}
        assert plain[record.id] == pytest.approx(math.exp(record.logprob), abs=1e-6)
        assert decision.stages[0].entropy == pytest.approx(record.entropy, abs=1e-4)
        assert decision.stages[-1].kept == record.kept
        assert decision.stages[-1].mass == pytest.approx(record.mass, abs=1e-5)
        top = decision.rows[: len(record.candidates)]
        assert [row.id for row in top] == [one.id for one in record.candidates]
        for row, one in zip(top, record.candidates, strict=True):
            assert one.logit == row.logit
            assert one.p == pytest.approx(row.p[-1] or 0.0, abs=1e-5)
            gone = next((place for place, p in enumerate(row.p) if p is None), None)
            assert one.cut == (None if gone is None else decision.stages[gone].sampler)
    assert exact_model.cache.tokens == held


def test_recording_changes_nothing_about_a_reply(ask_exactly):
    plain = ask_exactly(ASKED, LIVELY, seed=11)
    recorded, records = recording(ask_exactly, LIVELY, top=3)
    assert (plain.token_ids, plain.text) == (recorded.token_ids, recorded.text)
    assert all(len(record.candidates) == 3 for record in records)


def test_a_look_costs_one_token_and_leaves_the_cache_and_the_next_reply_as_they_would_be(model, ask, monkeypatch):
    first = ask(ASKED, LIVELY, seed=3)
    held = list(model.cache.tokens)
    asked = []
    evaluate = model.aside._evaluate
    monkeypatch.setattr(
        model.aside, "_evaluate", lambda tokens, *more: (asked.append(len(tokens)), evaluate(tokens, *more))
    )
    looker = Looker(model)
    for length in (len(first.token_ids) - 1, 5, 0):
        looker.decide(
            Decide(id=1, turns=tuple(ASKED), begun=tuple(first.token_ids[:length]), settings=LIVELY, seed=3),
            ignore,
        )
    assert asked == [1, 1, 1]
    assert model.cache.tokens == held
    turns = [*ASKED, assistant(first.text, first.token_ids), user("More.")]
    reused = ask(turns, LIVELY, seed=4)
    assert reused.finished.reused_tokens >= len(held)
    model.cache.clear()
    ask(ASKED, LIVELY, seed=3)
    assert ask(turns, LIVELY, seed=4).token_ids == reused.token_ids


def test_other_settings_are_tried_on_the_same_logits_without_an_evaluation(model, monkeypatch):
    looker = Looker(model)
    with pytest.raises(LookError, match="No token"):
        looker.restage(Restage(id=1, settings=LIVELY))
    request = Decide(id=1, turns=tuple(ASKED), settings=LIVELY, seed=3)
    before = looker.decide(request, ignore).decision
    monkeypatch.setattr(model.aside, "last", None)
    colder = LIVELY.model_copy(update={"temperature": 0.3})
    after = looker.restage(Restage(id=2, settings=colder)).decision
    assert after.log_z == before.log_z
    assert after.stages[-1].entropy < before.stages[-1].entropy
    assert looker.restage(Restage(id=3, settings=LIVELY)).decision == before
    assert looker.restage(Restage(id=4, settings=LIVELY, seed=4)).decision.draw.chance != before.draw.chance


def test_a_text_is_scored_as_the_model_would_have_drawn_it(model, ask):
    reply, records = recording(ask, LIVELY)
    looker = Looker(model)
    held = list(model.cache.tokens)
    turn = assistant(reply.text, reply.token_ids)
    scored = looker.score(Score(id=1, turns=(*ASKED, turn), settings=LIVELY, seed=11), ignore).records
    assert [one.id for one in scored] == reply.token_ids
    # Evaluated together and not one by one, logits differ a little.
    assert np.abs([a.logprob - b.logprob for a, b in zip(scored, records, strict=True)]).max() < 1.5
    assert np.corrcoef([a.logprob for a in scored], [b.logprob for b in records])[0, 1] > 0.98
    assert model.cache.tokens == held


def test_a_typed_text_is_scored_by_the_plain_softmax(model):
    looker = Looker(model)
    good, bad = (
        looker.score(Score(id=1, turns=(user(text),), template=False, top=2), ignore).records
        for text in ("The cat sat on the mat.", "The cat sat on the xylophone algebra.")
    )
    assert sum(one.surprise for one in good) < sum(one.surprise for one in bad)
    assert all(one.stage == "draw" and one.kept == model.vocabulary.size for one in good)
    assert all(one.rank >= 1 and one.logprob <= 0 and one.entropy >= 0 for one in good)


def test_scoring_is_told_and_can_be_stopped(model):
    looker = Looker(model)
    told = []

    def stop(event):
        told.append(event)
        model.abort.request()

    text = assistant("word " * 400)
    try:
        with pytest.raises(Aborted):
            looker._model.aside.last(model.prompts.ids([text]), 0, stop)
    finally:
        model.abort.reset()
    assert told
    assert looker.score(Score(id=2, turns=(*ASKED, assistant("Blue."))), ignore).records


def test_choices_are_compared_by_their_first_tokens(model):
    looker = Looker(model)
    ask = (user("Is the sky blue? Answer yes or no."),)
    chances = looker.choose(Choose(id=1, turns=ask, choices=("Yes", "No")), ignore).logprobs
    decision = looker.decide(Decide(id=1, turns=ask, settings=PLAIN, seed=1, top=1000), ignore).decision
    plain = {row.text: row.p[0] for row in decision.rows}
    assert [plain["Yes"], plain["No"]] == pytest.approx(np.exp(chances))
    with pytest.raises(LookError, match="same token"):
        looker.choose(Choose(id=1, turns=ask, choices=("Yes", "Yes sir")), ignore)


def test_what_cannot_be_shown_is_said(model):
    looker = Looker(model)
    with pytest.raises(LookError, match="holds 512"):
        looker.decide(Decide(id=1, turns=(user("word " * 600),), settings=LIVELY, seed=1), ignore)
    with pytest.raises(LookError, match="no token of this model"):
        looker.decide(Decide(id=1, turns=tuple(ASKED), begun=(10**6,), settings=LIVELY, seed=1), ignore)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.65, 1.0, 1.7])
def test_the_curves_pass_through_what_the_chain_gives_at_each_temperature(model, temperature):
    """The point of a curve at the temperature in force is the probability after the whole chain."""
    looker = Looker(model)
    looker.decide(Decide(id=1, turns=tuple(ASKED), settings=PLAIN, seed=3), ignore)
    settings = SamplingSettings(temperature=temperature, top_k=30, min_p=0.01)
    decision = looker.restage(Restage(id=2, settings=settings, curves=True)).decision
    place = TEMPERATURES.index(temperature)
    final = {row.id: row.p[-1] for row in decision.rows}
    assert len(decision.curves) == 5
    for curve in decision.curves:
        assert curve.p[place] == pytest.approx(final[curve.id] or 0.0, abs=1e-5)


@pytest.mark.parametrize("name", ["lively", "mirostat", "adaptive", "greedy", "constrained"])
def test_a_reply_told_token_by_token_is_the_reply_that_is_drawn_at_once(exact_model, ask_exactly, name):
    """Its records too. The KV cache goes along: one token is evaluated for each, forth, back and aside."""
    settings = SETTINGS[name]
    reply, records = recording(ask_exactly, settings)
    looker, said, memory = Looker(exact_model), [], Memory()

    def look():
        request = Decide(
            id=1,
            turns=tuple(ASKED),
            begun=tuple(said),
            settings=settings,
            seed=11,
            index=len(said),
            memory=memory,
            along=True,
        )
        return looker.decide(request, ignore).decision

    for place, record in enumerate(records):
        decision = look()
        assert decision.evaluated == 1 or place == 0
        assert decision.draw.token.id == reply.token_ids[place]
        told = decision.record(decision.draw.token.id, 10, record.memory)
        assert json.loads(told.model_dump_json()) == approximately(json.loads(record.model_dump_json()))
        memory = decision.draw.memory or Memory()
        said.append(record.id)
    if name == "greedy":
        said[-3:] = []
        assert look().evaluated == 1
        said.append(decision.rows[2].id)
        assert look().evaluated == 1


def approximately(value):
    """The same, numbers to five digits."""
    if isinstance(value, dict):
        return {name: approximately(one) for name, one in value.items()}
    if isinstance(value, list):
        return [approximately(one) for one in value]
    return pytest.approx(value, abs=2e-5) if isinstance(value, float) else value
