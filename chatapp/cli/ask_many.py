"""`chatapp ask -n N`: several replies at once, printed one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from chatapp.answering import seed_for
from chatapp.chat import Chat
from chatapp.cli.output import note, print_json
from chatapp.conversation.message import Message, Status, StopReason
from chatapp.conversation.sampling import Presets
from chatapp.conversation.variation import FEWEST, MOST, Differ, Variation, variations
from chatapp.errors import Refusal
from chatapp.text import display
from chatapp.turn import Bordered, Ended
from chatapp.ways import OfWay, WaysBegan, ask_many

Report = Callable[[Message], dict[str, Any]]


def check_number(number: int, *, with_files: bool) -> None:
    """Refuse a number of replies that is none.

    Raises:
        Refusal: when it is out of range, or files are to be read as well.
    """
    if number != 1 and with_files:
        raise Refusal("usage", "-n does not go with --file: ask about the file first, then go on with --session.")
    if number != 1 and not FEWEST <= number <= MOST:
        raise Refusal("range", f"-n takes {FEWEST} to {MOST} replies at once.")


def ways_of(chat: Chat, number: int, differ: Differ, presets: Presets) -> list[Variation]:
    """So many replies that differ so."""
    settings = chat.session.sampling().settings
    return variations(differ, number, settings, seed_for(settings), presets)


async def print_many(chat: Chat, text: str, wanted: list[Variation], report: Report | None) -> int:
    """Ask, print each reply as soon as those before it are printed; returns the exit status.

    Args:
        chat: The session.
        text: What is asked.
        wanted: The replies.
        report: Makes the JSON document of a reply; none prints for people.

    Raises:
        Refusal: when none of them came to anything.
    """
    tip = chat.session.tree.tip()
    ended: dict[int, Message] = {}
    replies: tuple[Message, ...] = ()
    printed = 0
    events = ask_many(chat, tip.id if tip else None, wanted, text=text, record=chat.record)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Bordered):
                note("The context window is full: the oldest messages are left out.")
            elif isinstance(event, WaysBegan):
                replies = event.replies
            elif isinstance(event, OfWay) and isinstance(event.event, Ended):
                ended[event.way] = event.event.reply
                while printed in ended:
                    _print(ended[printed], wanted[printed], printed, report)
                    printed += 1
    failed = next((reply for reply in replies if reply.status is Status.ERROR), None)
    if failed is not None:
        kind = "context" if failed.provenance.stop_reason is StopReason.CONTEXT_FULL else "engine"
        raise Refusal(kind, failed.provenance.detail)
    return 130 if any(reply.status is Status.INTERRUPTED for reply in replies) else 0


def _print(reply: Message, way: Variation, place: int, report: Report | None) -> None:
    if reply.status is Status.ERROR:
        return
    if report is not None:
        sampling = way.settings.model_dump(mode="json")
        print_json(report(reply) | {"way": place, "differs": way.title, "sampling": sampling})
    else:
        said = display(reply.text) if sys.stdout.isatty() else reply.text
        sys.stdout.write(f"{'' if not place else chr(10)}[{place + 1}] {way.title}\n{said.rstrip()}\n")
    sys.stdout.flush()
