"""In reproducible mode what a person reads in the terminal app is, token for token, what llama.cpp would say."""

from __future__ import annotations

from functools import partial

import pytest
from bare_loop import COUNT, PROMPTS, SYSTEM, TOKENS
from person import Person

from chatapp.conversation.message import Role
from chatapp.paths import Paths
from chatapp.tui import loader
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start

PERSONA = f"""---
name: Plain
sampling:
  temperature: 0.0
  max_tokens: {TOKENS}
---
{SYSTEM}
"""
TYPED = COUNT if COUNT > 10 else 5
PATIENCE = 120
"""Seconds: a long prompt on a busy machine."""


@pytest.mark.timeout(1800)
async def test_greedy_replies_in_the_app_equal_a_bare_loops(bare, tmp_path, monkeypatch):
    """Pasted into the composer, a session each."""
    monkeypatch.setattr(loader, "plan_load", partial(loader.plan_load, reproducible=True))
    paths = Paths.default(tmp_path / "home")
    paths.create()
    (paths.personas / "plain.md").write_text(PERSONA)
    paths.settings.write_text('persona = "Plain"')
    app = ChatApp(paths, Start())
    async with app.run_test(size=(100, 30)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.furnished.is_set())
        await person.until(lambda: person.desk.model.ready, PATIENCE)
        try:
            for question in PROMPTS[:TYPED]:
                await person.say(question)
                await person.until(lambda: len(person.chat.session.tree) == 2 and person.idle, PATIENCE)
                check(bare, person)
                await person.press("ctrl+n")
                await person.until(lambda: len(person.chat.session.tree) == 0)
            heads = await person.heads()
            assert len(heads) == TYPED
        finally:
            await app.action_leave()


def check(bare, person):
    """The reply in view is what the bare loop says to the message above it, as that was kept."""
    asked, reply = person.chat.session.tree.path()
    assert asked.role is Role.USER
    assert reply.provenance.reproducible
    assert reply.token_ids == bare.reply(bare.prompt(asked.text)), asked.text
