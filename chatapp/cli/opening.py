"""How every command opens the installation: from the command line, with a word about a broken settings file."""

from __future__ import annotations

import argparse

from chatapp.cli.output import note
from chatapp.cli.parser import wished_settings
from chatapp.home import Home
from chatapp.paths import Paths


def open_home(arguments: argparse.Namespace) -> Home:
    """The folders and settings that the command works with."""
    home = Home.open(Paths.default(arguments.data_dir), wished_settings(arguments))
    if home.problem:
        note(home.problem)
    return home
