"""KV states on their way through the pipe, in pieces: so a reply or a Stop never waits for megabytes."""

from __future__ import annotations

import os

from chatapp.engine.frames import Piece
from chatapp.engine.protocol import GiveState, KeepState, ReadState
from chatapp.engine.worker.states import State


class Parcels:
    """One state that the app reads, and those that it is sending.

    `begin` and `add` are called by the reader's thread, the rest by the main thread after it.
    """

    def __init__(self) -> None:
        self._outgoing = memoryview(b"")
        self._incoming: dict[int, tuple[GiveState, bytearray]] = {}

    def offer(self, state: State | None) -> None:
        """Let the app read this one; the one before is forgotten."""
        self._outgoing = memoryview(state.data if state else b"")

    def cut(self, request: ReadState) -> memoryview:
        """The piece that is asked for; when it is the last one, the state is forgotten."""
        end = request.start + request.length
        piece = self._outgoing[request.start : end]
        if end >= len(self._outgoing):
            self._outgoing = memoryview(b"")
        return piece

    def begin(self, request: GiveState) -> None:
        """A state is to come."""
        self._incoming[request.id] = (request, bytearray())

    def add(self, piece: Piece) -> None:
        """A piece of one has come; one that gets larger than was said is let go."""
        if piece.id in self._incoming:
            request, data = self._incoming[piece.id]
            if len(data) + len(piece.data) > request.size:
                del self._incoming[piece.id]
            else:
                data += piece.data

    def take(self, request: KeepState, vocabulary: int) -> State | None:
        """A state that has come as a whole; none when it is not sound.

        Args:
            request: The app's word about it.
            vocabulary: How many token ids there are.
        """
        given, data = self._incoming.pop(request.id, (None, bytearray()))
        if given is None or not request.sound:
            return None
        ids = list(given.token_ids)
        if len(data) != given.size or given.batched > len(ids) or not all(0 <= one < vocabulary for one in ids):
            os.write(2, b"chatapp: a KV state that was given is not what was said about it; it is not used\n")
            return None
        return State(ids, given.batched, data)
