"""`chatapp score`: sorts texts, one a line, into labels, with probabilities that can be trusted as numbers.

The model is asked for the label, and the probabilities of the labels' first tokens are compared: one evaluation
for each text. What the model prefers whatever it reads is divided out: contextual calibration by content-free
texts (Zhao, Wallace, Feng, Klein and Singh, “Calibrate Before Use”, ICML 2021).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence

from chatapp.cli.engines import run_with_engine
from chatapp.cli.output import note
from chatapp.cli.progress import Progress
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.engine.client import Engine
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.text import cell, repair

CONTENT_FREE = ("N/A", "[MASK]", "…")
"""Texts that say nothing, as in the paper: what the model answers to them is its own leaning."""


def run(arguments: argparse.Namespace) -> int:
    """Label every line of standard input."""
    arguments.labels = [label.strip() for label in arguments.choices.split(",") if label.strip()]
    if len(arguments.labels) < 2:
        raise Refusal("usage", "--choices takes at least two labels: positive,negative.")
    if sys.stdin is None or sys.stdin.isatty():
        raise Refusal("usage", "Nothing to label: pipe texts in, one a line.")
    return run_with_engine(arguments, _score)


async def _score(arguments: argparse.Namespace, _home: Home, engine: Engine) -> int:
    labels: list[str] = arguments.labels
    texts = [repair(line) for line in sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()]
    texts = [text for text in texts if text.strip()]
    free = [await _chances(engine, arguments, text) for text in CONTENT_FREE]
    prior = [sum(column) / len(free) for column in zip(*free, strict=True)]
    writer = _Writer(arguments, labels)
    progress = Progress(len(texts))
    for text in texts:
        raw = await _chances(engine, arguments, text)
        weighted = raw if arguments.uncalibrated else [p / q for p, q in zip(raw, prior, strict=True)]
        writer.write(text, _normalised(weighted), _normalised(raw))
        progress.step()
    progress.end()
    if not texts:
        note("There was no text to label.")
    return 0


async def _chances(engine: Engine, arguments: argparse.Namespace, text: str) -> list[float]:
    """The probabilities of the labels, which add up to 1."""
    labels: list[str] = arguments.labels
    among = f"{', '.join(labels[:-1])} or {labels[-1]}"
    task = arguments.task or f"Which label fits this text best: {among}? Answer with the label only."
    turns = [Turn(role=Role.USER, content=f"{task}\n\nText: {text}\n\nLabel:")]
    logprobs = await engine.look.choose(turns, labels)
    return _normalised([math.exp(one) for one in logprobs])


def _normalised(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights] if total else [1 / len(weights)] * len(weights)


class _Writer:
    """Writes JSON lines, or CSV with a head."""

    def __init__(self, arguments: argparse.Namespace, labels: Sequence[str]) -> None:
        self._labels = labels
        self._csv = csv.writer(sys.stdout) if arguments.csv else None
        if self._csv:
            self._csv.writerow(["text", "label", *labels])

    def write(self, text: str, probabilities: Sequence[float], raw: Sequence[float]) -> None:
        best = self._labels[max(range(len(self._labels)), key=probabilities.__getitem__)]
        if self._csv:
            self._csv.writerow([cell(text), best, *(f"{p:.6f}" for p in probabilities)])
        else:
            line = {
                "text": text,
                "label": best,
                "probabilities": dict(zip(self._labels, probabilities, strict=True)),
                "uncalibrated": dict(zip(self._labels, raw, strict=True)),
            }
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
