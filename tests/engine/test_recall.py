"""KV states that go to disk and come back into another engine: to the bit, counted to the token, or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import signal

import pytest
from tiny_models import plain, recurrent, sliding_window

from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineDied
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Tokens
from chatapp.engine.recall import Recall
from chatapp.engine.snapshots import Snapshot, Snapshots

KINDS = {"plain": plain, "sliding_window": sliding_window, "recurrent": recurrent}
GREEDY = SamplingSettings(temperature=0, max_tokens=10)
QUESTION = Turn(role=Role.USER, content="Tell me of the sea and the keeper of the lamp. " * 8)
NEXT = Turn(role=Role.USER, content="And then?")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A tiny model of each kind, and another plain one."""
    folder = tmp_path_factory.mktemp("models")
    made = {name: make(folder / f"{name}.gguf") for name, make in KINDS.items()}
    return made | {"another": plain(folder / "another.gguf", seed=2)}


@pytest.fixture
def folder(tmp_path):
    return Snapshots(tmp_path / "snapshots", 2**30)


@pytest.fixture
async def start(folder, paths):
    """Starts engines, each with its recall; whatever it holds is worth keeping."""
    engines = []

    async def begin(model="plain", worth=0.0, **options):
        engine = Engine()
        engines.append(engine)
        await engine.load(
            ModelOptions(path=str(paths[model]), n_ctx=1024, n_threads=1, reproducible=True, **options)
        )
        return engine, Recall(engine, folder, worth)

    yield begin
    for engine in engines:
        await engine.close()


async def ask(engine, *turns):
    """A reply as a turn, and how it ended."""
    text, ids = "", []
    async for event in engine.generate(turns, GREEDY, 1):
        if isinstance(event, Tokens):
            text, ids = text + event.text, [*ids, *event.token_ids]
        finished = event
    assert isinstance(finished, Finished)
    return Turn(role=Role.ASSISTANT, content=text, token_ids=tuple(ids)), finished


async def keep_one(start, session="abc", model="plain", **options):
    """Have a conversation and keep its state; the conversation, and the reply that follows it cold."""
    engine, recall = await start(model, **options)
    first, _ = await ask(engine, QUESTION)
    turns = [QUESTION, first]
    assert await recall.keep(session, turns)
    expected, _ = await ask(engine, *turns, NEXT)
    await engine.close()
    return turns, expected


@pytest.mark.parametrize("model", ["plain", "recurrent"])
async def test_a_session_opened_anew_evaluates_only_what_is_new_and_says_the_same(start, model):
    """Its question was evaluated in batches: in reproducible mode the reply is evaluated again, and only that."""
    turns, expected = await keep_one(start, model=model)
    engine, recall = await start(model)
    await recall.bring_back("abc")
    reply, finished = await ask(engine, *turns, NEXT)
    assert reply == expected
    if model == "plain":
        assert finished.reused_tokens >= len(QUESTION.content) // 4
    assert finished.prompt_tokens == finished.reused_tokens + finished.evaluated_tokens


async def test_a_window_that_has_slid_is_not_kept_where_bits_count(start):
    """A copy holds the window only, and sums over it run in another order."""
    engine, recall = await start("sliding_window")
    first, _ = await ask(engine, QUESTION)
    assert not await recall.keep("abc", [QUESTION, first])


async def test_it_is_given_once_in_the_life_of_a_process(start, folder, monkeypatch):
    await keep_one(start)
    engine, recall = await start()
    opened = []
    monkeypatch.setattr(folder, "open", lambda name, origin: opened.append(name))
    for _ in range(3):
        await recall.bring_back("abc")
    assert opened == ["abc"]
    await engine.load(engine.options)
    await recall.bring_back("abc")
    assert opened == ["abc", "abc"]


async def test_after_a_crash_it_comes_back_into_the_next_process(start):
    turns, expected = await keep_one(start)
    engine, recall = await start()
    await recall.bring_back("abc")
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineDied):
        await ask(engine, *turns, NEXT)
    await engine.ensure(engine.options)
    await recall.bring_back("abc")
    reply, finished = await ask(engine, *turns, NEXT)
    assert reply == expected
    assert finished.reused_tokens > 100


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: flip(data, len(data) // 2),
        lambda data: flip(data, len(data) - 40),
        lambda data: flip(data, len(data) - 1),
    ],
    ids=["half", "a bit in the middle", "a bit at the end", "a bit of the hash"],
)
async def test_a_damaged_one_costs_a_prefill_and_one_line(start, tmp_path, damage, caplog):
    turns, expected = await keep_one(start)
    path = tmp_path / "snapshots" / "abc.kv"
    path.write_bytes(damage(path.read_bytes()))
    engine, recall = await start()
    await recall.bring_back("abc")
    reply, finished = await ask(engine, *turns, NEXT)
    assert finished.reused_tokens == 0
    assert reply == expected
    assert [record.levelname for record in caplog.records if record.name.endswith("snapshots")] == ["WARNING"]
    assert not path.exists(), "it would be found damaged again"


