"""What the engine says, on its way into the pipe: tokens that come fast travel together.

A frame for each token would wake the app for each, and it would take from the cores that the model computes on:
at 150 tokens a second that costs a twentieth of the speed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

from pydantic import BaseModel

from chatapp.engine.frames import pack, pack_piece
from chatapp.engine.protocol import Tokens

GATHER_SECONDS = 1 / 15
"""A frame of the screen; tokens that are further apart than this travel alone."""


class Outbox:
    """Writes events to a descriptor, in order. The first token of a reply goes at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._gathered: list[Tokens] = []
        self._sent = 0.0
        self._writing = threading.Lock()

    def tell(self, event: BaseModel) -> None:
        """Send an event, or keep it a moment for the tokens that follow. Ends the process when nobody listens."""
        if isinstance(event, Tokens):
            self._gathered.append(event)
            if time.monotonic() - self._sent < GATHER_SECONDS:
                return
            self._send_tokens()
        else:
            self._send_tokens()
            self._write(pack(event))

    def tell_at_once(self, event: BaseModel) -> None:
        """Send an event between two others; any thread may."""
        self._write(pack(event))

    def send(self, number: int, data: memoryview) -> None:
        """Send raw bytes for a request."""
        self._write(pack_piece(number, data))

    def _send_tokens(self) -> None:
        if self._gathered:
            for way in sorted({event.way for event in self._gathered}):
                self._write(pack(_joined([event for event in self._gathered if event.way == way])))
            self._gathered.clear()
            self._sent = time.monotonic()

    def _write(self, packed: bytes) -> None:
        frame = memoryview(packed)
        try:
            with self._writing:
                while frame:
                    frame = frame[os.write(self._descriptor, frame) :]
        except OSError:
            os._exit(0)  # the app is gone


def _joined(events: Sequence[Tokens]) -> Tokens:
    """Those of one reply as one."""
    return Tokens.model_construct(
        id=events[0].id,
        text="".join(event.text for event in events),
        token_ids=tuple(token for event in events for token in event.token_ids),
        records=tuple(record for event in events for record in event.records),
        segments=tuple(segment for event in events for segment in event.segments),
        way=events[0].way,
    )
