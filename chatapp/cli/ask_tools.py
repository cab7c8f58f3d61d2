"""`chatapp ask --tools`: what is printed of a reply that may call tools, and who agrees to what it would write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chatapp.calls import Proposal, Toolbox
from chatapp.chat import Chat
from chatapp.cli.asking import confirm
from chatapp.cli.opening import open_store
from chatapp.cli.output import note
from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.store import Store
from chatapp.text import display_line
from chatapp.tools.offer import offers
from chatapp.tools.reading import held


def with_tools(session: Session, *, wanted: bool) -> Session:
    """The session with tools on, if they are wanted."""
    if wanted:
        session.persona = session.persona.model_copy(update={"tools": True})
    return session


@asynccontextmanager
async def tools_for(chat: Chat, home: Home, store: Store, *, kept: bool) -> AsyncIterator[None]:
    """Let the model use tools, where they are offered: on the user's own chats, though this one be not kept."""
    if not offers(chat.session):
        yield
        return
    own = store if kept else await open_store(home)
    chat.toolbox = Toolbox(own, home.memory, _agrees)
    try:
        yield
    finally:
        if own is not store:
            await own.close()


async def _agrees(proposal: Proposal) -> bool:
    """Ask on the terminal; where there is none, nothing is written."""
    preview = "\n".join([f"{proposal.title}:", *(f"  {label:<9}{value}" for label, value in proposal.facts)])
    try:
        await asyncio.to_thread(confirm, preview, f"{proposal.verb.capitalize()}?", yes=False)
    except Refusal as refusal:
        note(str(refusal).removesuffix(" --yes confirms it beforehand."))
        return False
    return True


class Shown:
    """What is printed of a growing reply: nothing that may be a call, where replies can be."""

    def __init__(self, *, may_call: bool) -> None:
        self._may_call = may_call
        self._text = ""
        self._printed = 0

    def feed(self, text: str) -> str:
        """More was said; what of it is an answer, whatever follows."""
        self._text += text
        return self._up_to(held(self._text) if self._may_call else len(self._text))

    def end(self, reply: Message) -> str:
        """What was held back, now that the reply has ended and its calls are known."""
        calls = reply.provenance.calls
        return self._up_to(calls[0].begins if calls else len(self._text))

    def restart(self) -> str:
        """Another reply begins, and what was held back of the last was a call; text before that has its line."""
        said = self._printed > 0
        self._text, self._printed = "", 0
        return "\n" if said else ""

    def _up_to(self, end: int) -> str:
        shown = self._text[self._printed : end]
        self._printed = max(self._printed, end)
        return shown


def tell_calls(reply: Message) -> None:
    """Say which tools a reply has called, and what they gave."""
    for use in reply.provenance.calls:
        if use.outcome != "open":
            note(display_line(f"{use.name}  {use.asked}  →  {use.told}"))


def calls_report(chat: Chat, reply: Message) -> dict[str, Any]:
    """Every call of the turn that a reply ended; empty where tools are not offered."""
    if not offers(chat.session):
        return {}
    turn: list[Message] = []
    for message in reversed(chat.session.tree.path_to(reply.id)):
        if message.role is Role.USER:
            break
        turn.insert(0, message)
    uses = [use for message in turn for use in message.provenance.calls]
    return {"calls": [use.model_dump(mode="json", exclude={"begins"}) for use in uses]}
