"""What the engine's process gives up before it sees a model: a file by a stranger may take it over.

It reads one model and its own libraries; it writes nothing, starts nothing, connects to nothing, and its memory
has a limit. Best effort: what a system does not offer is said, not hidden. A GPU's driver needs much of it all, so
with one only core dumps are given up.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from pathlib import Path

import chatapp
from chatapp.engine.fit import need
from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import Header, read_header
from chatapp.engine.model import ModelOptions, Sandbox
from chatapp.engine.worker import landlock

_DESCRIPTORS = 64
_AIR = 2**30
_SYSTEM = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm", "/sys", "/usr/share/zoneinfo")
_FENCE = ("reads only the model and its libraries", "writes no file", "starts no program")


class Confinement:
    """Made once for a model; each thread that lives by then calls `enter`. `report` says what is in force."""

    def __init__(self, options: ModelOptions, *, gpu: bool) -> None:
        self._ruleset: landlock.Ruleset | None = None
        self._held = ["dumps no core"]
        self._missing: list[str] = []
        if gpu:
            self._missing.append("a fence and limits (a GPU's driver would not live with them)")
            return
        files, memory = _described(options)
        sys.dont_write_bytecode = True
        if hasattr(time, "tzset"):
            time.tzset()  # the last look at /etc/localtime
        self._limit(len(files), memory)
        self._build_fence(files)

    @property
    def report(self) -> Sandbox:
        """What the process has given up, and what it could not."""
        return Sandbox(held=tuple(self._held), missing=tuple(self._missing))

    def enter(self) -> None:
        """Bind the calling thread, and those that it starts from now on."""
        if self._ruleset is not None:
            self._ruleset.enter()

    def _limit(self, files: int, memory: int | None) -> None:
        try:
            import resource  # noqa: PLC0415 - not on Windows

            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS + files, _DESCRIPTORS + files))
            if memory is None:
                self._missing.append("a limit of memory")
                return
            most = _private_bytes() + memory
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
            self._held.append(f"takes at most {most / 1e9:.1f} GB of memory")
        except (ImportError, OSError, ValueError) as error:
            self._missing.append(f"limits ({error})")

    def _build_fence(self, files: list[Path]) -> None:
        if not landlock.version():
            self._missing.append("a fence around files, programs and network (this system has no Landlock)")
            return
        try:
            self._ruleset = landlock.Ruleset([*files, *_libraries()])
        except OSError as error:
            self._missing.append(f"a fence around files, programs and network (Landlock: {error.strerror})")
            return
        self._held += _FENCE
        if landlock.bars_tcp():
            self._held.append("opens no TCP connection")
        self._missing.append("a bar to UDP" if landlock.bars_tcp() else "a bar to TCP and UDP")


def _described(options: ModelOptions) -> tuple[list[Path], int | None]:
    """The model's files and its limit of memory; without a limit where llama.cpp will refuse it anyway."""
    path = Path(options.path)
    try:
        header = read_header(path)
    except NotAModel:
        return [path], None
    return [Path(file.path) for file in header.files], memory_limit(header, options)


def memory_limit(header: Header, options: ModelOptions) -> int:
    """The bytes that a model may take: twice what it needs, the states that wait, and some air.

    Twice, because the weights may be read instead of mapped and then repacked for this processor.
    """
    return 2 * (need(header, options).total + options.states_limit) + _AIR


def _libraries() -> list[Path]:
    """What Python and llama.cpp may read later: modules that are imported late, facts about the machine."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {Path(sysconfig.get_path(name)) for name in names}
    folders |= {Path(chatapp.__file__).parent, *map(Path, _SYSTEM)}
    return [folder for folder in sorted(folders) if folder.exists()]


def _private_bytes() -> int:
    """Memory of its own that this process holds now."""
    try:
        rows = Path("/proc/self/status").read_text("ascii").splitlines()
        return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmData:"))
    except (OSError, StopIteration):
        return 0
