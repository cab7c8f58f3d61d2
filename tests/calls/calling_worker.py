"""A stand-in for the engine that plays a stronger model: it says, one after the other, the replies it is given.

Run as `python calling_worker.py FILE`: a JSON list of replies. What it is asked is written beside it, a line each.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.engine.frames import Unpacker, pack
from chatapp.engine.model import ModelInfo
from chatapp.engine.protocol import (
    REQUEST,
    Count,
    Counted,
    Finished,
    Generate,
    Load,
    Loaded,
    Ping,
    Plan,
    Planned,
    Pulse,
    Tokenize,
    Tokenized,
    Tokens,
)  # fmt: skip

SCRIPT = Path(sys.argv[1])
REPLIES = json.loads(SCRIPT.read_text())


def say(*messages):
    os.write(1, b"".join(map(pack, messages)))


def info(path):
    numbers = dict.fromkeys(
        ("size_bytes", "parameters", "vocabulary", "layers", "heads", "kv_heads", "embedding", "n_ctx_train"), 1
    )
    return ModelInfo(
        name="Scripted", path=path, fingerprint="f", tokenizer="t", architecture="none", quantisation="F16",
        n_ctx=4096, n_threads=1, flash_attention=False, reproducible=False, template="own", **numbers,
    )  # fmt: skip


def generate(request):
    with SCRIPT.with_suffix(".asked").open("a") as asked:
        asked.write(request.model_dump_json() + "\n")
    text = REPLIES.pop(0) if REPLIES else "Nothing more."
    say(Tokens(id=request.id, text=text, token_ids=(1, 2, 3)))
    say(Finished(
        id=request.id, stop_reason=StopReason.END, prompt_tokens=1, reused_tokens=0, evaluated_tokens=1,
        generated_tokens=3, segments=(Segment(from_token=0, settings=request.settings, seed=request.seed),),
        timings=Timings(),
    ))  # fmt: skip


def answer(request):
    match request:
        case Load():
            say(Loaded(info=info(request.options.path), load_s=0.1))
        case Generate():
            generate(request)
        case Count():
            say(Counted(id=request.id, tokens=7))
        case Plan():
            say(Planned(id=request.id, turns=(7,) * len(request.turns), opening=3))
        case Tokenize():
            say(Tokenized(id=request.id, token_ids=(1, 2)))
        case Ping():
            say(Pulse(beats=0, busy=False))


unpacker = Unpacker()
while data := os.read(0, 65536):
    for body in unpacker.feed(data):
        answer(REQUEST.validate_json(body))
