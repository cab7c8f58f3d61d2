"""Programs that tests run in another process: `child.py MODE DATABASE [ARGUMENT]`. They report on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from itertools import count
from pathlib import Path

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import NotSaved, Store
from chatapp.store.lease import remove_dead

PIECE = "x" * 16_384


def say(*words: object) -> None:
    print(*words, flush=True)


async def stream(path: Path) -> None:
    """Stream a reply until somebody kills this process; every number said is on disk."""
    store = await Store.open(path)
    session = await store.create_session(Persona(name="Assistant"))
    _, reply = await store.begin_turn(session.id, None, "the question")
    say(session.uid)
    for index in count():
        await store.append(reply.id, f"{index} ", [index])
        say(index)
        await asyncio.sleep(0.001)


async def talk(path: Path, uid: str) -> None:
    """Say a hundred things in one session, as other processes do at the same time."""
    store = await Store.open(path)
    session = await store.session(uid)
    for index in range(25):
        asked, reply = await store.begin_turn(session.id, None, f"question {index}")
        await store.append(reply.id, "an answer", [1, 2])
        await store.finish(reply.id, Status.COMPLETE, Provenance())
        await store.activate(session.id, [(None, asked.id)])
    await store.close()


async def fill(path: Path) -> None:
    """Write until the file may not grow, make room, go on; say how many pieces were kept."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = await Store.open(path)
    session = await store.create_session(Persona(name="Assistant"))
    _, reply = await store.begin_turn(session.id, None, "the question")
    _, no_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, no_limit))
    kept = 0
    try:
        while kept < 1000:
            await store.append(reply.id, PIECE, [kept])
            kept += 1
    except NotSaved as error:
        say(error)
    with contextlib.suppress(NotSaved):
        await store.begin_turn(session.id, None, PIECE * 40)
        say("a turn was kept that cannot have been")
    resource.setrlimit(resource.RLIMIT_FSIZE, (no_limit, no_limit))
    await store.append(reply.id, PIECE, [kept])
    await store.finish(reply.id, Status.COMPLETE, Provenance())
    say(kept + 1)
    await store.close()


async def open_together(path: Path) -> None:
    """Open a database that is not there yet, at the same time as others do."""
    say("ready")
    while not (path.parent.parent / "go").exists():  # noqa: ASYNC110  the closest start there is
        await asyncio.sleep(0)
    store = await Store.open(path)
    session = await store.create_session(Persona(name="Assistant"))
    await store.close()
    say(session.uid)


async def sweep(folder: Path) -> None:
    """Clear dead leases away, over and over."""
    say("sweeping")
    while True:
        remove_dead(folder)


if __name__ == "__main__":
    mode, database, *rest = sys.argv[1:]
    program = {"stream": stream, "talk": talk, "fill": fill, "open": open_together, "sweep": sweep}[mode]
    asyncio.run(program(Path(database), *rest))
