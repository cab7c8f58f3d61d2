"""The command line: each command is a thin call into the rooms.

Exit status: 0 done, 1 failed with a clear message, 2 wrong usage, 130 interrupted. A value out of its range is a
failure for every flag alike, and with --json so is whatever is told as {"error"}.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from chatapp.cli.output import accept_any_character, fail
from chatapp.cli.parser import build_parser
from chatapp.errors import Refusal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    os.umask(0o077)
    accept_any_character()
    try:
        # Imported only now: --help and --version answer without the rooms behind the commands.
        status: int = import_module(f"chatapp.cli.{arguments.command or 'chat'}").run(arguments)
        sys.stdout.flush()
    except Refusal as refusal:
        return fail(refusal, as_json=getattr(arguments, "json", False))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away, which is its good right; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
