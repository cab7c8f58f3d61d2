"""What this process asks of the operating system: its descriptors, its end, its processors. All OS specifics."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEBIBYTE = 2**20
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


def bound_by(memory: int, seconds: int) -> None:
    """Give this process so many bytes of memory and seconds of work, and no file to write."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End the process, with SIGPROF, if what happens meanwhile takes more work than that.

    The system does it, because Python code may hold the interpreter for as long as it likes.
    """
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


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
