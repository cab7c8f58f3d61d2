"""Tools in the main screen: switched on and off for a session, and what the model would write is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chatapp.calls import Proposal
from chatapp.conversation.session import Session
from chatapp.tools.offer import offers
from chatapp.tui.screens.preview import Preview

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

_WORDS = {"on": True, "off": False}


def switch_tools(screen: MainScreen, text: str) -> bool:
    """Offer tools in this session from the next message on, or no more; without a word, say how it stands.

    Returns:
        Whether the word was understood.
    """
    session, wanted = screen.chat.session, _WORDS.get(text.casefold())
    if text and wanted is None:
        return False
    if wanted is not None:
        session.persona = session.persona.model_copy(update={"tools": wanted})
        screen.run_worker(_keep(screen, session), group="tools")
    screen.notify(_standing(session), markup=False, timeout=8)
    return True


def _standing(session: Session) -> str:
    if offers(session):
        return "Tools are on: reading is free, and what would be written is shown to you first."
    if session.persona.tools:
        return "Tools are wished for, but replies are held to a form here: by a schema, a grammar or a task."
    return "Tools are off in this session. /tools on lets the model use them."


async def _keep(screen: MainScreen, session: Session) -> None:
    if session.id:
        with screen.page.trouble_told():
            await screen.desk.store.save_persona(session.id, session.persona)
    screen.page.plan_context()


async def agrees(screen: MainScreen, proposal: Proposal) -> bool:
    """Show what the model would write, by values that the app has read; nothing is written unless they agree."""
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def told(agreed: bool | None) -> None:
        if not answer.done():
            answer.set_result(bool(agreed))

    screen.app.push_screen(Preview(proposal.title, proposal.facts, proposal.verb), told)
    return await answer
