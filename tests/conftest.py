"""What all tests share: a machine that is taken out of them, and the real model."""

from __future__ import annotations

import os

import pytest

from chatapp.engine.embedded import embedded_model

os.environ["TEXTUAL_ANIMATIONS"] = "none"


@pytest.fixture(autouse=True)
def _no_machine(monkeypatch, tmp_path_factory):
    """No test sees the settings, the sessions or the personas of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))  # other programs' models lie under it
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "LLAMA_CACHE", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("CHATAPP_DATA_DIR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture(scope="session")
def model_path():
    """The embedded model's file."""
    path = embedded_model()
    assert path is not None, "the embedded model is not installed; make test installs it"
    return path


@pytest.fixture(scope="session")
def bare(model_path):
    """llama.cpp in a bare loop, with the embedded model; imported here, where it is needed."""
    from bare_loop import BareLoop  # noqa: PLC0415

    from chatapp.engine.worker.process import usable_cores  # noqa: PLC0415

    loop = BareLoop(model_path, usable_cores())
    yield loop
    loop.close()
