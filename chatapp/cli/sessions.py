"""`chatapp sessions`: everything that is done with sessions as wholes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatapp.cli.erasing import purge
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import note, print_file, print_json, print_table
from chatapp.conversation.message import Message, Role
from chatapp.conversation.query import read_query
from chatapp.conversation.session import Session, SessionHead
from chatapp.engine.snapshots import Snapshots
from chatapp.errors import Refusal
from chatapp.exchange import format_named, import_file
from chatapp.home import Home
from chatapp.store import Hit, Store, StoreError
from chatapp.text import counted, display, display_line, repair


def run(arguments: argparse.Namespace) -> int:
    """One verb on the store."""
    try:
        asyncio.run(_run(arguments, open_home(arguments)))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    return 0


async def _run(arguments: argparse.Namespace, home: Home) -> None:
    store = await open_store(home)
    try:
        match arguments.verb:
            case "list":
                await _list(arguments, store)
            case "show":
                await _show(arguments, store)
            case "search":
                await _search(arguments, store)
            case "export":
                form = format_named(arguments.format)
                print_file(form.write(await store.session(arguments.id, with_traces=True)))
            case "import":
                await _import(arguments, store)
            case "purge":
                await purge(arguments, store)
            case "duplicate":
                _tell({"id": await store.duplicate(arguments.id)}, arguments)
            case verb:
                await _change(verb, arguments, store, home.snapshots)
    finally:
        await store.close()


async def _list(arguments: argparse.Namespace, store: Store) -> None:
    heads = await store.sessions(deleted=arguments.deleted, tag=repair(arguments.tag))
    if arguments.json:
        print_json([_head_as_json(head) for head in heads])
        return
    print_table(
        [
            (
                head.uid,
                _time(head.updated_ms)[:16],
                str(head.messages),
                " ".join([head.title, *_marked(head.tags)]),
            )
            for head in heads
        ]
    )


def _marked(tags: Iterable[str]) -> list[str]:
    return [f"#{tag}" for tag in tags]


def _head_as_json(head: SessionHead) -> dict[str, Any]:
    return {
        "id": head.uid,
        "title": head.title,
        "messages": head.messages,
        "updated": _time(head.updated_ms),
        "pinned": head.pinned,
        "tags": head.tags,
    }


async def _show(arguments: argparse.Namespace, store: Store) -> None:
    session = await store.session(arguments.id)
    trashed = session.uid in {head.uid for head in await store.sessions(deleted=True)}
    if trashed:
        note(f"This session is in the trash; to bring it back: chatapp sessions restore {session.uid}")
    if arguments.json:
        print_json({**_as_json(session), "in_trash": trashed})
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
            "edited_from": message.provenance.edited_from or None,
            "created": _time(message.created_ms) or None,
            "token_ids": message.token_ids,
            "perplexity": message.provenance.perplexity,
            "provenance": message.provenance.model_dump(mode="json") if message.role is Role.ASSISTANT else None,
        }

    return {
        "id": session.uid,
        "title": session.title,
        "persona": session.persona.model_dump(mode="json"),
        "tip": tip.uid if tip else None,
        "messages": [shape(message) for message in session.tree.all()],
    }


async def _change(verb: str, arguments: argparse.Namespace, store: Store, snapshots: Snapshots) -> None:
    session = await store.session(arguments.id)
    match verb:
        case "rename":
            if not (title := repair(arguments.title)).strip():
                raise Refusal("title", "A session cannot have an empty title; it keeps the one it has.")
            await store.rename(session.id, title)
        case "delete":
            await store.trash(session.id)
            snapshots.remove(session.uid)
        case "restore":
            await store.restore(session.id)
        case "pin":
            await store.pin_session(session.id, pinned=not arguments.off)
        case "tag":
            await store.tag(session.id, map(repair, arguments.tags), map(repair, arguments.remove))
            session = await store.session(session.uid)
            _tell({"id": session.uid, "tags": list(session.tags)}, arguments)
            return
    if arguments.json:
        print_json({"id": session.uid})


def _tell(said: dict[str, Any], arguments: argparse.Namespace) -> None:
    """One document, or its values on a line."""
    if arguments.json:
        print_json(said)
    else:
        values = (" ".join(value) if isinstance(value, list) else str(value) for value in said.values())
        sys.stdout.write(display_line("  ".join(values).rstrip()) + "\n")


async def _search(arguments: argparse.Namespace, store: Store) -> None:
    words: list[str] = arguments.words
    # The shell has taken the quotes off: of several words, one with a blank in it was a phrase.
    typed = words[0] if len(words) == 1 else " ".join(f'"{one}"' if " " in one else one for one in words)
    query = read_query(typed)
    for sentence in query.passed_over:
        note(sentence)
    hits = await store.search(query, max(1, arguments.limit))
    if arguments.json:
        print_json([_hit_as_json(hit) for hit in hits])
    else:
        print_table([(hit.session, _time(hit.created_ms)[:10], hit.title[:30], hit.snippet) for hit in hits])


def _path(arguments: argparse.Namespace) -> Path:
    return Path(arguments.file).expanduser()


def _hit_as_json(hit: Hit) -> dict[str, Any]:
    return {
        "session": hit.session,
        "message": hit.message,
        "role": hit.role,
        "snippet": hit.snippet,
        "title": hit.title,
        "created": _time(hit.created_ms) or None,
    }


async def _import(arguments: argparse.Namespace, store: Store) -> None:
    report = await import_file(None if arguments.preview else store, _path(arguments))
    for warning in report.warnings:
        note(warning)
    if arguments.json:
        print_json(
            {
                "sessions": report.sessions,
                "messages": report.messages,
                "warnings": report.warnings,
                "titles": report.titles,
                "system_prompts": report.systems,
            }
        )
        return
    many = len(report.titles)
    sessions, messages = counted(many, "session"), counted(report.messages, "message")
    verb = "would come" if arguments.preview else "came"
    note(f"{sessions} with {messages} {verb} in.")
    print_table([(uid, title) for uid, title in zip(report.sessions or [""] * many, report.titles, strict=True)])


def _time(milliseconds: int) -> str:
    """A moment of the clock here; empty for what came without one."""
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().isoformat(timespec="seconds")
