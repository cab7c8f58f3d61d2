"""The header reader: what it tells of sound files, and how it refuses the others."""

import ctypes
import importlib.util
import os
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_gguf import ARRAY, STRING, U64, entry, gguf, numbers, strings, tensor, text

from chatapp.engine import gguf as reader
from chatapp.engine.embedded import embedded_model
from chatapp.engine.gguf import Header, NotAModel, good_name, later_shard, read_header

HEADER_BYTES = 2 * 2**20
"""More than the header of the embedded model takes."""


@pytest.fixture
def write(tmp_path):
    def write(data, name="tiny.gguf"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(scope="module")
def hollow(tmp_path_factory):
    """The embedded model with its header only: as long as the real one, its weights a hole."""
    real = embedded_model()
    path = tmp_path_factory.mktemp("hollow") / real.name
    with real.open("rb") as file:
        path.write_bytes(file.read(HEADER_BYTES))
    os.truncate(path, real.stat().st_size)
    return path


# Sound files ------------------------------------------------------------------------------------------------


def test_the_embedded_model_is_described():
    assert read_header(embedded_model()) == Header(
        name="SmolLM2 135M Instruct",
        architecture="llama",
        quantisation="Q4_1",
        size=98_362_432,
        parameters=134_515_008,
        context_length=8192,
        block_count=30,
        head_count=9,
        head_count_kv=3,
        embedding_length=576,
        vocabulary=49_152,
        chat_template=True,
    )


def test_a_tiny_file_is_described(write):
    header = read_header(write(gguf(more=[strings("tokenizer.ggml.tokens", ["a", "b", "c"])])))
    assert (header.vocabulary, header.parameters, header.chat_template) == (3, 128, False)


def test_numbers_given_for_each_layer_stand_for_their_largest(write):
    header = read_header(
        write(gguf({"llama.attention.head_count": None}, more=[numbers("llama.attention.head_count", [4, 8])]))
    )
    assert header.head_count == 8


def test_without_a_file_type_the_quantisation_is_that_of_most_weights(write):
    assert read_header(write(gguf({"general.file_type": None}))).quantisation == "Q4_1"


def test_a_symbolic_link_to_a_model_is_followed(write, tmp_path):
    link = tmp_path / "link.gguf"
    link.symlink_to(write(gguf()))
    assert read_header(link).architecture == "llama"


def test_text_of_the_metadata_is_repaired(write):
    path = write(gguf({"general.name": b"nice\0\xff name"}), name="model.gguf")
    assert read_header(path).name == "nice\ufffd\ufffd name"


def test_the_tensor_types_are_those_of_ggml():
    """Sizes are asked of the library itself, so that a new version of it cannot drift away unseen."""
    folder = Path(importlib.util.find_spec("llama_cpp").origin).parent / "lib"
    ggml = ctypes.CDLL(str(next(folder.glob("libggml-base.*"))))
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_size.restype = ctypes.c_size_t
    ggml.ggml_type_name.restype = ctypes.c_char_p
    for kind, (name, block, size) in reader._TENSOR_TYPES.items():
        assert ggml.ggml_type_name(kind).decode().upper() == name
        assert (ggml.ggml_blck_size(kind), ggml.ggml_type_size(kind)) == (block, size)


# Files that are no models -----------------------------------------------------------------------------------

KV = "general.something"
BROKEN = {
    "empty": (b"", "is empty"),
    "random": (os.urandom(1024), "is not a GGUF"),
    "short": (b"GGUF", "is not a GGUF"),
    "wrong magic": (gguf(magic=b"GGML"), "is not a GGUF"),
    "version 1": (gguf(version=1), "version 1;"),
    "version 99": (gguf(version=99), "version 99;"),
    "big-endian": (gguf(version=3 << 24), "big-endian"),
    "2^60 tensors": (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "claims 1,152,921,504,606,846,976 tensors"),
    "2^60 entries": (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**60), "claims .* entries"),
    "cut in its header": (gguf()[:150], "ends in the middle of its header"),
    "cut in its weights": (gguf()[:-1], "is not complete: 0.0 MB are missing"),
    "no architecture": (gguf({"general.architecture": None}), "architecture"),
    "architecture is an escape": (gguf({"general.architecture": "\x1b[2J"}), "architecture"),
    "architecture is a number": (gguf({"general.architecture": 7}), "architecture"),
    "no layers": (gguf({"llama.block_count": 0}), "how many layers"),
    "512 layers": (gguf({"llama.block_count": 512}), "‘llama.block_count’ is impossible"),
    "2^31 layers": (gguf({"llama.block_count": 2**31}), "‘llama.block_count’ is impossible"),
    "context as text": (gguf({"llama.context_length": "long"}), "‘llama.context_length’ is impossible"),
    "context 2^31": (gguf({"llama.context_length": 2**31}), "‘llama.context_length’ is impossible"),
    "half a layer": (gguf({"llama.block_count": 2.5}), "impossible"),
    "alignment 3": (gguf({"general.alignment": 3}), "alignment"),
    "key of 2^62 bytes": (
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 2**62) + bytes(64),
        "bytes in one text",
    ),
    "text of 2^40 bytes": (gguf(more=[text(KV) + struct.pack("<IQ", STRING, 2**40)]), "bytes in one text"),
    "huge template": (
        gguf(more=[entry("tokenizer.chat_template", STRING, text("a" * (2**20 + 1)))]),
        "bytes in one text",
    ),
    "array of 2^50": (gguf(more=[entry(KV, ARRAY, struct.pack("<IQ", U64, 2**50))]), "elements in one array"),
    "arrays in arrays": (gguf(more=[entry(KV, ARRAY, struct.pack("<IQ", ARRAY, 1))]), "arrays inside arrays"),
    "unknown type of entry": (gguf(more=[entry(KV, 13, b"")]), "type of an entry"),
    "array past the end": (gguf(more=[entry(KV, ARRAY, struct.pack("<IQ", U64, 2**20))]), "ends in the middle"),
    "array of texts past the end": (
        gguf(more=[entry(KV, ARRAY, struct.pack("<IQ", STRING, 2**20))], data=10**6),
        "ends in the middle|is damaged",
    ),
    "5 dimensions": (gguf(tensors=[tensor(shape=(1,) * 5)]), "dimensions of a tensor"),
    "dimension 2^63": (gguf(tensors=[tensor(shape=(2**63, 0))]), "tensors is impossible"),
    "elements wrap": (gguf(tensors=[tensor(shape=(2**33, 2**33))]), "tensors is impossible"),
    "half a block": (gguf(tensors=[tensor(shape=(33,))]), "tensors is impossible"),
    "offset 2^50": (gguf(tensors=[tensor(offset=2**50)]), "is not complete"),
    "crooked offset": (gguf(tensors=[tensor(offset=1)]), "tensors is impossible"),
    "unknown tensor type": (gguf(tensors=[tensor(kind=250)]), "not known here"),
    "no weights": (gguf(tensors=[]), "no weights"),
    "a later part": (gguf({"split.no": 1, "general.architecture": None}), "is part 2"),
    "an adapter": (gguf({"general.type": "adapter"}), "an adapter"),
    "a projector": (gguf({"general.architecture": "clip"}), "sees pictures"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_a_model_is_refused_with_the_reason(write, case):
    data, reason = BROKEN[case]
    with pytest.raises(NotAModel, match=reason) as caught:
        read_header(write(data))
    assert str(caught.value).endswith(".")


def test_what_is_no_regular_file_is_refused_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo.gguf")
    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "fifo.gguf", "not a regular file"),
        (Path("/dev/null"), "not a regular file"),
        (tmp_path / "none.gguf", "does not exist"),
        (tmp_path / "a\0b.gguf", "cannot be opened"),
        (tmp_path / ("long" * 100), "cannot be opened"),
    ):
        with pytest.raises(NotAModel, match=reason):
            read_header(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(write):
    path = write(gguf())
    path.chmod(0)
    with pytest.raises(NotAModel, match="cannot be opened"):
        read_header(path)


def test_a_header_made_to_waste_time_is_given_up(tmp_path, monkeypatch):
    """Sixteen million empty texts in a hole on the disk."""
    monkeypatch.setattr(reader, "BUDGET_SECONDS", 0.2)
    path = tmp_path / "slow.gguf"
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + entry(KV, ARRAY, struct.pack("<IQ", STRING, reader.MAX_ELEMENTS))
    )
    os.truncate(path, 2**30)
    started = time.thread_time()
    with pytest.raises(NotAModel, match="takes too long"):
        read_header(path)
    assert time.thread_time() - started < 1


