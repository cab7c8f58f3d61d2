"""`chatapp reminders install-timer`: shows what it would write and run, asks, and does it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from chatapp.agenda.timer import Timer, timer
from chatapp.cli.asking import confirm
from chatapp.cli.output import note, print_json
from chatapp.errors import Refusal
from chatapp.home import short_path
from chatapp.paths import Paths
from chatapp.text import display


def install(arguments: argparse.Namespace) -> int:
    """Install the timer of this system, for this Python and this data folder."""
    command = [sys.executable, "-m", "chatapp", "reminders", "due", "--notify"]
    if arguments.data_dir:
        command += ["--data-dir", str(Paths.default(arguments.data_dir).data)]
    if any("\n" in word for word in command):
        raise Refusal("timer", "A folder with a line break in its name cannot stand in a timer.")
    made = timer(command, Path.home())
    if made is None:
        raise Refusal("timer", f"No timer is known for this system. Let it run this once a minute: {command}")
    if arguments.only_print:
        _show(made, as_json=arguments.json)
        return 0
    confirm(_preview(made), "Install this timer?", yes=arguments.yes)
    _write(made)
    failed = _start(made)
    if arguments.json:
        print_json({"files": [str(path) for path in made.files], "started": not failed, "remove": made.removal})
    note(f"{failed} The files are written." if failed else f"The timer runs. To remove it: {made.removal}")
    return 1 if failed else 0


def _preview(made: Timer) -> str:
    parts = [f"{short_path(path)}\n\n{text}" for path, text in made.files.items()]
    return "\n".join([*parts, "then:", *(f"  {' '.join(command)}" for command in made.start)])


def _show(made: Timer, *, as_json: bool) -> None:
    if as_json:
        files = {str(path): text for path, text in made.files.items()}
        print_json({"files": files, "start": made.start, "remove": made.removal})
    else:
        sys.stdout.write(display(_preview(made)) + "\n")


def _write(made: Timer) -> None:
    try:
        for path, text in made.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise Refusal("timer", f"{error.filename} cannot be written ({error.strerror}).") from error


def _start(made: Timer) -> str:
    """Start it; what went wrong, as a sentence, or nothing."""
    for command in made.start:
        try:
            subprocess.run(command, check=True, timeout=30, capture_output=True)
        except (OSError, subprocess.SubprocessError) as error:
            return f"‘{' '.join(command)}’ failed ({error})."
    return ""
