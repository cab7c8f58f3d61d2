"""What is said about a model: names, fingerprints, the reasons of failed loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatapp.engine.protocol import ModelOptions
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.info import fingerprint_of, name_of
from chatapp.engine.worker.model import LoadError, load


@pytest.mark.parametrize(
    ("file", "title", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Smollm2 135M 8k Lc100K Mix1 Ep2", "SmolLM2 135M Instruct"),
        ("gemma-3-270m-it-Q4_K_M.gguf", "", "gemma 3 270m it"),
        ("Qwen3-8B-UD-IQ3_XXS.gguf", "", "Qwen3 8B"),
        ("Llama-3_1-Nemotron.F16.gguf", "", "Llama 3 1 Nemotron"),
        ("big-Q8_0-00001-of-00003.gguf", "", "big"),
        ("model.gguf", "Tiny Poet", "Tiny Poet"),
        ("ggml-model-Q4_0.gguf", "Tiny Poet", "Tiny Poet"),
        (
            "sha256-b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "Tiny\0 Poet",
            "Tiny\ufffd Poet",
        ),
        ("model.gguf", "", "model"),
    ],
)
def test_a_model_is_named_after_its_file_unless_that_says_nothing(file, title, name):
    assert name_of(Path(file), title) == name


def test_the_facts_of_the_embedded_model(model, model_path):
    info = model.info
    assert (info.architecture, info.quantisation, info.vocabulary) == ("llama", "Q4_1", 49_152)
    assert (info.layers, info.heads, info.kv_heads, info.embedding) == (30, 9, 3, 576)
    assert (info.size_bytes, info.parameters) == (98_362_432, 134_515_008)
    assert (info.n_ctx, info.n_ctx_train) == (512, 8192)
    assert info.n_threads >= 1
    assert (info.template, info.template_note) == ("own", "")
    assert (info.flash_attention, info.reproducible) == (True, False)
    assert info.fingerprint == fingerprint_of(Path(model_path))


def test_the_reproducible_mode_has_no_flash_attention(model, exact_model):
    assert (exact_model.info.flash_attention, exact_model.info.reproducible) == (False, True)
    assert exact_model.info.tokenizer == model.info.tokenizer


def test_a_fingerprint_tells_files_apart_by_size_and_by_content(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file, data in zip(files, [b"x" * 500_000, b"x" * 500_001, b"x" * 499_999 + b"y", b""], strict=True):
        file.write_bytes(data)
    assert len({fingerprint_of(file) for file in files}) == 4


def loaded(path, **options):
    return load(ModelOptions(path=str(path), **options), lambda _event: None, Abort())


def test_a_load_that_fails_says_why_in_words(tmp_path, model_path):
    nonsense = tmp_path / "nonsense.gguf"
    nonsense.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(LoadError, match=r"nonsense.gguf cannot be loaded: .*magic"):
        loaded(nonsense)
    cut = tmp_path / "cut.gguf"
    shutil.copyfile(model_path, cut)
    with cut.open("r+b") as file:
        file.truncate(60_000_000)
    with pytest.raises(LoadError, match=r"cut.gguf cannot be loaded: .*(corrupted|incomplete)"):
        loaded(cut)
    with pytest.raises(LoadError, match=r"gone\.gguf cannot be read: No such file or directory"):
        loaded(tmp_path / "gone.gguf")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(LoadError, match="cannot be read"):
        loaded(tmp_path)
