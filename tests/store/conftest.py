"""A real database file for every test, and real processes beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import chatapp
from chatapp.conversation.persona import Persona
from chatapp.store import Store

ROOT = Path(chatapp.__file__).parents[1]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chats.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path)
    yield store
    await store.close()


@pytest.fixture
def persona() -> Persona:
    return Persona(name="Assistant", system="Be brief.")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `child.py` in a process of its own; whatever still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(mode: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("child.py")), mode, str(path), *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        running.append(child)
        return child

    yield begin
    for child in running:
        child.kill()
        child.communicate()
