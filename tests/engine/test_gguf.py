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
from tiny_gguf import ARRAY, FLOAT, STRING, U64, entry, gguf, numbers, strings, tensor, text

from chatapp.engine import gguf as reader
from chatapp.engine.embedded import embedded_model
from chatapp.engine.files import stamp_of
from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import Header, read_header

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
        kv_heads=(3,) * 30,
        key_length=64,
        value_length=64,
        embedding_length=576,
        feed_forward_length=1536,
        state=0,
        sliding_window=0,
        weights=96_576_768,
        vocabulary=49_152,
        chat_template=True,
        files=(stamp_of(embedded_model()),),
    )


def test_a_tiny_file_is_described(write):
    header = read_header(write(gguf(more=[strings("tokenizer.ggml.tokens", ["a", "b", "c"])])))
    assert (header.vocabulary, header.parameters, header.chat_template) == (3, 128, False)


def test_numbers_can_be_given_for_each_layer(write):
    changes = {"llama.attention.head_count": None, "llama.attention.head_count_kv": None}
    arrays = [numbers("llama.attention.head_count", [4, 8]), numbers("llama.attention.head_count_kv", [2, 0])]
    header = read_header(write(gguf(changes, more=arrays)))
    assert (header.head_count, header.kv_heads) == (8, (2, 0))


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
U32_OF_1 = 4, struct.pack("<I", 1)
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
    "weights of nothing": (gguf(tensors=[tensor(shape=(0, 4))]), "no weights"),
    "a later part": (gguf({"split.no": 1, "general.architecture": None}), "is part 2"),
    "a key twice": (gguf(more=[entry("general.name", STRING, text("again"))]), "one thing twice"),
    "a tensor twice": (gguf(tensors=[tensor(), tensor(offset=96)], data=256), "two of its tensors have one name"),
    "tensors upon each other": (
        gguf(tensors=[tensor(f"t{n}", (32, 4096)) for n in range(9)], data=82_000),
        "lie upon each other",
    ),
    "a long tensor name": (gguf(tensors=[tensor("x" * 64)]), "bytes in one text"),
    "no heads": (gguf({"llama.attention.head_count": 0}), "no attention heads"),
    "heads that do not divide": (gguf({"llama.attention.head_count": 5}), "cannot be divided among"),
    "kv heads that do not divide": (gguf({"llama.attention.head_count_kv": 3}), "cannot be divided among"),
    "2^31 heads": (gguf({"llama.attention.head_count": 2**31}), "head_count’ is impossible"),
    "heads for some layers": (
        gguf({"llama.attention.head_count_kv": None}, more=[numbers("llama.attention.head_count_kv", [2])]),
        "head_count_kv’ is impossible",
    ),
    "heads that are no numbers": (
        gguf(
            {"llama.attention.head_count_kv": None},
            more=[
                entry(
                    "llama.attention.head_count_kv",
                    ARRAY,
                    struct.pack("<IQ2f", FLOAT, 2, float("nan"), float("inf")),
                )
            ],
        ),
        "impossible|divided",
    ),
    "layers in an array": (
        gguf({"llama.block_count": None}, more=[numbers("llama.block_count", [2, 2])]),
        "block_count’ is impossible",
    ),
    "many models in one": (gguf(more=[entry(f"{n}.block_count", *U32_OF_1) for n in range(600)]), "more than one"),
    "fewer scores than tokens": (
        gguf(more=[strings("tokenizer.ggml.tokens", "abc"), numbers("tokenizer.ggml.scores", [1, 2])]),
        "has 3 tokens, but ‘tokenizer.ggml.scores’ only 2 times",
    ),
    "a token of 100 KB": (gguf(more=[strings("tokenizer.ggml.tokens", ["a" * 100_000])]), "bytes in one text"),
    "the first of three, misnamed": (gguf({"split.no": 0, "split.count": 3}), "must end in -00001-of-00003.gguf"),
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


def test_short_keys_and_long_texts_get_little_memory_too(write):
    flood = [entry(f"{i}.block_count", STRING, text("y" * 60_000)) for i in range(500)]
    path = write(gguf(more=flood))
    tracemalloc.start()
    try:
        read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


# Models in several files ------------------------------------------------------------------------------------


@pytest.fixture
def split(tmp_path):
    """The first of three files, of which the last two have tensors only."""
    for number in range(3):
        changes = {"split.no": number, "split.count": 3} | ({} if number == 0 else {"llama.block_count": None})
        data = gguf(changes, tensors=[tensor(f"t{number}")])
        (tmp_path / f"big-0000{number + 1}-of-00003.gguf").write_bytes(data)
    return tmp_path / "big-00001-of-00003.gguf"


def test_a_model_in_several_files_is_described_as_one(split):
    header = read_header(split)
    assert (header.name, header.parameters, header.weights) == ("big", 3 * 128, 3 * 80)
    assert [Path(file.path).name[:9] for file in header.files] == ["big-00001", "big-00002", "big-00003"]
    assert header.size == sum(path.stat().st_size for path in split.parent.glob("*.gguf"))


def test_every_part_of_a_model_must_be_there_and_whole(split):
    second, third = (split.with_name(f"big-0000{number}-of-00003.gguf") for number in (2, 3))
    with pytest.raises(NotAModel, match="is part 2 of a model in several files"):
        read_header(second)
    whole = third.read_bytes()
    third.write_bytes(whole[:-40])
    with pytest.raises(NotAModel, match=r"part 3 of 3, big-00003-of-00003\.gguf, is not complete: 0\.0 MB"):
        read_header(split)
    third.write_bytes(second.read_bytes())
    with pytest.raises(NotAModel, match=r"part 3 of 3, .*, is a part of another model"):
        read_header(split)
    third.unlink()
    with pytest.raises(NotAModel, match=r"part 3 of 3, .*, does not exist"):
        read_header(split)


# What a cache keeps -----------------------------------------------------------------------------------------

KINDS = {
    "one kind of layer": ({}, [], (2, 2), 8, 0),
    "every second layer attends": ({"llama.full_attention_interval": 2}, [], (0, 2), 8, 0),
    "the last layer shares": ({"llama.attention.shared_kv_layers": 1}, [], (2, 0), 8, 0),
    "longer keys": ({"llama.attention.key_length": 24}, [], (2, 2), 24, 0),
    "Mamba": (
        {
            "llama.attention.head_count": 0,
            "llama.attention.head_count_kv": None,
            "llama.ssm.conv_kernel": 4,
            "llama.ssm.inner_size": 64,
            "llama.ssm.state_size": 16,
        },
        [],
        (0, 0),
        0,
        3 * 64 + 64 * 16,
    ),
    "RWKV": ({"llama.attention.head_count": 0, "llama.attention.head_count_kv": 0, "llama.wkv.head_size": 8},
             [], (0, 0), 0, 32 * (8 + 2)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_each_layer_keeps_of_a_token_is_known(write, kind):
    changes, more, kv_heads, key_length, state = KINDS[kind]
    header = read_header(write(gguf(changes, more=more)))
    assert (header.kv_heads, header.key_length, header.state) == (kv_heads, key_length, state)


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
