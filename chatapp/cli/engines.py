"""One engine for one command: loaded with the user's settings, and ended with the command."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from chatapp.cli.opening import open_home
from chatapp.cli.output import note
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.loading import plan_load


def run_with_engine(
    arguments: argparse.Namespace, work: Callable[[argparse.Namespace, Home, Engine], Awaitable[int]]
) -> int:
    """Do what a command does with a loaded model; the exit status.

    Raises:
        Refusal: when the model cannot be loaded or cannot do it.
    """
    home = open_home(arguments)

    async def main() -> int:
        stop_on_signals()
        async with loaded(arguments, home) as engine:
            return await work(arguments, home, engine)

    try:
        return asyncio.run(main())
    except (EngineError, EngineDied) as error:
        raise Refusal("engine", str(error)) from error
    except asyncio.CancelledError:
        return 130


def stop_on_signals() -> None:
    """Let Ctrl+C and a polite kill cancel the present task."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    with suppress(NotImplementedError):  # Windows turns Ctrl+C into KeyboardInterrupt by itself
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, lambda: task and task.cancel())


@asynccontextmanager
async def loaded(arguments: argparse.Namespace, home: Home) -> AsyncIterator[Engine]:
    """An engine with the model that the command names."""
    engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
    try:
        model = home.model(arguments.model)
        plan = plan_load(home, model, reproducible=getattr(arguments, "reproducible", False))
        if plan.note:
            note(plan.note)
        await engine.ensure(plan.options)
        yield engine
    finally:
        await engine.close()
