"""Reads mutated headers, one after the other, in a process that has little memory: `FOLDER FIRST COUNT REAL`.

Each mutation follows from its number alone, so that one that does harm can be made again. Says, as JSON, how many
were read and how many refused, the longest time (of this process, so that a busy machine counts for nothing), and
what went wrong; ends itself where a header takes more memory than it may.
"""

from __future__ import annotations

import json
import os
import random
import resource
import struct
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from tiny_gguf import ARRAY, STRING, U64, entry, gguf, numbers, strings, tensor, text

from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import read_header

MEMORY = 64 * 2**20
HEADER_BYTES = 2 * 2**20
INTERESTING = [0, 1, 2, 31, 32, 64, 255, 511, 512, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**60, 2**62]
INTERESTING += [2**63 - 1, 2**63, 2**64 - 1]

TOKENS = strings("tokenizer.ggml.tokens", [f"t{n}" for n in range(64)])
RICH = [
    TOKENS,
    numbers("tokenizer.ggml.token_type", [1] * 64),
    numbers("llama.feed_forward_length", [64, 64]),
    entry("tokenizer.chat_template", STRING, text("{{ messages }}")),
    entry("llama.rope.freq_base", 6, struct.pack("<f", 1e4)),
]


def _shapes():
    """The shapes of what was reported against readers of GGUF, each as a file."""
    big = struct.pack("<Q", 2**64 - 8)
    yield "counts that wrap", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63)
    yield "a text whose length wraps", gguf(more=[text("k") + struct.pack("<I", STRING) + big])
    yield "an array whose bytes wrap", gguf(more=[entry("k", ARRAY, struct.pack("<IQ", U64, 2**61 + 1))])
    yield "an array of texts to the end", gguf(more=[entry("k", ARRAY, struct.pack("<IQ", STRING, 2**24))])
    yield "tensor sizes that wrap (CVE-2026-33298)", gguf(tensors=[tensor(shape=(2**31, 2**31, 4))])
    yield (
        "sizes whose sum wraps (CVE-2025-53630)",
        gguf(tensors=[tensor(f"t{n}", (2**31, 2**28), offset=0) for n in range(20)]),
    )
    yield "the last offset wraps (CVE-2026-27940)", gguf(tensors=[tensor(offset=2**64 - 32)])
    yield "no dimensions", gguf(tensors=[tensor(shape=())])
    yield "a dimension of nothing", gguf(tensors=[tensor(shape=(0, 2**61))])
    yield "a type past the table", gguf(tensors=[tensor(kind=2**31)])
    yield (
        "a token longer than 2^31 (CVE-2025-49847)",
        gguf(more=[entry("tokenizer.ggml.tokens", ARRAY, struct.pack("<IQQ", STRING, 1, 2**31 + 5))]),
    )
    yield (
        "a vocabulary without its types (llama.cpp#25969)",
        gguf({"general.architecture": "plamo2"}, more=[TOKENS, numbers("tokenizer.ggml.token_type", [1])]),
    )
    yield "more layers than llama.cpp has room for", gguf({"llama.block_count": 2**31})
    yield "alignment nought", gguf({"general.alignment": 0})
    yield "alignment of 2^31", gguf({"general.alignment": 2**31})
    yield (
        "a template that is a program (CVE-2024-34359)",
        gguf(
            more=[entry("tokenizer.chat_template", STRING, text("{{ ().__class__.__base__.__subclasses__() }}"))]
        ),
    )
    yield "split in 65,535", gguf({"split.no": 0, "split.count": 65_535})


CORPUS = [data for _, data in _shapes()] + [gguf(more=RICH), gguf(), gguf({"general.architecture": "mamba"})]


def mutated(number):
    """The file of that number, and how long it is; None where it is the real one with patches."""
    chance = random.Random(number)
    if number < len(CORPUS):
        return CORPUS[number], []
    if chance.random() < 0.2:
        return None, _patches(chance, HEADER_BYTES)
    data = bytearray(chance.choice(CORPUS))
    for at, patch in _patches(chance, len(data)):
        data[at : at + len(patch)] = patch
    match chance.randrange(6):
        case 0:
            del data[chance.randrange(len(data)) :]
        case 1:
            at = chance.randrange(len(data))
            data[at:at] = data[chance.randrange(len(data)) :][: chance.randrange(200)]
        case 2:
            at = chance.randrange(len(data))
            del data[at : at + chance.randrange(64)]
    return bytes(data), []


def _patches(chance, length):
    places = [chance.randrange(max(1, min(length, 2048) - 8)), chance.randrange(max(1, length - 8))]
    for _ in range(chance.randrange(1, 5)):
        value = chance.choice([*INTERESTING, chance.getrandbits(64)])
        size = chance.choice([1, 2, 4, 8])
        yield chance.choice(places) + chance.randrange(8), value.to_bytes(8, "little")[:size]


def main(folder, first, count, real):
    """Read the files of so many numbers."""
    tiny, hollow = Path(folder) / f"{first}.gguf", Path(folder) / f"{first}-real.gguf"
    with Path(real).open("rb") as file:
        header = file.read(HEADER_BYTES)
    seen, slowest, harm = Counter(), 0.0, []
    limit = _memory_now() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, first + count):
        data, patches = mutated(number)
        path = tiny if data is not None else hollow
        with path.open("wb") as file:
            file.write(header if data is None else data)
            for at, patch in patches:
                file.seek(at)
                file.write(patch)
        if data is None:
            os.truncate(hollow, Path(real).stat().st_size)
        began = time.process_time()
        try:
            read_header(path)
            seen["read"] += 1
        except NotAModel as refusal:
            seen["refused"] += 1
            if not str(refusal).endswith(".") or not str(refusal).isprintable():
                harm.append([number, f"said {str(refusal)!r}"])
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            harm.append([number, repr(error)])
        slowest = max(slowest, time.process_time() - began)
    print(json.dumps({**seen, "slowest": slowest, "harm": harm}))


def _memory_now():
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
