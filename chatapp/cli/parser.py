"""What may be typed. Imports nothing of ours but the version, so that --help answers at once."""

from __future__ import annotations

import argparse
from typing import Any

from chatapp import __version__
from chatapp.cli.agenda_parser import add_agenda_commands
from chatapp.cli.run_parser import add_run_flags
from chatapp.cli.sampling_parser import add_sampling_flags

EXPORT_FORMATS = ("native", "markdown", "text", "json", "openai", "sharegpt", "sillytavern", "preferences")


LOADING_FLAGS = ("threads", "context", "gpu_layers", "kv_type")
"""Flags that stand for settings of the same name."""


def with_flags(sentence: str) -> str:
    """A sentence about one of those settings, with the flag that was typed in the place of its name."""
    for name in LOADING_FLAGS:
        sentence = sentence.replace(f"‘{name}’", f"--{name.replace('_', '-')}")
    return sentence


_CHAT_FLAGS = {
    "--model": "model",
    "--persona": "persona",
    "--session": "session",
    "--continue": "continue_newest",
    "--temporary": "temporary",
    **{f"--{name.replace('_', '-')}": name for name in LOADING_FLAGS},
}


def wished_settings(arguments: argparse.Namespace) -> dict[str, int | str]:
    """The settings that were given as flags."""
    given = {name: getattr(arguments, name, None) for name in LOADING_FLAGS}
    return {name: value for name, value in given.items() if value is not None}


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # noqa: SLF001  generic only in stubs
    """The commands; a flag of the full-screen chat before one is refused: it would do nothing there."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        for flag, name in _CHAT_FLAGS.items():
            if (given := getattr(namespace, name)) is not None and given is not False:
                parser.error(f"{flag} is for the full-screen chat here; what ‘{values[0]}’ takes comes after it")
        super().__call__(parser, namespace, values, option_string)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data-dir", metavar="DIR", default=argparse.SUPPRESS, help="keep all of chatapp's files under DIR"
    )
    parser = argparse.ArgumentParser(
        prog="chatapp",
        description="Chat with a language model on your own machine. Without a command: the full-screen chat.",
    )
    # Not by `parents`, which share the very action: a default set here would be every command's, and undo what
    # was given before it.
    parser.add_argument("--data-dir", metavar="DIR", help="keep all of chatapp's files under DIR")
    parser.set_defaults(command=None)
    parser.add_argument("--version", action="version", version=f"chatapp {__version__}")
    _chat_flags(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", action=_Commands)
    _ask(commands.add_parser("ask", parents=[common], help="one reply, streamed to standard output"))
    _next(commands.add_parser("next", parents=[common], help="how the next token is decided, stage by stage"))
    _tokenize(commands.add_parser("tokenize", parents=[common], help="the tokens of a text"))
    _score(commands.add_parser("score", parents=[common], help="sort texts from standard input into labels"))
    batch = commands.add_parser("run", parents=[common], help="one persona over many inputs, one result each")
    add_run_flags(batch)
    _loading_flags(batch)
    _sessions(commands.add_parser("sessions", help="list, show, search, export, import, and more"), common)
    _personas(commands.add_parser("personas", help="list, show, new, import"), common)
    _presets(commands.add_parser("presets", help="list, show, save, delete sampling presets"), common)
    _models(commands.add_parser("models", help="list, show, add, fetch, choose models"), common)
    add_agenda_commands(commands, common)
    backup = commands.add_parser("backup", parents=[common], help="a verified copy of the chats")
    backup.add_argument("--json", action="store_true", help="one JSON document on standard output")
    restore = commands.add_parser("restore", parents=[common], help="put a backup in the place of the chats")
    restore.add_argument(
        "backup", nargs="?", metavar="BACKUP", help="number or path (default: the newest that is sound)"
    )
    restore.add_argument("--list", action="store_true", help="the backups there are; nothing is changed")
    restore.add_argument("--json", action="store_true", help="one JSON document on standard output")
    doctor = commands.add_parser("doctor", parents=[common], help="check that everything works")
    doctor.add_argument("--json", action="store_true", help="one JSON document on standard output")
    doctor.add_argument("--offline-check", action="store_true", help="also check that no socket is opened")
    return parser


def _chat_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="PATH_OR_NAME", help="the GGUF to chat with")
    parser.add_argument("--persona", metavar="NAME", help="start a session with this persona")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--session", metavar="ID", help="open this session")
    which.add_argument(
        "--continue", dest="continue_newest", action="store_true", help="open the session last used"
    )
    parser.add_argument("--temporary", action="store_true", help="write nothing to disk")
    _loading_flags(parser)


def _loading_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("loading", "each wins over the settings file")
    group.add_argument("--threads", type=int, metavar="N", help="compute threads; 0 takes the physical cores")
    group.add_argument("--context", type=int, metavar="N", help="context window in tokens; 0 lets chatapp choose")
    group.add_argument("--gpu-layers", type=int, metavar="N", help="layers on a GPU; -1 is all")
    group.add_argument("--kv-type", metavar="TYPE", help="of the KV cache: f16, q8_0 or q4_0")


def _ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", metavar="TEXT", help="what is piped in comes after it")
    parser.add_argument("--model", metavar="PATH_OR_NAME")
    parser.add_argument("--persona", metavar="NAME")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--session", metavar="ID", help="go on with this session")
    which.add_argument("--continue", dest="continue_newest", action="store_true", help="go on with the newest")
    parser.add_argument(
        "--save",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep it as a session, with the flags' settings; --session and --continue save unless told --no-save "
        "(default: not saved)",
    )
    parser.add_argument(
        "--file", metavar="PATH", action="append", default=[], help="a file for the model to read; again for more"
    )
    parser.add_argument(
        "--take",
        choices=("whole", "passages", "beginning", "parts", "each-part"),
        help="of a file that does not fit: all of it at once, what the question is about, as much as fits, or all "
        "of it part by part: parts brings together what comes of them, each-part leaves it as it is, as for a "
        "translation; both are saved, and the same command goes on after a stop",
    )
    parser.add_argument(
        "--system",
        metavar="TEXT",
        help="in place of the persona; empty sends none, and the model's template may add its own",
    )
    parser.add_argument("--no-memory", action="store_true", help="tell it nothing of what is remembered of you")
    parser.add_argument(
        "--tools", action="store_true", help="let it use tools: they read; what they would write is asked first"
    )
    parser.add_argument("--reproducible", action="store_true", help="bit-equal logits, about 12 %% slower")
    parser.add_argument(
        "--on-full",
        choices=("stop", "drop", "summarise"),
        help="when the context window is full: fail, leave the oldest turns out, or have the model sum them up",
    )
    parser.add_argument("--verbose", action="store_true", help="say on standard error what the reply took")
    parser.add_argument(
        "--logprobs", type=int, metavar="N", default=0, help="the log-probability of each token, and the top N"
    )
    parser.add_argument(
        "-n",
        dest="number",
        type=int,
        metavar="N",
        default=1,
        help="2 to 8 replies at once; with --json a line each",
    )
    parser.add_argument(
        "--differ",
        choices=("seed", "temperature", "preset"),
        default="seed",
        help="what several replies differ in (default: seed)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    _loading_flags(parser)
    add_sampling_flags(parser)


def _tokenize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="taken as it is; piped in without one")
    parser.add_argument("--model", metavar="PATH_OR_NAME")
    parser.add_argument("--special", action="store_true", help="names of special tokens stand for them")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    _loading_flags(parser)


def _next(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="taken as it is; piped in without one")
    parser.add_argument("--model", metavar="PATH_OR_NAME")
    parser.add_argument("--chat", action="store_true", help="as a question, in the model's chat template")
    parser.add_argument("--system", metavar="TEXT", default="", help="with --chat: a system prompt")
    parser.add_argument("--reproducible", action="store_true", help="bit-equal logits, about 12 %% slower")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    _loading_flags(parser)
    add_sampling_flags(parser)


def _score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--choices", metavar="A,B,…", required=True, help="the labels")
    parser.add_argument("--task", metavar="TEXT", help="the question, in place of which label fits best")
    parser.add_argument("--model", metavar="PATH_OR_NAME")
    parser.add_argument("--csv", action="store_true", help="CSV instead of JSON lines")
    parser.add_argument("--uncalibrated", action="store_true", help="leave the model's own leaning in")
    _loading_flags(parser)


def _sessions(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = _verb(verbs, common, "list", "the sessions, newest first")
    listing.add_argument("--deleted", action="store_true", help="those in the trash")
    listing.add_argument("--tag", default="", metavar="TAG", help="those with this tag")
    for verb, does in (
        ("show", "a session with every branch"),
        ("rename", "give a session another title"),
        ("delete", "move a session to the trash"),
        ("restore", "bring a session back from the trash"),
    ):
        _verb(verbs, common, verb, does).add_argument("id", metavar="ID")
    verbs.choices["rename"].add_argument("title", metavar="TITLE")
    for verb, does in (
        ("pin", "hold a session at the top of the list"),
        ("tag", "put tags on a session"),
        ("duplicate", "copy a session with every branch"),
        ("purge", "erase a session in the trash for good"),
    ):
        _verb(verbs, common, verb, does).add_argument("id", metavar="ID")
    verbs.choices["purge"].add_argument(
        "--backups",
        action="store_true",
        help="erase it from the backups too; for one that is gone already as well",
    )
    verbs.choices["pin"].add_argument("--off", action="store_true", help="let it go again")
    verbs.choices["tag"].add_argument("tags", metavar="TAG", nargs="*", help="tags to put on")
    verbs.choices["tag"].add_argument("--remove", metavar="TAG", action="append", default=[], help="take it off")
    search = _verb(verbs, common, "search", "find messages")
    search.add_argument(
        "words",
        metavar="WORDS",
        nargs="+",
        help='words, "phrases", begin*, OR, NOT, role: persona: model: tag: after: before:',
    )
    search.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default: 50)")
    export = _verb(
        verbs, common, "export", "write a session to standard output", "errors as JSON on standard output"
    )
    export.add_argument("id", metavar="ID")
    export.add_argument("--format", metavar="NAME", default="native", help=f"{', '.join(EXPORT_FORMATS)}")
    bring = _verb(verbs, common, "import", "take in sessions of chatapp and of other programs")
    bring.add_argument("file", metavar="FILE", help="its format is recognised by what is in it")
    bring.add_argument("--preview", action="store_true", help="say what would come, write nothing")


def _personas(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _verb(verbs, common, "list", "the shipped personas and your own")
    _verb(verbs, common, "show", "one persona as it is read").add_argument("name", metavar="NAME")
    _verb(verbs, common, "new", "write a starter file to edit").add_argument("name", metavar="NAME")
    bring = _verb(verbs, common, "import", "take in a persona file, or a character card as JSON or PNG")
    bring.add_argument("file", metavar="FILE")


def _presets(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _verb(verbs, common, "list", "the shipped presets and your own")
    _verb(verbs, common, "show", "the values of one preset").add_argument("name", metavar="NAME")
    saved = _verb(verbs, common, "save", "write the sampling flags as a preset of your own")
    saved.add_argument("name", metavar="NAME")
    saved.add_argument("--purpose", metavar="TEXT", default="", help="one line that says what it is for")
    saved.add_argument("--force", action="store_true", help="even if there is one of that name")
    add_sampling_flags(saved)
    deleted = _verb(verbs, common, "delete", "move a preset of your own to the trash")
    deleted.add_argument("name", metavar="NAME")


def _models(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _verb(verbs, common, "list", "the models found on this machine")
    shown = _verb(verbs, common, "show", "the anatomy of a model, and the memory it needs")
    shown.add_argument("name", metavar="NAME_OR_PATH")
    added = _verb(verbs, common, "add", "list a model that lies elsewhere, by a link in the models folder")
    added.add_argument("path", metavar="PATH")
    added.add_argument("--copy", action="store_true", help="copy it there instead")
    pulled = _verb(verbs, common, "pull", "fetch a model from the Hugging Face hub (needs the extra chatapp[hub])")
    pulled.add_argument("model", metavar="OWNER/NAME[:FILE]")
    default = _verb(verbs, common, "default", "start with this model from now on")
    default.add_argument("name", metavar="NAME_OR_PATH")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
    name: str,
    does: str,
    as_json: str = "one JSON document on standard output",
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, parents=[common], help=does)
    verb.add_argument("--json", action="store_true", help=as_json)
    return verb
