"""`chatapp` without a command: the full-screen chat."""

from __future__ import annotations

import argparse
import sys

from chatapp.cli.parser import wished_settings
from chatapp.errors import Refusal


def run(arguments: argparse.Namespace) -> int:
    """Run the app in this terminal; returns its exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal("no_terminal", "This is not a terminal. For one reply in a script: chatapp ask TEXT.")
    # Textual takes a while to import, and is not needed to say no.
    from chatapp.tui.app import start  # noqa: PLC0415

    return start(arguments, wished_settings(arguments))
