"""Frames on the pipe: a length of 4 bytes, big-endian, then that many bytes of JSON."""

from __future__ import annotations

import struct

from pydantic import BaseModel

from chatapp.engine.protocol import MAX_FRAME

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other side sent something that is not a frame."""


def pack(message: BaseModel) -> bytes:
    """One message as one frame."""
    body = message.model_dump_json().encode()
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Cuts a stream of bytes, in whatever pieces it comes, into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the bodies that are now whole.

        Raises:
            FrameError: for a length past MAX_FRAME, which no honest side sends.
        """
        self._buffer += data
        bodies: list[bytes] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length:,} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
        return bodies
