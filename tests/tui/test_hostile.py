"""Hostile text, wherever foreign text is shown: nothing of it reaches the terminal, and nothing of it is done.

The real app in a real terminal. Every payload comes by every way: in a reply, as a title, in a persona, as the
name of a model, in a question that is in the store, and pasted.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path

import pytest
import yaml
from engine.tiny_gguf import gguf
from hostile import LABELLED, PAYLOADS, label
from terminal import Terminal, assert_only_allowed

from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import Store

ROOT = Path(__file__).parents[2]
ALL = {label(number) for number in range(len(PAYLOADS))}
PAGE = range(50, 150)
"""The columns that the page has on a terminal of 200."""
MARKDOWN = "\n\n".join(LABELLED)


@pytest.fixture
def home(tmp_path):
    """An installation whose every file is hostile."""
    home = tmp_path / "home"
    _write_personas(home / "personas")
    _write_models(home / "models")
    asyncio.run(_write_sessions(home / "chats.db"))
    return home


def _write_personas(folder):
    folder.mkdir(parents=True)
    for number, payload in enumerate(LABELLED):
        _write_persona(folder / f"{number}.md", payload[:200], payload, f"{label(number)} says {payload}", payload)
    _write_persona(folder / "all.md", "All of it", "all", MARKDOWN, MARKDOWN)


def _write_persona(path, name, description, greeting, prompt):
    front = yaml.safe_dump({"name": name, "description": description, "greeting": greeting})
    path.write_bytes(f"---\n{front}---\n{prompt}\n".encode())


def _write_models(folder):
    folder.mkdir(parents=True)
    for number, payload in enumerate(LABELLED):
        # Some name themselves in their header, the others are named by their files.
        name = payload if number % 2 else None
        file = re.sub("[/\0]", "|", payload).encode()[:200].decode(errors="ignore")
        (folder / f"{file}.gguf").write_bytes(gguf({"general.name": name, "llama.context_length": number + 1}))


async def _write_sessions(path):
    store = await Store.open(path)
    for payload in LABELLED:
        session = await store.create_session(Persona(name="Plain"))
        await store.rename(session.id, payload)
    session = await store.create_session(Persona(name=LABELLED[0], greeting=MARKDOWN))
    _, reply = await store.begin_turn(session.id, None, MARKDOWN)
    failed = Provenance(detail=" ".join(LABELLED))
    await store.finish(reply.id, Status.ERROR, failed, text=MARKDOWN, token_ids=(1,))
    await store.close()


class Visitor:
    """Someone who goes through the app, and remembers which payloads were on the screen."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.seen = set()

    def look(self, size=0):
        """Let the app paint what is more than so many bytes, and read the screen."""
        deadline = time.monotonic() + 0.5
        while (now := len(self.terminal.raw)) == size and time.monotonic() < deadline:
            time.sleep(0.005)
        while now != size:
            size = now
            time.sleep(0.03)
            now = len(self.terminal.raw)
        self.seen |= set(re.findall(r"\bp\d\d\b", self.terminal.text()))

    def walk(self, key, most=200, *, stride=1):
        """Press a key until nothing changes; all that was seen on the way."""
        self.seen = set()
        self.look()
        for _ in range(most):
            before, size = self.terminal.text(), len(self.terminal.raw)
            self.terminal.press(*[key] * stride)
            self.look(size)
            if self.terminal.text() == before or self.seen >= ALL:
                break
        return self.seen

    def click(self, pattern):
        """Click on every place on the screen that a pattern matches."""
        places = [
            (found.start() + 2, y)
            for y, line in enumerate(self.terminal.lines, 1)
            for found in re.finditer(pattern, line)
            if PAGE.start <= found.start() < PAGE.stop
        ]
        for x, y in places:
            self.terminal.send(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m")
        self.look()
        return len(places)


def test_no_payload_reaches_the_terminal_or_does_anything(home, tmp_path):
    """One tour of the app: what is seen is harmless, and neither a click nor a paste does more than it should."""
    (tmp_path / "reply").write_bytes(MARKDOWN.encode())
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$@" >> {opened}\n')
    browser.chmod(0o755)
    argv = [sys.executable, str(ROOT / "tests/tui/hostile.py"), str(tmp_path / "reply")]
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "BROWSER": str(browser)}
    with Terminal([*argv, "--data-dir", str(home), "--continue"], size=(200, 60), env=env) as terminal:
        visitor = Visitor(terminal)
        terminal.wait_for("engine stopped", 20)
        _visit_everything(visitor)
        _paste_and_hear(visitor)
        _click_everywhere(visitor)
        terminal.press("ctrl+q")
        assert terminal.wait_exit(10) == 0
        assert_only_allowed(terminal.raw)
    assert not opened.exists()


def _visit_everything(visitor):
    terminal = visitor.terminal
    # The page: a greeting, a question, a reply and an error.
    assert visitor.walk("pageup") == ALL
    visitor.walk("pagedown")

    # The sessions beside it.
    terminal.press("ctrl+l")
    assert visitor.walk("down", stride=8) == ALL
    terminal.press("esc")

    # The personas: a list, and each one's prompt and greeting.
    terminal.press("ctrl+g")
    terminal.wait_for("apply here", 5)
    terminal.press("end")
    assert visitor.walk("up", stride=3) == ALL
    terminal.press("esc")

    # The models.
    terminal.press("ctrl+o")
    terminal.wait_for("make it the default", 5)
    assert visitor.walk("down", stride=3) == ALL
    terminal.press("esc")

    # The palette, group by group.
    terminal.press("ctrl+p")
    terminal.wait_for("sessions, settings, personas", 5)
    for group in ("sessions", "personas", "models"):
        while f"only {group}" not in terminal.text():
            terminal.press("tab")
            visitor.look()
        terminal.press("tab")
        assert visitor.walk("pagedown") == ALL, group
    terminal.press("esc")

    # Every key, with the model's name and path.
    terminal.press("f1")
    visitor.look()
    terminal.press("esc")


def _paste_and_hear(visitor):
    terminal = visitor.terminal
    terminal.send(f"\x1b[200~{MARKDOWN}\x1b[201~")
    assert len(visitor.walk("up")) == len(ALL)
    terminal.press("enter")
    terminal.wait_for("ready", 20)
    assert visitor.walk("pageup") == ALL
    terminal.press("ctrl+r")
    terminal.wait_for("‹2/2›", 20)
    terminal.wait_for("ready", 20)
    assert visitor.walk("pageup") == ALL


def _click_everywhere(visitor):
    """On all that looks as if it did something; only on the page, since a click on a session opens it."""
    clicked = 0
    for key in ["pagedown"] * 9:
        clicked += visitor.click(r"click=|quit me|leave me|new me|\blink\b|\brun\b|http|red")
        visitor.terminal.press(key)
        visitor.look()
    assert clicked > 20
    assert "All of it" not in visitor.terminal.text()
