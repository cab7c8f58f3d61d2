"""`chatapp sessions purge`: what lies in the trash is erased for good, and where it is asked from the backups."""

from __future__ import annotations

import argparse

from chatapp.cli.output import note, print_json
from chatapp.errors import Refusal
from chatapp.store import Gone, NoSuchSession, Store


async def purge(arguments: argparse.Namespace, store: Store) -> None:
    """Erase it, and name the copies that hold it still.

    Raises:
        Refusal: with `--backups`, when it could not be erased from one of them.
    """
    clean, gone, held = await _erase(arguments.id, store, from_backups=arguments.backups)
    left = dict.fromkeys(held, "")
    if arguments.backups:
        left = {str(one.path): one.why for one in await store.erase_from_backups(gone)}
        for path, why in left.items():
            note(f"A copy made before still holds it: {path}. {why}")
        if left and not arguments.json:
            raise Refusal("store", "It could not be erased from every copy made before.")
    if arguments.json:
        print_json({"id": gone.session, "log_is_clean": clean, "backups": list(left)})
    if not clean:
        note("Another window reads the chats: traces stay in the log of late writes until it closes.")
    if left and not arguments.backups:
        for path in left:
            note(f"A copy made before still holds it: {path}")
        note(f"To erase it there too: chatapp sessions purge {gone.session} --backups")


async def _erase(name: str, store: Store, *, from_backups: bool) -> tuple[bool, Gone, list[str]]:
    """Whether no trace is in the log, what was erased, and which copies hold it."""
    try:
        session = await store.session(name)
    except NoSuchSession:
        if not from_backups or not await store.held_in_backups(Gone(name)):
            raise
        return True, Gone(name), []
    purged = await store.purge(session.id)
    return purged.log_is_clean, purged.gone, [str(path) for path in purged.backups]
