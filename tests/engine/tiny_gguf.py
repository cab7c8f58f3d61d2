"""Writes GGUF files of a few hundred bytes: sound ones, and ones that lie."""

from __future__ import annotations

import struct

U32, STRING, ARRAY, U64, FLOAT = 4, 8, 9, 10, 6


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def strings(key, values):
    return entry(key, ARRAY, struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values)))


def numbers(key, values):
    return entry(key, ARRAY, struct.pack(f"<IQ{len(values)}I", U32, len(values), *values))


def value(item):
    match item:
        case int():
            return U32, struct.pack("<I", item)
        case float():
            return FLOAT, struct.pack("<f", item)
        case _:
            return STRING, text(item)


def tensor(name="token_embd.weight", shape=(32, 4), kind=3, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


SOUND = {
    "general.architecture": "llama",
    "general.name": "A Tiny One",
    "general.file_type": 3,
    "llama.block_count": 2,
    "llama.context_length": 256,
    "llama.embedding_length": 32,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def gguf(changes=None, *, more=(), tensors=None, version=3, magic=b"GGUF", data=32 * 4 // 32 * 20):
    """A file: the sound metadata with changes (None drops a key), raw entries, raw tensors, bytes of data."""
    pairs = {k: v for k, v in (SOUND | (changes or {})).items() if v is not None}
    entries = [entry(key, *value(item)) for key, item in pairs.items()] + list(more)
    tensors = [tensor()] if tensors is None else tensors
    header = magic + struct.pack("<IQQ", version, len(tensors), len(entries))
    header += b"".join(entries) + b"".join(tensors)
    return header + bytes(-len(header) % 32) + bytes(data)
