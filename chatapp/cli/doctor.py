"""`chatapp doctor`: versions, folders, permissions, the store, and the engine on a few tokens."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import stat
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import apsw

from chatapp import __version__
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import print_json, print_table
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import Sandbox
from chatapp.engine.protocol import Finished
from chatapp.errors import Refusal
from chatapp.home import Home, short_path
from chatapp.loading import plan_load
from chatapp.store import StoreError
from chatapp.text import counted

PACKAGES = ("textual", "llama-cpp-python", "pydantic", "apsw", "jinja2")


@dataclass
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    what: str


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; exit status 1 when something is wrong."""
    home = open_home(arguments)
    checks = asyncio.run(_all(home, offline=arguments.offline_check))
    if arguments.json:
        print_json({"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]})
    else:
        print_table([("ok" if check.ok else "!!", check.name, check.what) for check in checks])
    return 0 if all(check.ok for check in checks) else 1


async def _all(home: Home, *, offline: bool) -> list[Check]:
    checks = [*_versions(), *_folders(home)]
    checks.append(await _checked("store", _store, home))
    checks += await _engine(home)
    if offline:
        checks.append(_no_sockets())
    return checks


async def _checked(name: str, check: Callable[[Home], Awaitable[str]], home: Home) -> Check:
    try:
        return Check(name, True, await check(home))
    except (StoreError, EngineError, EngineDied, Refusal) as error:
        return Check(name, False, str(error))


def _versions() -> list[Check]:
    checks = [Check("chatapp", True, f"{__version__}, Python {platform.python_version()}, {platform.platform()}")]
    for package in PACKAGES:
        try:
            checks.append(Check(package, True, version(package)))
        except PackageNotFoundError:
            checks.append(Check(package, False, "is not installed; run make setup"))
    return [*checks, Check("sqlite", True, apsw.sqlite_lib_version())]


def _folders(home: Home) -> list[Check]:
    paths = home.paths
    checks = []
    for name, folder in (("data", paths.data), ("config", paths.config), ("state", paths.state)):
        mode = stat.S_IMODE(folder.stat().st_mode)
        private = os.name != "posix" or not mode & 0o077
        word = "yours alone" if private else f"others can read it (mode {mode:o}); chmod 700 mends that"
        checks.append(Check(name, private and os.access(folder, os.W_OK), f"{short_path(folder)}, {word}"))
    return checks


async def _store(home: Home) -> str:
    store = await open_store(home)
    try:
        problem = store.read_only or await store.check()
        if problem:
            raise StoreError(problem)
        count = len(await store.sessions())
        return f"{short_path(home.paths.database)}, {counted(count, 'session')}, sound"
    finally:
        await store.close()


async def _engine(home: Home) -> list[Check]:
    """Whether the engine answers, and what its process is kept from."""
    engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
    try:
        checks = [await _checked("engine", lambda home: _answers(engine, home), home)]
        return [*checks, _sandbox(engine.info.sandbox)] if engine.info else checks
    finally:
        await engine.close()


async def _answers(engine: Engine, home: Home) -> str:
    model = home.model()
    began = time.monotonic()
    info = await engine.load(plan_load(home, model).options)
    loaded = time.monotonic() - began
    turns = [Turn(role=Role.USER, content="Say hello.")]
    settings = SamplingSettings(temperature=0, max_tokens=16)
    rate = 0.0
    async for event in engine.generate(turns, settings, 1):
        if isinstance(event, Finished):
            rate = event.timings.tokens_per_s
    attention = "on" if info.flash_attention else "off"
    return (
        f"{info.name} {info.quantisation}, loaded in {loaded:.2f} s, {rate:.0f} tok/s, "
        f"{info.n_threads} threads, flash attention {attention}"
    )


def _sandbox(sandbox: Sandbox) -> Check:
    """What the engine's process cannot do; a system that cannot bar something is no fault of the installation."""
    missing = f"; not in force: {', '.join(sandbox.missing)}" if sandbox.missing else ""
    return Check("sandbox", True, f"the engine {', '.join(sandbox.held)}{missing}")


def _no_sockets() -> Check:
    """Whether this process holds an internet socket, where the system tells."""
    if not sys.platform.startswith("linux"):
        return Check("offline", True, "this system does not tell which sockets are open")
    inodes = _held_sockets(os.getpid())
    internet: set[str] = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/self/net/{table}", encoding="ascii") as rows:  # noqa: PTH123  a kernel table, not a file
            internet |= {row.split()[9] for row in list(rows)[1:]}
    opened = inodes & internet
    return Check("offline", not opened, f"{len(opened)} internet sockets open" if opened else "no internet socket")


def _held_sockets(pid: int) -> set[str]:
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder's own descriptor is gone by now
            held.add(os.readlink(descriptor))  # noqa: PTH115  not a path: socket:[12345]
    return {name[8:-1] for name in held if name.startswith("socket:[")}