def test_a_header_made_to_waste_memory_gets_little(write):
    flood = [entry(f"{i}.{'x' * 60_000}.block_count", STRING, text("y" * 60_000)) for i in range(300)]
    path = write(gguf(more=flood))
    tracemalloc.start()
    try:
        read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


# Properties -------------------------------------------------------------------------------------------------

_EARLY = st.integers(0, 2047)
_ANYWHERE = st.integers(0, HEADER_BYTES - 1)
_LATE = st.integers(1_600_000, 1_800_000)
_BYTES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.integers(0, 2**64 - 1).map(lambda n: n.to_bytes(8, "little")),
    st.sampled_from([b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f", b"\0\0\0\0\0\0\0\x80"]),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(_EARLY | _LATE | _ANYWHERE, _BYTES), min_size=1, max_size=4))
@example([(8, b"\xff" * 8)])
@example([(16, b"\xff" * 8)])
def test_a_mutated_header_is_read_or_refused_and_nothing_else(hollow, mutations):
    with hollow.open("rb") as file:
        original = [(at, os.pread(file.fileno(), len(data), at)) for at, data in mutations]
    try:
        _patch(hollow, mutations)
        read_header(hollow)
    except NotAModel as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - it may also be read
    finally:
        _patch(hollow, reversed(original))


def _patch(path, patches):
    with path.open("r+b") as file:
        for at, data in patches:
            file.seek(at)
            file.write(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3), st.integers(0, 20))
def test_any_bytes_after_the_magic_are_read_or_refused(tmp_path_factory, data, tensors, entries):
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, entries) + data)
    with pytest.raises(NotAModel):
        read_header(path)


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_name_for_people_is_short_and_can_be_stored(file_name, metadata_name):
    name = good_name(file_name, metadata_name)
    assert len(name) <= 200
    name.encode()


# Names ------------------------------------------------------------------------------------------------------


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
    ],
)
def test_a_name_for_people_comes_from_the_file_name_or_else_from_the_metadata(file_name, name):
    assert good_name(file_name, "From Metadata") == name


def test_later_parts_of_a_split_model_are_known_by_their_names():
    assert later_shard("big-00002-of-00003.gguf")
    assert not later_shard("big-00001-of-00003.gguf")
    assert not later_shard("big.gguf")
