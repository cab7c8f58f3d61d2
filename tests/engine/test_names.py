"""Names of models, and of the files of a split one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.engine.names import good_name, later_shard, shard_names


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_name_for_people_is_short_and_can_be_stored(file_name, metadata_name):
    name = good_name(file_name, metadata_name)
    assert len(name) <= 200
    name.encode()


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2 135M Instruct"),
        ("Qwen2.5-0.5B-Instruct-Q4_K_M.gguf", "Qwen2.5 0.5B Instruct"),
        ("gemma-3-270m-it-UD-Q4_K_XL.gguf", "gemma 3 270m it"),
        ("Llama-3.3-70B-Instruct-IQ3_XXS-00001-of-00002.gguf", "Llama 3.3 70B Instruct"),
        ("Phi-3-mini-4k-instruct-q4.gguf", "Phi 3 mini 4k instruct"),
        ("gpt-oss-20b-mxfp4.GGUF", "gpt oss 20b"),
        ("stories_260K_f16.gguf", "stories 260K"),
        ("model.gguf", "From Metadata"),
        ("ggml-model-Q8_0.gguf", "From Metadata"),
        ("sha256-" + "0a" * 32, "From Metadata"),
        ("12-34.gguf", "From Metadata"),
        ("Qwen3-8B-UD-IQ3_XXS.gguf", "Qwen3 8B"),
        ("Llama-3_1-Nemotron.F16.gguf", "Llama 3 1 Nemotron"),
        ("big-Q8_0-00001-of-00003.gguf", "big"),
    ],
)
def test_a_name_for_people_comes_from_the_file_name_or_else_from_the_metadata(file_name, name):
    assert good_name(file_name, "From Metadata") == name


def test_later_parts_of_a_split_model_are_known_by_their_names():
    assert later_shard("big-00002-of-00003.gguf")
    assert not later_shard("big-00001-of-00003.gguf")
    assert not later_shard("big.gguf")


def test_a_name_that_says_nothing_is_better_than_none():
    assert good_name("model.gguf") == "model"


def test_the_files_of_a_split_model_are_named_after_the_first():
    assert shard_names("a-00001-of-00003.GGUF", 3) == tuple(f"a-0000{n}-of-00003.GGUF" for n in (1, 2, 3))
    assert shard_names("a.gguf", 1) == ("a.gguf",)
    assert shard_names("a-00001-of-00002.gguf", 3) == ()
