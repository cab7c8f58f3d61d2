"""A chat with a scripted model that is stronger than the embedded one, on a real store."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from chatapp.calls import Toolbox
from chatapp.chat import Chat
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.engine.model import ModelOptions
from chatapp.memory import MemoryFile
from chatapp.store import Store

WORKER = Path(__file__).with_name("calling_worker.py")


class Held:
    """A chat, what was proposed in it, and what its model was asked."""

    def __init__(self, chat, folder):
        self.chat, self.folder = chat, folder
        self.proposals, self.agreed = [], False
        self.memory = chat.toolbox.memory
        chat.toolbox.agrees = self._agrees

    async def _agrees(self, proposal):
        self.proposals.append(proposal)
        return self.agreed

    async def say(self, text, **kwargs):
        """The events of a turn."""
        return [event async for event in self.chat.send(text, **kwargs)]

    def asked(self):
        lines = (self.folder / "script.asked").read_text().splitlines()
        return [json.loads(line) for line in lines]

    async def written(self):
        """All that any tool could have written."""
        agenda = self.chat.store.agenda
        return [*await agenda.reminders(), *await agenda.notes(), *self.memory.entries()]


@pytest.fixture
async def hold(tmp_path, model_path):
    """Begins a chat whose model says these replies."""
    held, closing = [], []

    async def start(*replies, persona=None):
        folder = tmp_path / str(len(held))
        folder.mkdir()
        (folder / "script.json").write_text(json.dumps(replies))
        store = await Store.open(folder / "chats.db")
        command = [sys.executable, "-P", str(WORKER), str(folder / "script.json")]
        engine = Engine(folder / "engine.log", command=command)
        persona = persona or Persona(name="Helper", system="Help.", tools=True)
        chat = Chat(await store.create_session(persona), store, engine, ModelOptions(path=str(model_path)))
        chat.toolbox = Toolbox(store, MemoryFile(folder / "memory.md"))
        closing.extend([engine, store])
        held.append(Held(chat, folder))
        return held[-1]

    yield start
    for one in closing:
        await one.close()
