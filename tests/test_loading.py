"""How loads are planned, and what is learnt from them."""

from __future__ import annotations

import pytest

from chatapp import loading
from chatapp.config import Settings
from chatapp.conversation.message import Message, Provenance, Role, Status, Timings
from chatapp.engine.fit import Lesson
from chatapp.engine.model import MemoryUse
from chatapp.home import Home
from chatapp.loading import learn_from_load, learn_from_reply, plan_load
from chatapp.paths import Paths


@pytest.fixture
def home(tmp_path):
    home = Home(Paths.default(tmp_path), Settings())
    home.paths.create()
    return home


@pytest.fixture
def memory(monkeypatch):
    def has(free):
        monkeypatch.setattr(loading, "available_memory", lambda: free)

    has(8 * 10**9)
    return has


def test_with_memory_enough_nothing_is_said_and_the_checked_file_is_named(home, memory, model_path):
    model = home.model()
    plan = plan_load(home, model)
    assert (plan.note, plan.options.n_ctx, plan.options.name) == ("", 8192, "SmolLM2 135M Instruct")
    assert [file.path for file in plan.options.files] == [str(model_path)]
    assert plan.fit.fits


def test_a_default_context_yields_to_short_memory_and_says_so(home, memory):
    memory(350 * 10**6)
    plan = plan_load(home, home.model())
    assert plan.options.n_ctx == 4096
    assert plan.note == ("Memory is short: the context of SmolLM2 135M Instruct is 4,096 tokens instead of 8,192.")
    assert plan_load(home, home.model(), freed=200 * 10**6).note == ""


def test_a_context_that_was_asked_for_is_warned_about_and_kept(home, memory):
    memory(300 * 10**6)
    home.settings = Settings(context=8192)
    plan = plan_load(home, home.model())
    assert plan.options.n_ctx == 8192
    assert "needs 379 MB, and 300 MB are free" in plan.note
    assert "a context of 4,096 tokens, a KV cache in q8_0, a smaller file" in plan.note


def test_a_system_that_does_not_tell_its_memory_gets_the_default(home, memory):
    memory(None)
    plan = plan_load(home, home.model())
    assert (plan.options.n_ctx, plan.note) == (8192, "")


class Info:
    """What of a loaded model matters here."""

    n_ctx = 8192
    flash_attention = True

    def __init__(self, memory):
        self.memory = memory


def test_what_a_load_took_corrects_the_next_plan_also_after_a_restart(home, memory):
    model = home.model()
    before = plan_load(home, model)
    took = MemoryUse(weights=before.fit.need.weights, cache=2 * before.fit.need.cache, compute=1, resident=1)
    learn_from_load(home, model, before.options, Info(took))
    later = Home(home.paths, home.settings)
    assert plan_load(later, model).fit.need.cache == took.cache


def test_a_load_that_tells_nothing_teaches_nothing(home, memory):
    model = home.model()
    learn_from_load(home, model, plan_load(home, model).options, Info(MemoryUse()))
    assert home.experience.of(model.path, model.size).lesson == Lesson()
    assert not home.paths.experience.exists()


def test_the_speed_of_a_reply_is_remembered_for_the_model_that_wrote_it(home):
    model = home.model()
    came = Provenance(model_path=str(model.path), generated_tokens=100, timings=Timings(tokens_per_s=31.4))
    reply = Message(1, "a", None, Role.ASSISTANT, Status.COMPLETE, "hi", provenance=came)
    learn_from_reply(home, model, reply, 2)
    other = came.model_copy(update={"model_path": "/other.gguf", "timings": Timings(tokens_per_s=99.0)})
    reply.provenance = other
    learn_from_reply(home, model, reply, 2)
    assert Home(home.paths, home.settings).experience.of(model.path, model.size).tokens_per_s == 31.4
