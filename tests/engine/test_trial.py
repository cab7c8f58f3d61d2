"""Chat templates that are made to hang, to eat memory or to crash, and what they cost the app."""

from __future__ import annotations

import resource
import signal
import sys

import pytest
import tiny_models

from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine import trial
from chatapp.engine.client import Engine, EngineDied
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished
from chatapp.engine.trial import Trials

LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
BOMBS = {
    "a huge text": "{{ 'a' * 600000000 }}",
    "a huge number": "{{ 10**100000000 }}",
    "nested ranges": LOOPS,
    "a macro that doubles": "{% macro m(n) %}{{ m(n - 1) ~ m(n - 1) if n }}{% endmacro %}{{ m(99) }}",
    "a long text": "{% for a in range(99999) %}{{ 'a' * 999 }}{% endfor %}",
}
ORDERLY = {
    "sound": "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}",
    "broken": "{% for %}",
    "a macro without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "refusing": "{{ raise_exception('never') }}",
}


def model(folder, template):
    path = folder / "model.gguf"
    tiny_models.plain(path, **{"tokenizer.chat_template": (tiny_models.STRING, template)})
    return path


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 1)


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_found_out_in_a_process_of_its_own(tmp_path, quick, name):
    path = model(tmp_path, BOMBS[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = await Trials(None).verdict(path)
    assert verdict.startswith("The model’s chat template ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


@pytest.mark.parametrize("name", ORDERLY)
async def test_a_template_that_comes_to_an_end_is_left_to_the_engine(tmp_path, name):
    assert await Trials(None).verdict(model(tmp_path, ORDERLY[name])) == ""


async def test_a_model_without_a_template_needs_no_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "PROBE", ("/nonexistent",))
    path = tmp_path / "model.gguf"
    tiny_models.plain(path)
    assert await Trials(None).verdict(path) == ""
    assert await Trials(None).verdict(tmp_path / "gone.gguf") == ""


async def test_the_template_of_the_embedded_model_is_known(model_path, monkeypatch):
    monkeypatch.setattr(trial, "PROBE", (sys.executable, "-c", "raise SystemExit(1)"))
    assert await Trials(None).verdict(model_path) == ""


async def test_a_verdict_is_kept_by_the_template(tmp_path, monkeypatch):
    """In a private file; the same template in another file is known, another one is not."""
    kept = tmp_path / "templates.json"
    kept.write_text("not JSON")
    path = model(tmp_path, BOMBS["a huge text"])
    verdict = await Trials(kept).verdict(path)
    assert kept.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(
        trial, "PROBE", (sys.executable, "-c", f"import os; os.kill(os.getpid(), {signal.SIGSEGV:d})")
    )
    assert await Trials(kept).verdict(path) == verdict
    other = model(tmp_path, ORDERLY["sound"])
    assert "crashes" in await Trials(kept).verdict(other)


async def test_a_model_with_a_bomb_answers_by_chatml(tmp_path):
    engine = Engine(verdicts=tmp_path / "templates.json")
    try:
        info = await engine.load(ModelOptions(path=str(model(tmp_path, BOMBS["a huge text"])), n_threads=1))
        assert info.template == "chatml"
        assert info.template_note == "The model’s chat template takes too much memory; ChatML is used instead."
        assert isinstance((await reply(engine, "Hello"))[-1], Finished)
    finally:
        await engine.close()


async def test_a_template_that_hangs_later_costs_one_engine(tmp_path):
    """It looks harmless until a certain word falls; the next engine does not use it any more."""
    sly = "{% if 'bomb' in messages[-1].content %}" + LOOPS + "{% endif %}" + ORDERLY["sound"]
    options = ModelOptions(path=str(model(tmp_path, sly)), n_threads=1)
    engine = Engine(verdicts=tmp_path / "templates.json")
    try:
        assert (await engine.load(options)).template == "own"
        await reply(engine, "Hello")
        with pytest.raises(EngineDied, match="took too long over the model’s chat template"):
            await reply(engine, "the bomb")
        info = await engine.ensure(options)
        assert info.template == "chatml"
        assert "takes too long" in info.template_note
        assert isinstance((await reply(engine, "the bomb"))[-1], Finished)
    finally:
        await engine.close()


async def reply(engine, text):
    turns = [Turn(role=Role.USER, content=text)]
    return [event async for event in engine.generate(turns, SamplingSettings(max_tokens=2), seed=1)]
