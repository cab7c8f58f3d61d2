"""Memory that this machine, or the container that we are in, has left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("memory.max", "memory.current", "inactive_file")


def available_memory() -> int | None:
    """Bytes that can be taken before something is swapped out or killed; None where the system does not tell."""
    try:
        system: int = psutil.virtual_memory().available
    except (OSError, RuntimeError, psutil.Error):
        return None
    return max(0, min([system, *_granted(_CGROUPS, _MEMBERSHIP)]))


def _granted(root: Path, membership: Path) -> Iterator[int]:
    """What each limit leaves, of the control groups (Linux) that this process is in."""
    try:
        groups = [line.split(":", 2) for line in membership.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):  # no such thing here
        return
    for _, controllers, path in filter(lambda parts: len(parts) == 3, groups):
        if not controllers:
            yield from _left_of(root, path, _V2)
        elif "memory" in controllers.split(","):
            yield from _left_of(root / "memory", path, _V1)


def _left_of(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[int]:
    """What the limits of a group and of those around it leave; cached files can be dropped, and count as free."""
    limit_name, usage_name, cached_name = names
    folder = root / path.strip("/")
    for group in (folder, *folder.parents):
        if not group.is_relative_to(root):
            return
        try:
            limit, used = (int((group / name).read_text("ascii")) for name in (limit_name, usage_name))
            stat = dict(line.split() for line in (group / "memory.stat").read_text("ascii").splitlines())
        except (OSError, ValueError):  # no limit ("max"), or not ours to see
            continue
        yield limit - used + int(stat.get(cached_name, 0))
