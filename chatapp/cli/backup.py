"""`chatapp backup`: a verified copy of the chats, made while they are in use."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from chatapp.cli.opening import open_home
from chatapp.cli.output import print_json
from chatapp.errors import Refusal
from chatapp.home import short_path
from chatapp.store import Store, StoreError
from chatapp.store.backup import Backup, contents_of
from chatapp.text import display_line


def run(arguments: argparse.Namespace) -> int:
    """Make one backup, and say what is in it."""
    home = open_home(arguments)
    try:
        made = asyncio.run(_back_up(home.paths.database))
        held = contents_of(made.path)
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    if arguments.json:
        print_json(
            {
                "number": made.number,
                "path": str(made.path),
                "sessions": len(held.sessions),
                "messages": len(held.messages),
                "size": made.path.stat().st_size,
            }
        )
    else:
        sys.stdout.write(f"{held} are in {display_line(short_path(made.path))}\n")
    return 0


async def _back_up(database: Path) -> Backup:
    store = await Store.open_as_possible(database)
    try:
        return await store.back_up()
    finally:
        await store.close()
