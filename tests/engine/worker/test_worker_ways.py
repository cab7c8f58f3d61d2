"""Several replies of the real model at once: each as it would be alone, the prompt paid once, stopped singly."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from cold_context import TOLERANCE
from conftest import Asker
from worker_turns import assistant, user

from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.protocol import Finished, GenerateMany, Tokens, Way
from chatapp.engine.worker import shared
from chatapp.engine.worker.shared import NoMemoryError
from chatapp.engine.worker.ways import Ways

QUESTION = [user("Name three animals that live in the sea.")]
LONG_QUESTION = [user("Name three animals that live in the sea, and " * 4)]
GREEDY = SamplingSettings(temperature=0, max_tokens=12)
WARM = SamplingSettings(temperature=1.2, max_tokens=12)


@dataclass
class Said:
    """All that the ways said, by their number."""

    texts: dict[int, str] = field(default_factory=dict)
    ids: dict[int, list[int]] = field(default_factory=dict)
    records: dict[int, list] = field(default_factory=dict)
    finished: dict[int, Finished] = field(default_factory=dict)

    def hear(self, event):
        if isinstance(event, Tokens):
            self.texts[event.way] = self.texts.get(event.way, "") + event.text
            self.ids.setdefault(event.way, []).extend(event.token_ids)
            self.records.setdefault(event.way, []).extend(event.records)
        elif isinstance(event, Finished):
            self.finished[event.way] = event


def many(ask, turns, ways, *, on_event=lambda _event: None, between=lambda: None, **options):
    """Ask for several replies with the model and the control of an Asker."""
    ask._number += 1
    request = GenerateMany(id=ask._number, turns=tuple(turns), ways=tuple(ways), **options)
    said = Said()

    def tell(event):
        said.hear(event)
        on_event(event)

    ask.control.expect(request.id)
    ask.control.begin(request.id)
    try:
        last = Ways(ask.model, request, ask.control, tell=tell, between=between, asked=time.monotonic()).run()
        assert last.going == 0
        said.hear(last)
    finally:
        ask.control.end(request.id)
    return said


def test_the_prompt_is_paid_once(model, ask):
    model.cache.clear()
    said = many(ask, QUESTION, [Way(settings=WARM, seed=seed) for seed in (1, 2, 3)])
    done = said.finished
    assert set(done) == {0, 1, 2}
    prompt = len(model.prompts.ids(QUESTION))
    assert sum(done[way].evaluated_tokens for way in done) == prompt
    assert {done[way].prompt_tokens for way in done} == {prompt}
    assert all(done[way].generated_tokens == len(said.ids[way]) for way in done)
    assert min(one.going for one in done.values()) == 0
    assert model.cache.tokens == model.prompts.ids(QUESTION)


def test_what_the_cache_holds_is_not_evaluated_again(ask):
    ask(QUESTION, GREEDY)
    said = many(ask, QUESTION, [Way(settings=GREEDY, seed=1)] * 2)
    assert said.finished[0].evaluated_tokens == 1
    assert said.finished[1].evaluated_tokens == 0


def test_greedy_ways_agree(ask):
    """Each is a row of the same batch: the same tokens come out of all of them."""
    said = many(ask, QUESTION, [Way(settings=GREEDY, seed=seed) for seed in range(3)])
    assert len(said.ids[0]) == 12
    assert said.ids[0] == said.ids[1] == said.ids[2]


def test_each_way_draws_with_its_own_settings_and_seed(ask):
    ways = [Way(settings=WARM, seed=1), Way(settings=WARM, seed=1), Way(settings=WARM, seed=2)]
    said = many(ask, QUESTION, ways)
    assert said.ids[0] == said.ids[1] != said.ids[2]
    segment = said.finished[2].segments[0]
    assert (segment.settings, segment.seed) == (WARM, 2)


def test_the_first_token_is_the_one_that_a_single_reply_begins_with(ask_exactly):
    """It is drawn from the very same logits; later ones come from a batch of another shape."""
    ask_exactly.model.cache.clear()
    said = many(ask_exactly, QUESTION, [Way(settings=WARM, seed=seed) for seed in (1, 2, 3)])
    for way, seed in enumerate((1, 2, 3)):
        ask_exactly.model.cache.clear()
        assert ask_exactly(QUESTION, WARM, seed).token_ids[0] == said.ids[way][0]


def test_the_next_reply_does_not_notice(ask_exactly):
    """The conversation's own context is as it was: a reply after it is, to the token, what it was before."""
    ask_exactly.model.cache.clear()
    before = ask_exactly(QUESTION, WARM, seed=5).token_ids
    many(ask_exactly, QUESTION, [Way(settings=WARM, seed=seed) for seed in (1, 2, 3)])
    assert ask_exactly(QUESTION, WARM, seed=5).token_ids == before


