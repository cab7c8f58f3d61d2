"""A stand-in for the engine that labels texts as fast as it is asked, and dies of one of them on request.

Run as `python scripted_labels.py FOLDER`. It dies of a text `die N` as long as it finds less than N deaths in the
folder. As `python scripted_labels.py run FOLDER ARGUMENTS…` it is the command line with that engine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from chatapp.conversation.message import StopReason, Timings
from chatapp.engine.frames import Unpacker, pack
from chatapp.engine.model import ModelInfo
from chatapp.engine.protocol import REQUEST, Finished, Generate, Load, Loaded, Ping, Plan, Planned, Pulse, Tokens

NUMBERS = ("size_bytes", "parameters", "vocabulary", "layers", "heads", "kv_heads", "embedding", "n_ctx_train")
ROW_SECONDS = 0.002


def answer(request, folder):
    match request:
        case Ping():
            return [Pulse(beats=0, busy=False)]
        case Load():
            info = ModelInfo(
                name="Scripted", path=request.options.path, fingerprint="f", tokenizer="t", architecture="none",
                quantisation="F16", n_ctx=256, n_threads=1, flash_attention=False, reproducible=False,
                template="own", **dict.fromkeys(NUMBERS, 1),
            )  # fmt: skip
            return [Loaded(info=info, load_s=0.1)]
        case Plan():
            return [Planned(id=request.id, turns=tuple(len(turn.content) for turn in request.turns), opening=3)]
        case Generate():
            return reply(request, folder)
    return []


def reply(request, folder):
    text = request.turns[-1].content
    if text.startswith("die "):
        deaths = len(list(folder.iterdir()))
        if deaths < int(text.split()[1]):
            (folder / str(deaths)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(ROW_SECONDS)
    end = StopReason.MAX_TOKENS if text.startswith("long ") else StopReason.END
    said = json.dumps({"label": text.upper()})[: 5 if end is StopReason.MAX_TOKENS else None]
    return [
        Tokens(id=request.id, text=said, token_ids=(1,)),
        Finished(
            id=request.id, stop_reason=end, prompt_tokens=9, reused_tokens=4, evaluated_tokens=5,
            generated_tokens=1, segments=(), timings=Timings(),
        ),
    ]  # fmt: skip


def serve(folder):
    unpacker = Unpacker()
    while data := os.read(0, 65536):
        for body in unpacker.feed(data):
            os.write(1, b"".join(map(pack, answer(REQUEST.validate_json(body), folder))))


def run(folder, argv):
    from chatapp.cli import main, run  # noqa: PLC0415
    from chatapp.engine.client import Engine  # noqa: PLC0415

    run.Engine = lambda log, verdicts: Engine(log, [sys.executable, __file__, str(folder)], verdicts=verdicts)
    sys.exit(main(argv))


if sys.argv[1] == "run":
    run(Path(sys.argv[2]), sys.argv[3:])
else:
    serve(Path(sys.argv[1]))
