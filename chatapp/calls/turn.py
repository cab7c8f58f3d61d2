"""A turn in which the model may call tools: call, result, answer.

Calls are taken from one place only: a reply that the model has just written itself, from its first token to its
end, to a message of the user or to what a tool gave in the same turn. Nothing that was loaded, imported, attached,
edited or continued is ever read for calls.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from chatapp.calls.toolbox import Toolbox
from chatapp.conversation.message import Message, Role, Status, StopReason
from chatapp.conversation.tool_use import ToolUse
from chatapp.tools.offer import offers
from chatapp.tools.reading import Found, Unreadable, calls_in
from chatapp.turn import Called, TurnEvent

if TYPE_CHECKING:
    from chatapp.answering import Answering

MOST_CALLS = 3
"""Calls in a turn."""
TOO_MANY = f"At most {MOST_CALLS} tools are used in a turn. Answer now."


async def answer_with_tools(
    chat: Answering, toolbox: Toolbox | None, reply: Message, asked: Message | None
) -> AsyncGenerator[TurnEvent, None]:
    """Write a reply that the store has begun; where it calls tools, what they give and the reply to that."""
    left = MOST_CALLS
    open_to_calls = toolbox is not None and offers(chat.session) and _follows_the_user(chat, reply)
    try:
        while True:
            chat.calls = left > 0 if open_to_calls else None
            async with aclosing(chat.answer(reply, asked)) as events:
                async for event in events:
                    yield event
            found = calls_in(reply.text) if open_to_calls and left > 0 and _is_its_own(reply) else None
            if found is None or toolbox is None:
                return
            async with aclosing(_carry_out(chat, toolbox, reply, found, left)) as carried:
                async for event in carried:
                    yield event
            left -= len(found.calls)
            reply, asked = await chat.store.begin_reply(chat.session.id, reply.id), None
    finally:
        chat.calls = None


async def _carry_out(
    chat: Answering, toolbox: Toolbox, reply: Message, found: Found, left: int
) -> AsyncGenerator[TurnEvent, None]:
    """Carry out the calls of a reply: they are kept with it before, and what they gave after."""
    uses = [_opened(call_name, arguments, found.begins) for call_name, arguments in _named(found)]
    yield await _keep(chat, reply, uses)
    for place, call in enumerate(found.calls):
        outcome, result = await toolbox.use(call, chat.session) if place < left else ("failed", TOO_MANY)
        uses[place] = uses[place].model_copy(update={"outcome": outcome, "result": result})
    yield await _keep(chat, reply, uses)


def _named(found: Found) -> list[tuple[str, dict[str, object]]]:
    return [
        (call.name or "a tool", {} if isinstance(call, Unreadable) else call.arguments.model_dump(mode="json"))
        for call in found.calls
    ]


def _opened(name: str, arguments: dict[str, object], begins: int) -> ToolUse:
    return ToolUse(name=name, arguments=arguments, begins=begins)


async def _keep(chat: Answering, reply: Message, uses: list[ToolUse]) -> Called:
    reply.provenance = reply.provenance.model_copy(update={"calls": tuple(uses)})
    await chat.store.keep_calls(reply)
    return Called(reply)


def _follows_the_user(chat: Answering, reply: Message) -> bool:
    parent = chat.session.tree.get(reply.parent) if reply.parent is not None else None
    return parent is not None and parent.role is Role.USER


def _is_its_own(reply: Message) -> bool:
    """Whether the model wrote all of it, and ended it itself."""
    came = reply.provenance
    whole = reply.status is Status.COMPLETE and came.stop_reason is StopReason.END
    return whole and not came.continued_from and not came.chosen and not came.edited_from