def test_a_way_ends_by_itself_at_its_length_or_its_stop_string(ask):
    counting = [user("Count from one to ten in words.")]
    whole = many(ask, counting, [Way(settings=GREEDY, seed=1)]).texts[0]
    stop = whole.split()[2]
    ways = [
        Way(settings=GREEDY.model_copy(update={"max_tokens": 3}), seed=1),
        Way(settings=GREEDY.model_copy(update={"stop": (stop,)}), seed=1),
        Way(settings=GREEDY, seed=1),
    ]
    said = many(ask, counting, ways)
    assert said.finished[0].stop_reason == StopReason.MAX_TOKENS
    assert said.finished[0].generated_tokens == 3
    assert said.finished[1].stop_reason == StopReason.STOP_STRING
    assert said.texts[1] == whole[: whole.index(stop)]
    assert said.finished[2].generated_tokens == 12


def test_one_is_stopped_and_the_others_go_on(ask):
    def stop_the_second(event):
        if isinstance(event, Tokens) and event.way == 2:
            ask.control.cancel_way(event.id, 1)

    said = many(ask, QUESTION, [Way(settings=GREEDY, seed=1)] * 3, on_event=stop_the_second)
    assert said.finished[1].stop_reason == StopReason.CANCELLED
    assert said.finished[1].generated_tokens == 1
    assert said.finished[0].generated_tokens == said.finished[2].generated_tokens == 12


def test_all_are_stopped_and_what_was_said_is_kept(ask):
    def stop(event):
        if isinstance(event, Tokens) and event.way == 1 and len(event.token_ids):
            ask.control.cancel(event.id)

    said = many(ask, QUESTION, [Way(settings=GREEDY, seed=1)] * 3, on_event=stop)
    assert {one.stop_reason for one in said.finished.values()} == {StopReason.CANCELLED}
    assert all(one.generated_tokens >= 1 for one in said.finished.values())


def test_the_one_that_is_gone_on_with_is_not_evaluated_again(model, ask):
    """A reply that ended waits with its KV state: the next turn evaluates what is new, and no more."""
    model.cache.clear()
    said = many(ask, QUESTION, [Way(settings=WARM, seed=seed) for seed in (1, 2, 3)])
    turns = [*QUESTION, assistant(said.texts[2], tuple(said.ids[2])), user("Why?")]
    done = ask(turns, GREEDY).finished
    held = said.finished[2].prompt_tokens + said.finished[2].generated_tokens - 1
    assert done.reused_tokens == held


def test_decisions_are_recorded_for_each(ask):
    said = many(ask, QUESTION, [Way(settings=WARM, seed=1), Way(settings=WARM, seed=2)], record=4)
    for way in (0, 1):
        assert [one.id for one in said.records[way]] == said.ids[way]
        assert all(len(one.candidates) == 4 and 0 < one.p <= 1 for one in said.records[way])


def test_memory_that_is_short_makes_replies_shorter_then_none(model, ask, monkeypatch):
    lengths = [None, None, 500]
    monkeypatch.setattr(shared, "available_memory", lambda: None)
    window = model.cache.size
    assert shared.room_for(model, 100, lengths) == [window - 100, window - 100, window - 100]
    cell = model.info.memory.cache / window
    free = model.info.memory.compute + 700 * cell
    monkeypatch.setattr(shared, "available_memory", lambda: round(free / 0.9))
    rooms = shared.room_for(model, 100, lengths)
    assert len(set(rooms)) == 1
    assert 32 <= rooms[0] < 100
    monkeypatch.setattr(shared, "available_memory", lambda: 1000)
    with pytest.raises(NoMemoryError, match="Memory is short for 2 replies"):
        many(ask, QUESTION, [Way(settings=WARM, seed=1)] * 2)


def test_every_kind_of_model_draws_each_way_from_its_own_text(tiny):
    """Of a recurrent state and of a window there are copies: the logits are those after what its way has said."""
    model, cold = tiny
    ask = Asker(model)
    prompt = model.prompts.ids(LONG_QUESTION)
    ask([user("Something else.")], GREEDY)
    warm = SamplingSettings(temperature=1.5, max_tokens=40)
    said = many(ask, LONG_QUESTION, [Way(settings=warm, seed=seed) for seed in range(3)], record=1)
    assert len({tuple(ids) for ids in said.ids.values()}) == 3
    for way, records in said.records.items():
        for place in {0, 1, len(records) // 2, len(records) - 1} & set(range(len(records))):
            logits = cold.logits([*prompt, *said.ids[way][:place]])
            [likeliest] = records[place].candidates
            assert likeliest.logit == pytest.approx(logits.max(), abs=TOLERANCE)
            assert logits[likeliest.id] == pytest.approx(logits.max(), abs=TOLERANCE)
    again = ask([*LONG_QUESTION, assistant(said.texts[1], said.ids[1]), user("And then?")], GREEDY)
    turns = model.prompts.ids([*LONG_QUESTION, assistant(said.texts[1], said.ids[1]), user("And then?")])
    assert cold.logits(turns)[again.token_ids[0]] == pytest.approx(cold.logits(turns).max(), abs=TOLERANCE)
