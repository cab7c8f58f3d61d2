"""What llama.cpp logs: warnings and errors go to fd 2, and the last of them are kept to explain a failure.

Of the rest only the sizes of its buffers are kept, because it tells them nowhere else.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections import deque
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812 - the name that all its code is written with

_WARNING, _ERROR, _CONTINUED = 3, 4, 5
_KEPT_LINES = 50
_FUNCTION_NAME = re.compile(r"^[a-z_0-9:~]+: ")

_lines: deque[tuple[int, str]] = deque(maxlen=_KEPT_LINES)
_last_level = 0
_buffers: deque[str] = deque(maxlen=_KEPT_LINES)


def _take(level: int, text: bytes, _user_data: Any) -> None:
    global _last_level  # noqa: PLW0603 - llama.cpp has one log for the whole process, and so have we
    level = _last_level if level == _CONTINUED else level
    _last_level = level
    if level in {_WARNING, _ERROR}:
        with contextlib.suppress(OSError):  # where fd 2 is a file, the sandbox lets it grow no more
            os.write(2, text)
        _lines.append((level, text.decode("utf-8", "replace").strip()))
    elif b" buffer size = " in text:
        _buffers.append(text.decode("utf-8", "replace").strip())


# The reference must live as long as llama.cpp may log; importing llama_cpp installed a callback of its own.
_callback = L.llama_log_callback(_take)
L.llama_log_set(_callback, ctypes.c_void_p(0))


def clear() -> None:
    """Forget what was logged so far."""
    _lines.clear()


def reason() -> str:
    """The errors since the last `clear` in words, without the names of C functions; empty when there are none.

    The first says what was wrong, later ones only that their caller failed too.
    """
    errors = [_FUNCTION_NAME.sub("", text) for level, text in _lines if level == _ERROR and text]
    return errors[0].removeprefix("error loading model: ") if errors else ""


def buffers() -> list[str]:
    """The last lines that tell the size of a buffer, in their order."""
    return list(_buffers)


def mentions(*words: str) -> bool:
    """Whether one kept line holds all these words."""
    return any(all(word in text for word in words) for _, text in _lines)
