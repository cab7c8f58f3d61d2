"""What is said about a model: facts, memory, the reasons of failed loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatapp.engine.files import fingerprint_of, stamp_of
from chatapp.engine.model import MemoryUse, ModelOptions
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.memory import memory_use
from chatapp.engine.worker.model import LoadError, load


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
    assert (info.kv_types, info.note) == (("f16", "f16"), "")


def test_the_reproducible_mode_has_no_flash_attention(model, exact_model):
    assert (exact_model.info.flash_attention, exact_model.info.reproducible) == (False, True)
    assert exact_model.info.tokenizer == model.info.tokenizer


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


# Memory, and what is loaded -----------------------------------------------------------------------------------

KV_BYTES = 2 * 30 * 3 * 64
"""Keys and values that the embedded model keeps for a token."""


def test_what_a_model_takes_is_told_term_by_term(model):
    told = model.info.memory
    assert told.cache == 512 * KV_BYTES * 2
    assert 95_000_000 < told.weights < 98_362_432
    assert told.compute < 10_000_000, "logits have room for one token, not for a whole batch"
    assert told.device == 0
    assert told.resident > told.weights


@pytest.mark.parametrize(("kv_type", "block"), [("q8_0", 34), ("q4_0", 18)])
def test_a_quantised_cache_is_smaller(model_path, kv_type, block):
    model = loaded(model_path, n_ctx=512, n_threads=1, kv_type=kv_type)
    try:
        assert model.info.kv_types == (kv_type, kv_type)
        assert model.info.memory.cache == pytest.approx(512 * KV_BYTES * block / 32, rel=0.005)
    finally:
        model.close()


def test_without_flash_attention_only_the_keys_are_quantised(model_path):
    model = loaded(model_path, n_ctx=512, n_threads=1, kv_type="q8_0", reproducible=True)
    try:
        assert model.info.kv_types == ("q8_0", "f16")
    finally:
        model.close()


def test_weights_can_be_read_instead_of_mapped(model_path):
    model = loaded(model_path, n_ctx=512, n_threads=1, mmap=False)
    try:
        assert model.info.memory.weights > 95_000_000
    finally:
        model.close()


def test_the_buffers_of_llama_cpp_are_added_up():
    lines = [
        "load_tensors:   CPU_Mapped model buffer size =   100.00 MiB",
        "load_tensors:        CUDA0 model buffer size =   200.00 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =    50.00 MiB",
        "llama_memory_recurrent:        CPU RS buffer size =     1.50 MiB",
        "sched_reserve:  CUDA_Host compute buffer size =     8.00 MiB",
        "sched_reserve:  CUDA_Host compute buffer size =     4.00 MiB",
        "llama_context:        CPU  output buffer size =     0.25 MiB",
        "load_tensors: CPU_REPACK model buffer size =    60.00 MiB",
        "something else buffer size = unknown",
    ]
    told = memory_use(lines)
    expected = MemoryUse(
        weights=300 * 2**20, cache=103 * 2**19, compute=17 * 2**18, device=250 * 2**20, resident=told.resident
    )
    assert told == expected


def test_a_file_that_changed_since_it_was_checked_is_not_loaded(tmp_path, model_path):
    file = tmp_path / "mine.gguf"
    shutil.copyfile(model_path, file)
    checked = (stamp_of(file),)
    other = tmp_path / "other.gguf"
    shutil.copyfile(model_path, other)
    other.replace(file)
    with pytest.raises(LoadError, match=r"mine\.gguf is no longer the file that was checked"):
        loaded(file, files=checked)
    loaded(file, files=(stamp_of(file),), n_ctx=64, n_threads=1).close()
