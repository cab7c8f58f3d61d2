"""How every command opens the installation: from the command line, with a word about a broken settings file."""

from __future__ import annotations

import argparse

from chatapp.cli.output import note
from chatapp.cli.parser import wished_settings, with_flags
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.paths import Paths
from chatapp.store import Store


def open_home(arguments: argparse.Namespace) -> Home:
    """The folders and settings that the command works with."""
    try:
        home = Home.open(Paths.default(arguments.data_dir), wished_settings(arguments))
    except Refusal as refusal:
        raise Refusal(refusal.kind, with_flags(str(refusal))) from refusal
    if home.problem:
        note(home.problem)
    return home


async def open_store(home: Home) -> Store:
    """The chats; where they cannot be written or something of them is missing, with a word about it.

    Raises:
        StoreError: with a sentence, when they cannot be used.
    """
    store = await Store.open_as_possible(home.paths.database)
    for sentence in filter(None, (store.read_only, store.warning)):
        note(sentence)
    return store
