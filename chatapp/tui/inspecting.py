"""The way to the prompt as the model gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatapp.engine.client import EngineDied, EngineError
from chatapp.tui.prompt_lines import Shown, break_of
from chatapp.tui.screens.inspector import Inspector

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen


def inspect_prompt(screen: MainScreen) -> None:
    """The prompt as it stands, with what is being written."""
    if screen.app.screen is screen:
        screen.run_worker(_inspect(screen), group="inspect", exclusive=True)


async def _inspect(screen: MainScreen) -> None:
    chat = screen.chat
    try:
        prompt, tokens = await chat.room.inspect(screen.page.composer.text.strip("\n"), chat.files)
    except (EngineDied, EngineError) as error:
        screen.tell_trouble(f"There is no prompt to show without a model. {error}")
        return
    tip = chat.session.tree.tip()
    came = tip.provenance if tip is not None and tip.provenance.prompt_tokens else None
    why = break_of(chat.prompt, chat.cache, foreign=chat.foreign)
    screen.app.push_screen(Inspector(Shown(prompt, tokens, came, why)))
