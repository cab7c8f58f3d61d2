"""What this process asks of the operating system: its descriptors, its end, its processors. All OS specifics."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def isolate() -> int:
    """Keep the frames apart from all that is printed, and die with the parent.

    Returns:
        The private descriptor for frames; what native code prints to fd 1 goes to fd 2 from now on.
    """
    frames = os.dup(1)
    os.dup2(2, 1)
    os.environ["GGML_NO_BACKTRACE"] = "1"  # ggml would start gdb, where there is one, before it aborts
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the app's to answer
    _dump_no_core()
    _die_with_parent()
    return frames


def _dump_no_core() -> None:
    """A core would hold gigabytes of weights, and what was said."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with_parent() -> None:
    """Linux only, and best effort: elsewhere the end of fd 0 is the notice."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def strlen() -> Any:
    """The C library's strlen, as ctypes finds it."""
    library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    return library.strlen


def usable_cores() -> int:
    """Physical cores that this process may use: more compute threads than these only wait for each other."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = {_core_of(cpu) for cpu in os.sched_getaffinity(0)}
    return max(1, min(len(cores), _quota()))


def _core_of(cpu: int) -> str:
    """The hardware threads that share this processor's core, as the kernel lists them."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text("ascii")
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Processors' worth of time that a container grants, rounded up."""
    try:
        granted, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return math.ceil(int(granted) / int(period))
    except (OSError, ValueError):  # no such limit
        return os.cpu_count() or 1
