"""What the model in place thinks of a text, token by token: read from the store, or found out by one prefill.

A reply that was not recorded, one that was imported, words that a person typed: each is scored as if the model had
said it where it stands, and what came of it is kept with the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatapp.chat import Chat
from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.lens import merged, perplexity
from chatapp.conversation.message import Message, Role
from chatapp.conversation.prompt import Turn, pieces
from chatapp.conversation.trace import Trace, pack
from chatapp.conversation.window import window_of
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Prefill
from chatapp.errors import Refusal
from chatapp.store import NotSaved
from chatapp.tools.offer import offer

TOP = 10
"""Candidates of each token that are kept."""


async def score(chat: Chat, message: Message, progress: Callable[[Prefill], None]) -> Trace:
    """How each token of a message would be decided where it stands; what was recorded of it stays as it was.

    Being cancelled stops it, and leaves everything as it was. A disk that refuses to keep it is no reason not to
    show it.

    Raises:
        Refusal: when there is no model, or it cannot score this.
    """
    if chat.engine.info is None or not chat.engine.alive:
        raise Refusal("engine", "Without a model there is nobody to ask about this text.")
    if not message.text and not message.token_ids:
        raise Refusal("empty", "There is nothing to score in an empty message.")
    last = message.provenance.segments[-1] if message.provenance.segments else None
    try:
        records = await chat.engine.look.score(
            _turns(chat, message),
            last.settings if last else None,
            seed=last.seed if last else 0,
            template=chat.session.persona.template,
            top=TOP,
            progress=progress,
        )
    except (EngineError, EngineDied) as error:
        raise Refusal("engine", str(error)) from error
    trace = merged(await chat.trace(message), _whole(message, records))
    await keep(chat, message, trace)
    return trace


async def keep(chat: Chat, message: Message, trace: Trace) -> None:
    """Keep a trace, and the perplexity that follows from it, with its message."""
    message.records = list(trace)
    value = perplexity(trace) if all(trace) else None
    message.provenance = message.provenance.model_copy(update={"perplexity": value})
    packed = await asyncio.to_thread(pack, trace)
    try:
        await chat.store.keep_trace(message.id, packed, message.provenance)
    except NotSaved:  # as in a store that may only be read
        return


def _whole(message: Message, records: tuple[TokenRecord, ...]) -> Trace:
    """One entry for each token: the first of all may have nothing before it, and no record then."""
    missing = max(0, len(message.token_ids) - len(records)) if message.token_ids else 0
    return [*([None] * missing), *records]


def _turns(chat: Chat, message: Message) -> list[Turn]:
    """What stands before the message in the context window, and then its text as one that the model says."""
    session = chat.session
    tokenizer = chat.engine.info.tokenizer if chat.engine.info else ""
    window = window_of(session.tree, session.tree.path_to(message.parent))
    before = pieces(session.persona, window.seen, tokenizer, tools=offer(session), summary=window.summary)
    ids = tuple(message.token_ids) if message.provenance.tokenizer == tokenizer else ()
    last = Turn(role=Role.ASSISTANT, content=message.text, token_ids=ids)
    return [*(piece.turn for piece in before), last]
