"""What may be typed for reminders, the agenda, notes and memory. Imports nothing of ours, like the rest of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Commands = argparse._SubParsersAction  # noqa: SLF001  argparse has no public name for it
JSON = "one JSON document on standard output"


def add_agenda_commands(commands: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """The commands of the assistant."""
    _reminders(commands.add_parser("reminders", help="add, edit, list, done, snooze, due, export, import"), common)
    agenda = commands.add_parser("agenda", parents=[common], help="what is due, on today, and coming")
    agenda.add_argument("--json", action="store_true", help=JSON)
    note = commands.add_parser("note", parents=[common], help="keep a thought; list, search, show or delete notes")
    note.add_argument(
        "words", nargs="*", metavar="TEXT", help="the note; or list, search WORDS, show ID, delete ID, restore ID"
    )
    note.add_argument("--json", action="store_true", help=JSON)
    _memory(commands.add_parser("memory", help="what the assistant knows about you"), common)


def _reminders(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verb = _verbs(parser, common)
    add = verb("add", "in plain words: every first Monday at 9 pay the rent")
    add.add_argument("text", nargs="+", metavar="TEXT")
    add.add_argument("--zone", metavar="NAME", help="the IANA time zone that is meant (default: this machine's)")
    _yes(add, "create it without asking")
    edit = verb("edit", "say it anew: when, what, or both")
    edit.add_argument("id", metavar="ID")
    edit.add_argument("text", nargs="+", metavar="TEXT")
    _yes(edit, "change it without asking")
    verb("list", "the reminders, the soonest first").add_argument(
        "--all", action="store_true", help="those that are over, too"
    )
    for name, does in (("done", "it is dealt with"), ("delete", "delete it"), ("restore", "bring it back")):
        verb(name, does).add_argument("id", metavar="ID")
    snooze = verb("snooze", "put it off")
    snooze.add_argument("id", metavar="ID")
    snooze.add_argument(
        "until", nargs="*", metavar="WHEN", help="20 minutes, or tomorrow at 9 (default: 10 minutes)"
    )
    due = verb("due", "say what is due, each once; for cron and timers")
    due.add_argument("--notify", action="store_true", help="as a desktop notification, too")
    export = verb("export", "write a calendar file (.ics)")
    export.add_argument("file", nargs="?", metavar="FILE", help="default: standard output")
    load = verb("import", "read a calendar file (.ics)")
    load.add_argument("file", metavar="FILE")
    _yes(load, "import without asking")
    timer = verb("install-timer", "have reminders told while the app is closed")
    timer.add_argument("--print", dest="only_print", action="store_true", help="only show what would be written")
    _yes(timer, "install it without asking")


def _memory(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verb = _verbs(parser, common)
    verb("show", "the entries, each with its number, date and source")
    verb("edit", "open the file in your editor")
    verb("add", "remember something").add_argument("text", nargs="+", metavar="TEXT")
    verb("forget", "remove an entry").add_argument("number", type=int, metavar="NUMBER")


def _verbs(
    parser: argparse.ArgumentParser, common: argparse.ArgumentParser
) -> Callable[[str, str], argparse.ArgumentParser]:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(name: str, does: str) -> argparse.ArgumentParser:
        verb: argparse.ArgumentParser = verbs.add_parser(name, parents=[common], help=does)
        verb.add_argument("--json", action="store_true", help=JSON)
        return verb

    return add


def _yes(parser: argparse.ArgumentParser, does: str) -> None:
    parser.add_argument("--yes", action="store_true", help=does)
