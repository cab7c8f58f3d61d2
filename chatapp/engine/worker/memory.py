"""What a loaded model takes in memory: llama.cpp's buffers by its own word, the process by the system's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from chatapp.engine.model import MemoryUse

_BUFFER = re.compile(r"(\S+) +(model|KV|RS|compute|output) buffer size = +([\d.]+) MiB")
_TERMS = {"model": "weights", "KV": "cache", "RS": "cache", "compute": "compute", "output": "compute"}
_RESIDENT = re.compile(r"VmRSS:\s+(\d+) kB")


def memory_use(lines: Iterable[str]) -> MemoryUse:
    """Add up the buffers that the lines of llama.cpp's log tell of; one that is made again counts once."""
    sizes: dict[tuple[str, str, str], int] = {}
    for line in lines:
        if (found := _BUFFER.search(line)) is not None:
            holder, kind, size = found.groups()
            sizes[line.partition(":")[0], holder, kind] = round(float(size) * 2**20)
    totals = dict.fromkeys(("weights", "cache", "compute", "device"), 0)
    mapped = any(holder.endswith("_Mapped") for _, holder, _ in sizes)
    for (_, holder, kind), size in sizes.items():
        if mapped and holder.endswith("_REPACK"):
            continue  # a copy, whose mapped original is not read again and can be dropped at no cost
        totals[_TERMS[kind]] += size
        if not holder.startswith("CPU") and not holder.endswith("_Host"):
            totals["device"] += size
    return MemoryUse(**totals, resident=_resident())


def _resident() -> int:
    try:
        found = _RESIDENT.search(Path("/proc/self/status").read_text("ascii"))
    except OSError:  # not Linux
        return 0
    return int(found[1]) * 1024 if found else 0
