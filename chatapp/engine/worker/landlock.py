"""Linux's Landlock: a thread gives up, for good, what it will not need of the file system and the network.

The numbers are those of linux/landlock.h; https://docs.kernel.org/userspace-api/landlock.html describes them.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every processor
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# How many rights to files each version of the interface knows.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NOW = 16
_TCP, _TCP_SINCE = 0b11, 4
_ABSTRACT_SOCKETS_AND_SIGNALS, _SCOPES_SINCE = 0b11, 6


def version() -> int:
    """The version of the interface that this kernel offers; 0 for none."""
    if sys.platform != "linux":
        return 0
    with suppress(OSError):
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    return 0


def bars_tcp() -> bool:
    """Whether this kernel's rules reach TCP."""
    return version() >= _TCP_SINCE


class Ruleset:
    """Reading these files, and what lies in these folders, is all that will be allowed.

    Raises:
        OSError: when the kernel refuses, or a path is not there.
    """

    def __init__(self, readable: Iterable[Path]) -> None:
        offered = version()
        rights = (1 << _FILE_RIGHTS.get(offered, _FILE_RIGHTS_NOW)) - 1
        network = _TCP if offered >= _TCP_SINCE else 0
        scopes = _ABSTRACT_SOCKETS_AND_SIGNALS if offered >= _SCOPES_SINCE else 0
        attributes = struct.pack("QQQ", rights, network, scopes)
        self._descriptor = _call(_CREATE_RULESET, attributes, len(attributes), 0)
        for path in readable:
            self._allow(path)

    def _allow(self, path: Path) -> None:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
            _call(_ADD_RULE, self._descriptor, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)

    def enter(self) -> None:
        """Bind this thread, and those that it starts from now on.

        Raises:
            OSError: when the kernel refuses.
        """
        _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _call(_RESTRICT_SELF, self._descriptor, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    return _checked(_libc().syscall(number, *arguments))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
