"""An engine that says a given text at a given pace: for measuring the drawing, and for taking pictures.

`python -m benchmarks.metronome FILE TOKENS_PER_SECOND` speaks the worker's protocol; a token is a word with the
blank before it.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from pathlib import Path

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.message import Segment, StopReason, Timings
from chatapp.engine.frames import Piece, Unpacker
from chatapp.engine.model import ModelInfo
from chatapp.engine.protocol import (
    REQUEST,
    Cancel,
    Count,
    Counted,
    Finished,
    Generate,
    GenerateMany,
    Inspect,
    Inspected,
    Load,
    Loaded,
    Ping,
    Plan,
    Planned,
    Prefill,
    Pulse,
    Request,
    Tokenize,
    Tokenized,
    Tokens,
)
from chatapp.engine.worker.outbox import Outbox

CONTEXT = 8192
HELD_SECONDS = 0.02
PROMPT = 1142
_ALIKE = 3
"""Words that all of several replies begin with."""
_SHAPE = {
    "size_bytes": 98_362_432,
    "parameters": 134_515_008,
    "vocabulary": 49_152,
    "layers": 30,
    "heads": 9,
    "kv_heads": 3,
    "embedding": 576,
}


class Metronome:
    """Reads requests and answers them at its pace."""

    def __init__(self, text: str, pace: float, hold: Path | None = None) -> None:
        """A metronome that says no more than the first word of a reply while the file `hold` is there."""
        self._words = re.findall(r"\s*\S+|\s+$", text)
        self._hold = hold
        self._pace = pace
        self._unpacker = Unpacker()
        self._heard: list[Request] = []
        self._say = Outbox(1).tell

    def run(self) -> None:
        """Until the end of input."""
        while True:
            match self._next(None):
                case Load() as request:
                    self._say(
                        Loaded(info=_info(request.options.path, request.options.n_ctx or CONTEXT), load_s=0.0)
                    )
                case Generate() as request:
                    self._speak(request)
                case GenerateMany() as request:
                    self._speak_many(request)
                case Count() as request:
                    self._say(Counted(id=request.id, tokens=sum(_planned(request).turns) + 3))
                case Plan() as request:
                    self._say(_planned(request))
                case Tokenize() as request:
                    ids = tuple(range(len(request.text.split())))
                    self._say(Tokenized(id=request.id, token_ids=ids))
                case Inspect() as request:
                    self._say(_inspected(request))
                case _:
                    pass

    def _speak(self, request: Generate) -> None:
        self._say(Prefill(id=request.id, done=PROMPT, total=PROMPT, kept=0))
        began = time.monotonic()
        spoken, reason = 0, StopReason.END
        for spoken, word in enumerate(self._words, 1):
            heard = self._wait(began + spoken / self._pace, may_be_held=spoken > 1)
            if isinstance(heard, Cancel) and heard.id == request.id:
                reason = StopReason.CANCELLED
                break
            self._say(Tokens(id=request.id, text=word, token_ids=(spoken,)))
        self._say(
            Finished(
                id=request.id,
                stop_reason=reason,
                prompt_tokens=PROMPT,
                reused_tokens=0,
                evaluated_tokens=PROMPT,
                generated_tokens=spoken,
                segments=(Segment(from_token=request.first_index, settings=request.settings, seed=request.seed),),
                timings=Timings(tokens_per_s=self._pace),
            )
        )

    def _speak_many(self, request: GenerateMany) -> None:
        """The same words for all; from the fourth on, each goes on somewhere else in the text."""
        self._say(Prefill(id=request.id, done=PROMPT, total=PROMPT, kept=0))
        began, count = time.monotonic(), len(request.ways)
        going = list(range(count))
        for spoken in range(1, len(self._words) + 1):
            heard = self._wait(began + spoken / self._pace, may_be_held=False)
            stopped = isinstance(heard, Cancel) and heard.id == request.id
            for way in going.copy():
                shift = 11 * (way + 1) if spoken > _ALIKE + way else 0
                word = self._words[(spoken - 1 + shift) % len(self._words)]
                if stopped or spoken == len(self._words) - 9 * way:
                    going.remove(way)
                    self._say(self._finished(request, way, len(going), spoken, StopReason.END))
                    continue
                record = _record(spoken, word, 0.9 / (way + 1))
                self._say(Tokens(id=request.id, text=word, token_ids=(spoken,), records=(record,), way=way))
            if not going:
                return

    def _finished(self, request: GenerateMany, way: int, going: int, spoken: int, reason: StopReason) -> Finished:
        wanted = request.ways[way]
        return Finished(
            id=request.id,
            stop_reason=reason,
            prompt_tokens=PROMPT,
            reused_tokens=0,
            evaluated_tokens=0 if way else PROMPT,
            generated_tokens=spoken,
            segments=(Segment(from_token=0, settings=wanted.settings, seed=wanted.seed),),
            timings=Timings(tokens_per_s=self._pace),
            way=way,
            going=going,
        )

    def _wait(self, due: float, *, may_be_held: bool) -> Request | None:
        """Until a word is due, or something is heard; a plan is answered on the way."""
        while True:
            heard = self._next(due - time.monotonic())
            if isinstance(heard, Plan):
                self._say(_planned(heard))
            elif heard is None and may_be_held and self._hold is not None and self._hold.exists():
                due = time.monotonic() + HELD_SECONDS
            else:
                return heard

    def _next(self, seconds: float | None) -> Request | None:
        """The next request; none when there is none in time."""
        while not self._heard:
            if seconds is not None and not select.select([0], [], [], max(0.0, seconds))[0]:
                return None
            data = os.read(0, 65536)
            if not data:
                sys.exit()
            for body in self._unpacker.feed(data):
                if isinstance(body, Piece):
                    continue
                request = REQUEST.validate_json(body)
                if isinstance(request, Ping):
                    self._say(Pulse(beats=0, busy=False))
                else:
                    self._heard.append(request)
        return self._heard.pop(0)


def _record(token: int, word: str, p: float) -> TokenRecord:
    return TokenRecord(
        id=token,
        hex=word.encode().hex(),
        logprob=-1,
        rank=1,
        entropy=1,
        p=p,
        kept=9,
        mass=1,
        log_z=0,
        stage="draw",
    )


def _planned(request: Plan | Count) -> Planned:
    """A token for each word, and five for what stands around a turn."""
    return Planned(id=request.id, turns=tuple(len(turn.content.split()) + 5 for turn in request.turns), opening=3)


def _inspected(request: Inspect) -> Inspected:
    """The tokens that `_planned` counts."""
    tokens: list[tuple[str, bool, int]] = []
    for owner, turn in enumerate(request.turns):
        tokens += [("<|im_start|>", True, owner), (turn.role, False, owner), ("\n", False, owner)]
        tokens += [(word, False, owner) for word in re.findall(r"\s*\S+", turn.content)]
        tokens += [("<|im_end|>", True, owner), ("\n", False, owner)]
    last = len(request.turns)
    tokens += [("<|im_start|>", True, last), ("assistant", False, last), ("\n", False, last)]
    return Inspected(
        id=request.id,
        token_ids=tuple(range(len(tokens))),
        texts=tuple(text for text, _, _ in tokens),
        special=tuple(place for place, (_, special, _) in enumerate(tokens) if special),
        owners=tuple(owner for _, _, owner in tokens),
    )


def _info(path: str, n_ctx: int) -> ModelInfo:
    return ModelInfo(
        name="SmolLM2 135M",
        path=path,
        fingerprint="metronome",
        tokenizer="metronome",
        architecture="llama",
        quantisation="Q4_1",
        n_ctx=n_ctx,
        n_ctx_train=CONTEXT,
        n_threads=1,
        flash_attention=True,
        reproducible=False,
        template="own",
        **_SHAPE,
    )


if __name__ == "__main__":
    script = Path(sys.argv[1])
    Metronome(script.read_text("utf-8"), float(sys.argv[2]), script.with_suffix(".hold")).run()