def forge(path, at):
    """Scramble llama.cpp's own numbers, so many bytes into its part of a file, and make the hash right."""
    with path.open("rb") as file:
        size = Snapshot(file).header.size
    body = bytearray(path.read_bytes()[:-32])
    start = len(body) - size + at
    body[start : start + 16] = random.Random(at).randbytes(16)
    path.write_bytes(body + hashlib.sha256(body).digest())


async def test_a_forged_one_costs_a_prefill_too(start, folder, tmp_path):
    """Cells, positions, layers and types that are not so: llama.cpp refuses them, and lives."""
    turns, expected = await keep_one(start)
    path = tmp_path / "snapshots" / "abc.kv"
    sound = path.read_bytes()
    engine, _ = await start()
    for at in (0, 4, 8, 12, 16, 24):
        path.write_bytes(sound)
        forge(path, at)
        await Recall(engine, folder).bring_back("abc")
        reply, _ = await ask(engine, *turns, NEXT)
        assert reply == expected
        await ask(engine, NEXT)


async def test_that_of_another_model_is_passed_over(start, caplog):
    turns, _ = await keep_one(start)
    engine, recall = await start("another")
    await recall.bring_back("abc")
    _, finished = await ask(engine, *turns, NEXT)
    assert finished.reused_tokens == 0
    assert "of another model" in caplog.text


async def test_one_larger_than_what_may_wait_in_memory_is_not_given(start):
    turns, _ = await keep_one(start)
    engine, recall = await start(states_limit=1000)
    await recall.bring_back("abc")
    _, finished = await ask(engine, *turns, NEXT)
    assert finished.reused_tokens == 0


async def test_only_what_saves_enough_is_written_and_not_again_for_little_more(start, tmp_path):
    engine, recall = await start(worth=3600.0)
    first, _ = await ask(engine, QUESTION)
    assert not await recall.keep("abc", [QUESTION, first])
    assert not list((tmp_path).rglob("*.kv"))
    eager = Recall(engine, recall._snapshots, 1e-9)
    assert await eager.keep("abc", [QUESTION, first])
    assert not await eager.keep("abc", [QUESTION, first]), "it is there already"
    second, _ = await ask(engine, QUESTION, first, NEXT)
    assert await eager.keep("abc", [QUESTION, first, NEXT, second])


async def test_states_are_written_and_given_while_a_reply_runs(start):
    """Piece by piece between its tokens, and it is the reply that it would have been."""
    await keep_one(start)
    engine, recall = await start()
    alone, _ = await ask(engine, QUESTION)
    done, ids = [], []
    async for event in engine.generate([QUESTION], GREEDY, 1):
        if isinstance(event, Tokens):
            ids += event.token_ids
            if not done:
                await recall.bring_back("abc")
                done.append(await recall.keep("other", [QUESTION]))
    assert done == [True]
    assert tuple(ids) == alone.token_ids


async def test_an_engine_that_dies_while_it_is_read_leaves_nothing_half(start, tmp_path, monkeypatch, caplog):
    engine, recall = await start()
    first, _ = await ask(engine, QUESTION)

    async def die(_start, _length):
        os.kill(engine.pid, signal.SIGKILL)
        raise EngineDied("The engine stopped.")

    monkeypatch.setattr(engine.states, "read", die)
    assert not await recall.keep("abc", [QUESTION, first])
    assert list((tmp_path / "snapshots").iterdir()) == []
    assert "no snapshot of abc" in caplog.text


async def test_forgotten_is_removed(start, tmp_path):
    await keep_one(start)
    _, recall = await start()
    await recall.forget("abc")
    assert not list(tmp_path.rglob("*.kv"))


async def test_the_ids_of_a_text_are_those_of_its_place_in_a_prompt(start):
    engine, _ = await start()
    ids = await engine.prompts.tokenize("1. the sea")
    assert ids
    _, finished = await ask(engine, QUESTION)
    assert finished.prompt_tokens
