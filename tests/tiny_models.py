"""Writes GGUF models of some hundred kilobytes, with random weights, that llama.cpp really loads.

They say nothing sensible, but they compute: a plain one, one whose attention has a sliding window, a recurrent
one. The vocabulary is that of SentencePiece with one token for each byte, some letters and words, and ChatML's
two marks, so that whatever is typed can be spoken to them.
"""

from __future__ import annotations

import struct

import numpy as np

U32, F32, STRING, ARRAY, I32, BOOL = 4, 6, 8, 9, 5, 7
F32_TENSOR = 0
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
EMBEDDING, LAYERS, HEADS, FEED_FORWARD = 64, 4, 4, 96
WINDOW = 32
SPECIALS = ("<|im_start|>", "<|im_end|>")
LETTERS = "▁etaoinshrdlucmfwygpbvkxqjzETAOINSHRDLUCMFWYGPBVKXQJZ0123456789.,:;!?'\"()-"
WORDS = ("▁the", "▁a", "er", "in", "on", "▁s", "▁t", "th", "he", "an", "▁and")


def plain(path, seed=1, **changes):
    """A llama."""
    rng = np.random.default_rng(seed)
    return _write(path, "llama", {**_attention("llama"), **changes}, [*_common(rng), *_llama_layers(rng)])


def sliding_window(path, seed=1, **changes):
    """A Gemma 2: every other layer sees WINDOW tokens only."""
    rng = np.random.default_rng(seed)
    keys = {
        **_attention("gemma2"),
        "gemma2.attention.key_length": (U32, EMBEDDING // HEADS),
        "gemma2.attention.value_length": (U32, EMBEDDING // HEADS),
        "gemma2.attention.sliding_window": (U32, WINDOW),
        "gemma2.attn_logit_softcapping": (F32, 50.0),
        "gemma2.final_logit_softcapping": (F32, 30.0),
    }
    tensors = _common(rng)
    for name, tensor in _llama_layers(rng):
        tensors.append((name, tensor))
        if name.endswith(("attn_norm.weight", "ffn_norm.weight")):
            # Loud layers: otherwise it would only repeat the token that it was given.
            tensors.append((name.replace("attn_", "post_attention_").replace("ffn_", "post_ffw_"), 4 * tensor))
    return _write(path, "gemma2", {**keys, **changes}, tensors)


def recurrent(path, seed=1, **changes):
    """A Mamba."""
    rng = np.random.default_rng(seed)
    inner, state, rank, kernel = 2 * EMBEDDING, 16, 4, 4
    keys = {
        **_sizes("mamba"),
        "mamba.ssm.conv_kernel": (U32, kernel),
        "mamba.ssm.inner_size": (U32, inner),
        "mamba.ssm.state_size": (U32, state),
        "mamba.ssm.time_step_rank": (U32, rank),
    }
    tensors = _common(rng)
    for layer in range(LAYERS):
        shapes = {
            "ssm_in.weight": (2 * inner, EMBEDDING),
            "ssm_conv1d.weight": (inner, kernel),
            "ssm_conv1d.bias": (inner,),
            "ssm_x.weight": (rank + 2 * state, inner),
            "ssm_dt.weight": (inner, rank),
            "ssm_dt.bias": (inner,),
            "ssm_out.weight": (EMBEDDING, inner),
        }
        tensors.append((f"blk.{layer}.attn_norm.weight", np.ones(EMBEDDING, np.float32)))
        tensors += [(f"blk.{layer}.{name}", _random(rng, *shape)) for name, shape in shapes.items()]
        # Slow: what was said long ago must still be felt.
        decay = np.tile(-np.arange(1, state + 1, dtype=np.float32) / 50, (inner, 1))
        tensors += [(f"blk.{layer}.ssm_a", decay), (f"blk.{layer}.ssm_d", np.ones(inner, np.float32))]
    return _write(path, "mamba", {**keys, **changes}, tensors)


# Tensors -----------------------------------------------------------------------------------------------------


def _random(rng, *shape):
    return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)


def _common(rng):
    return [
        ("token_embd.weight", _random(rng, len(_vocabulary()), EMBEDDING)),
        ("output_norm.weight", np.ones(EMBEDDING, np.float32)),
    ]


def _llama_layers(rng):
    tensors = []
    for layer in range(LAYERS):
        ones = np.ones(EMBEDDING, np.float32)
        tensors.append((f"blk.{layer}.attn_norm.weight", ones))
        tensors += [
            (f"blk.{layer}.attn_{name}.weight", 2 * _random(rng, EMBEDDING, EMBEDDING))
            for name in ("q", "k", "v", "output")
        ]
        tensors.append((f"blk.{layer}.ffn_norm.weight", ones))
        tensors += [
            (f"blk.{layer}.ffn_{name}.weight", _random(rng, FEED_FORWARD, EMBEDDING)) for name in ("gate", "up")
        ]
        tensors.append((f"blk.{layer}.ffn_down.weight", _random(rng, EMBEDDING, FEED_FORWARD)))
    return tensors


# Metadata ----------------------------------------------------------------------------------------------------


def _sizes(architecture):
    return {
        f"{architecture}.context_length": (U32, 4096),
        f"{architecture}.embedding_length": (U32, EMBEDDING),
        f"{architecture}.block_count": (U32, LAYERS),
        f"{architecture}.feed_forward_length": (U32, FEED_FORWARD),
        f"{architecture}.attention.head_count": (U32, HEADS if architecture != "mamba" else 0),
        f"{architecture}.attention.layer_norm_rms_epsilon": (F32, 1e-5),
    }


def _attention(architecture):
    return {**_sizes(architecture), f"{architecture}.attention.head_count_kv": (U32, HEADS)}


def _vocabulary():
    """Texts, scores and types of the tokens."""
    tokens = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    tokens += [(text, 0.0, CONTROL) for text in SPECIALS]
    tokens += [(text, -100.0 - rank, NORMAL) for rank, text in enumerate(LETTERS)]
    return tokens + [(text, -1.0 - rank, NORMAL) for rank, text in enumerate(WORDS)]


def _tokenizer():
    texts, scores, types = zip(*_vocabulary(), strict=True)
    return {
        "tokenizer.ggml.model": (STRING, "llama"),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, texts)),
        "tokenizer.ggml.scores": (ARRAY, (F32, scores)),
        "tokenizer.ggml.token_type": (ARRAY, (I32, types)),
        "tokenizer.ggml.bos_token_id": (U32, 1),
        "tokenizer.ggml.eos_token_id": (U32, 3 + 256 + 1),
        "tokenizer.ggml.unknown_token_id": (U32, 0),
        "tokenizer.ggml.add_bos_token": (BOOL, False),
        "tokenizer.ggml.add_space_prefix": (BOOL, False),
    }


# The file ----------------------------------------------------------------------------------------------------


def _write(path, architecture, keys, tensors):
    metadata = {"general.architecture": (STRING, architecture), **keys, **_tokenizer()}
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        header += _text(key) + struct.pack("<I", kind) + _value(kind, value)
    body = b""
    for name, tensor in tensors:
        header += _text(name) + struct.pack("<I", tensor.ndim)
        header += struct.pack(f"<{tensor.ndim}Q", *reversed(tensor.shape))
        header += struct.pack("<IQ", F32_TENSOR, len(body))
        body += _padded(tensor.tobytes())
    path.write_bytes(_padded(header) + body)
    return path


def _padded(data):
    return data + bytes(-len(data) % 32)


def _text(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _text(value)
    if kind == ARRAY:
        item, values = value
        return struct.pack("<IQ", item, len(values)) + b"".join(_value(item, one) for one in values)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)
