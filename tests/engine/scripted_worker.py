"""A stand-in for the engine that does, on purpose, what a real one cannot be asked for.

Run as `python scripted_worker.py MODE`. It speaks the true protocol; MODE names its one fault.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from chatapp.conversation.message import StopReason, Timings
from chatapp.engine.frames import Unpacker, pack
from chatapp.engine.model import ModelInfo
from chatapp.engine.protocol import (
    REQUEST,
    Cancel,
    Count,
    Counted,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    Loading,
    Ping,
    Plan,
    Planned,
    Prefill,
    Pulse,
    Tokens,
)

MODE = sys.argv[1] if len(sys.argv) > 1 else "sound"
REPLY_TOKENS = 20
_pending = []
_unpacker = Unpacker()


def say(*messages):
    os.write(1, b"".join(map(pack, messages)))


def hear(block=True):
    """The next request, or None when there is none yet; the end of stdin is the end."""
    os.set_blocking(0, block)
    while not _pending:
        try:
            data = os.read(0, 65536)
        except BlockingIOError:
            return None
        if not data:
            os._exit(0)
        for request in (REQUEST.validate_json(body) for body in _unpacker.feed(data)):
            if isinstance(request, Ping):
                say(Pulse(beats=0, busy=False))
            else:
                _pending.append(request)
    return _pending.pop(0)


def info(path, n_ctx):
    numbers = dict.fromkeys(
        ("size_bytes", "parameters", "vocabulary", "layers", "heads", "kv_heads", "embedding", "n_ctx_train"), 1
    )
    return ModelInfo(
        name="Scripted", path=path, fingerprint="f", tokenizer="t", architecture="none", quantisation="F16",
        n_ctx=n_ctx or 64, n_threads=1, flash_attention=False, reproducible=False, template="own", **numbers,
    )  # fmt: skip


def load(request):
    if MODE == "crash_at_load" or request.options.path.endswith("crashed"):
        os.write(2, b"about to fall\n")
        os.kill(os.getpid(), signal.SIGSEGV)
    if MODE == "refuse" or request.options.path.endswith("refused"):
        say(Failed(reason="load", message="The file is broken."))
        return
    say(Loading(step="weights", share=0.5))
    if MODE == "slow_load" or request.options.path.endswith("cancelled"):
        time.sleep(60)
    say(Loaded(info=info(request.options.path, request.options.n_ctx), load_s=0.1))


def finished(request, reason, count):
    return Finished(
        id=request.id, stop_reason=reason, prompt_tokens=1, reused_tokens=0, evaluated_tokens=1,
        generated_tokens=count, segments=(), timings=Timings(),
    )  # fmt: skip


def generate(request):
    if MODE == "refuse_reply":
        say(Failed(id=request.id, reason="context", message="The prompt is too long."))
        return
    say(Prefill(id=request.id, done=1, total=1, kept=0))
    misbehave(request)
    count = 10**9 if MODE in {"endless", "deaf"} else REPLY_TOKENS
    for index in range(count):
        say(Tokens(id=request.id, text=f"{index} ", token_ids=(index,)))
        if MODE == "endless":
            time.sleep(0.002)
            match hear(block=False):
                case Cancel():
                    say(finished(request, StopReason.CANCELLED, index + 1))
                    return
                case Count() as asked:
                    say(Counted(id=asked.id, tokens=7))
        if MODE == "deaf":
            time.sleep(0.05)
    say(finished(request, StopReason.END, count))


def misbehave(request):  # noqa: C901, PLR0912 - one case for each fault
    match MODE:
        case "garbage":
            os.write(1, b"\0\0\0\x05hello")
        case "huge_frame":
            os.write(1, b"\xff\xff\xff\xff")
        case "unknown_kind":
            body = b'{"kind": "surprise", "id": 1}'
            os.write(1, len(body).to_bytes(4, "big") + body)
        case "out_of_place":
            say(Counted(id=request.id, tokens=1))
        case "silent":
            time.sleep(60)
        case "mute":
            os.close(1)
            time.sleep(60)
        case "flood_stderr":
            os.write(2, b"x" * 79 + b"\n")
            for _ in range(13_200):
                os.write(2, b"x" * 79 + b"\n")
            os.write(2, b"the last line\n")
        case "flood_events":
            while True:
                say(*[Tokens(id=request.id, text="", token_ids=())] * 500)
        case "old_ids":
            say(Tokens(id=request.id - 1, text="stale", token_ids=(1,)), Tokens(id=99, text="alien", token_ids=()))
        case "exit_3":
            os.write(2, b"out of cheese\n")
            sys.exit(3)
        case "grandchild":
            child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
            say(Tokens(id=request.id, text=str(child.pid), token_ids=()))
            time.sleep(60)


def main():
    while True:
        match hear():
            case Load() as request:
                load(request)
            case Generate() as request:
                generate(request)
            case Count() as request:
                say(Counted(id=request.id, tokens=7))
            case Plan() as request:
                say(Planned(id=request.id, turns=(7,) * len(request.turns), opening=3))


main()
