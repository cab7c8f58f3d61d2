"""`chatapp sessions`: list, show, rename, delete, restore."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

from chatapp.cli.opening import open_home
from chatapp.cli.output import print_json, print_table
from chatapp.conversation.message import Message, Role
from chatapp.conversation.session import Session
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.store import Store, StoreError
from chatapp.text import display, display_line, repair


def run(arguments: argparse.Namespace) -> int:
    """One verb on the store."""
    try:
        asyncio.run(_run(arguments, open_home(arguments)))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    return 0


async def _run(arguments: argparse.Namespace, home: Home) -> None:
    store = await Store.open(home.paths.database)
    try:
        match arguments.verb:
            case "list":
                await _list(arguments, store)
            case "show":
                await _show(arguments, store)
            case verb:
                await _change(verb, arguments, store)
    finally:
        await store.close()


async def _list(arguments: argparse.Namespace, store: Store) -> None:
    heads = await store.sessions(deleted=arguments.deleted)
    if arguments.json:
        rows = [(head.uid, head.title, head.messages, _time(head.updated_ms)) for head in heads]
        print_json([dict(zip(("id", "title", "messages", "updated"), row, strict=True)) for row in rows])
        return
    print_table([(head.uid, _time(head.updated_ms)[:16], str(head.messages), head.title) for head in heads])


async def _show(arguments: argparse.Namespace, store: Store) -> None:
    session = await store.session(arguments.id)
    if arguments.json:
        print_json(_as_json(session))
        return
    sys.stdout.write(f"{display_line(session.title)}\n")
    for message in session.tree.path():
        mark = "› " if message.role is Role.USER else "  "
        body = display(message.text).replace("\n", "\n  ")
        sys.stdout.write(f"\n{mark}{body}\n")


def _as_json(session: Session) -> dict[str, Any]:
    tip = session.tree.tip()
    uids = {message.id: message.uid for message in session.tree.all()}

    def shape(message: Message) -> dict[str, Any]:
        return {
            "id": message.uid,
            "parent": uids.get(message.parent) if message.parent is not None else None,
            "role": message.role,
            "status": message.status,
            "kind": message.kind,
            "pinned": message.pinned,
            "text": message.text,
            "created": _time(message.created_ms),
            "token_ids": message.token_ids,
            "provenance": message.provenance.model_dump(mode="json") if message.role is Role.ASSISTANT else None,
        }

    return {
        "id": session.uid,
        "title": session.title,
        "persona": session.persona.model_dump(mode="json"),
        "tip": tip.uid if tip else None,
        "messages": [shape(message) for message in session.tree.all()],
    }


async def _change(verb: str, arguments: argparse.Namespace, store: Store) -> None:
    session = await store.session(arguments.id)
    match verb:
        case "rename":
            await store.rename(session.id, repair(arguments.title))
        case "delete":
            await store.trash(session.id)
        case "restore":
            await store.restore(session.id)
    if arguments.json:
        print_json({"id": session.uid})


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().isoformat(timespec="seconds")
