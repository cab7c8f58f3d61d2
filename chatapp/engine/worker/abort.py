"""Stopping llama.cpp in the middle of an evaluation, and telling how far a batch has come.

llama.cpp asks a callback after each node of the compute graph whether to stop. While a reply is decoded that is
C's strlen on a buffer of ours: an empty string means go on, and no Python runs. While a prompt is read it is a
Python function, because the number of questions tells how much of the graph is done.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.engine.worker.process import strlen

_STOP, _GO_ON = b"\1", b"\0"


class Abort:
    """The switch that stops the running evaluation; any thread may pull it."""

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)
        self._address = ctypes.cast(self._flag, ctypes.c_void_p)
        self._strlen = ctypes.cast(strlen(), L.ggml_abort_callback)
        self._nodes = 0
        """Questions that the last whole evaluation asked."""
        self.spans: list[float] = []
        """Seconds that each node of the last whole evaluation took."""
        self.beats = 0
        """Grows while work goes on: with each node of a prompt, and with each token of a reply."""

    def attach(self, context: Any) -> None:
        """Let a context ask this switch."""
        L.llama_set_abort_callback(context, self._strlen, self._address)

    def request(self) -> None:
        """Stop what runs, and what is started before `reset`."""
        self._flag[0] = _STOP

    def reset(self) -> None:
        """Allow evaluations again."""
        self._flag[0] = _GO_ON

    @property
    def requested(self) -> bool:
        """Whether to stop."""
        return self._flag[0] == _STOP

    @contextmanager
    def deaf(self, context: Any) -> Iterator[None]:
        """While a token is evaluated that must not be stopped."""
        L.llama_set_abort_callback(context, L.ggml_abort_callback(), None)
        try:
            yield
        finally:
            self.attach(context)

    @contextmanager
    def watching(self, context: Any, tokens: range, progress: Callable[[int], None]) -> Iterator[None]:
        """While the tokens at these positions are evaluated: call `progress` with about the position reached."""
        spans: list[float] = []
        last = time.perf_counter()

        def asked(_data: Any) -> bool:
            nonlocal last
            spans.append(time.perf_counter() - last)
            self.beats += 1
            if self._nodes:
                progress(tokens.start + min(len(tokens) - 1, len(tokens) * len(spans) // self._nodes))
            last = time.perf_counter()
            return self.requested

        callback = L.ggml_abort_callback(asked)
        L.llama_set_abort_callback(context, callback, None)
        try:
            yield
            self._nodes, self.spans = len(spans), spans
        finally:
            self.attach(context)
