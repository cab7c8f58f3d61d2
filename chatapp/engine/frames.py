"""Frames on the pipe: a length of 4 bytes, big-endian, then that many bytes of JSON.

With the highest bit of the length set it is raw bytes instead: the number of the request that they belong to, of 8
bytes, then a piece of a KV state.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from chatapp.engine.protocol import MAX_FRAME

_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")
_RAW = 1 << 31


class FrameError(Exception):
    """The other side sent something that is not a frame."""


def pack(message: BaseModel) -> bytes:
    """One message as one frame."""
    body = message.model_dump_json().encode()
    return _LENGTH.pack(len(body)) + body


@dataclass(frozen=True)
class Piece:
    """Raw bytes that belong to a request."""

    kind: ClassVar[str] = "piece"
    id: int
    data: bytes


def pack_piece(number: int, data: bytes | memoryview) -> bytes:
    """Raw bytes for a request as one frame."""
    body = _NUMBER.pack(number) + data
    return _LENGTH.pack(len(body) | _RAW) + body


class Unpacker:
    """Cuts a stream of bytes, in whatever pieces it comes, into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes | Piece]:
        """Take more bytes; return the bodies that are now whole: JSON, or pieces.

        Raises:
            FrameError: for a length past MAX_FRAME, which no honest side sends.
        """
        self._buffer += data
        bodies: list[bytes | Piece] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            raw, length = length & _RAW, length & ~_RAW
            if length > MAX_FRAME or (raw and length < _NUMBER.size):
                raise FrameError(f"a frame of {length:,} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            body = bytes(memoryview(self._buffer)[_LENGTH.size : end])
            bodies.append(Piece(_NUMBER.unpack_from(body)[0], body[_NUMBER.size :]) if raw else body)
            del self._buffer[:end]
        return bodies
