"""`chatapp ask --take parts`: a file that does not fit, read whole; how far it is, and what came of each part."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chatapp.chat import Chat
from chatapp.cli.output import note
from chatapp.cli.progress import span
from chatapp.conversation.attachment import Attachment, Given
from chatapp.conversation.by_parts import ByParts, PartResult
from chatapp.conversation.message import Message, Status
from chatapp.conversation.persona import Persona
from chatapp.parts import Step, Worked
from chatapp.store import Store
from chatapp.text import counted, display_line

_BAR = 20
_ERASE = "\r\x1b[K"


def reads_by_parts(arguments: argparse.Namespace) -> bool:
    """Whether what does not fit is to be read part by part."""
    return bool(arguments.file) and arguments.take is not None and Given(arguments.take).by_parts


async def broken_off(
    arguments: argparse.Namespace, store: Store, persona: Persona, text: str, files: Sequence[Attachment]
) -> str | None:
    """The session in which the same command broke off, if it did."""
    if not reads_by_parts(arguments) or store.read_only:
        return None
    found = await store.parts.unfinished(text, [file.source for file in files], persona.digest)
    return found[0] if found else None


def reply_that_broke_off(chat: Chat, text: str, files: Sequence[Attachment]) -> Message | None:
    """The last reply of a session, where it answers the same question and did not come to its end."""
    tip = chat.session.tree.tip()
    asked = chat.session.tree.get(tip.parent or 0) if tip is not None else None
    if tip is None or asked is None or not tip.status.unfinished or asked.text != text:
        return None
    same = [(one.source, one.given) for one in asked.files] == [(one.source, one.given) for one in files]
    return tip if same and any(one.given.by_parts for one in files) else None


class PartsProgress:
    """Says on standard error how far the parts are: in one line on a terminal, else in one line for each."""

    def __init__(self, files: Sequence[Attachment]) -> None:
        self._files = {file.name: file for file in files}
        self._shown = sys.stderr.isatty()
        self._open = False

    def hear(self, event: object) -> None:
        """Tell of a step; other events pass."""
        if isinstance(event, Step) and self._shown:
            filled = _BAR * event.done // max(1, event.total)
            left = f"   {span(event.left_s)} left" if event.left_s is not None else ""
            bar = "━" * filled + "─" * (_BAR - filled)
            sys.stderr.write(
                f"{_ERASE}{bar} {self._where(event.round, event.place, event.of, event.file, event.span)}{left}"
            )
            sys.stderr.flush()
            self._open = True
        elif isinstance(event, Worked):
            self._worked(event)

    def _worked(self, event: Worked) -> None:
        result = event.result
        if result.problem:
            self.end()
            note(f"Part {result.place} of {result.of} failed: {result.problem}")
        elif not self._shown:
            where = self._where(result.round, result.place, result.of, result.file, (result.start, result.end))
            took = "was done before" if event.before else f"{counted(result.prompt_tokens, 'token')} read"
            note(f"{where}: {took}.")

    def _where(self, round_: int, place: int, of: int, file: str, stretch: tuple[int, int]) -> str:
        if round_:
            return f"bringing together, {place} of {of}" if of > 1 else "bringing together"
        return f"part {place} of {of}   {in_words(self._files[file], stretch)}"

    def end(self) -> None:
        """Leave the line behind."""
        if self._open:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
        self._open = False


def in_words(file: Attachment, stretch: tuple[int, int]) -> str:
    """The file, and the lines, pages or paragraphs of a stretch of it."""
    return f"{display_line(file.name)}, {file.document.in_words(stretch)}"


@contextmanager
def telling_how_made(chat: Chat, *, session: str | None) -> Iterator[None]:
    """Say at the end what a person should know of a reply that is made by parts, also of one that broke off."""
    try:
        yield
    finally:
        _tell_how_made(chat, session)


def _tell_how_made(chat: Chat, session: str | None) -> None:
    reply = chat.session.tree.tip()
    made = reply.provenance.by_parts if reply is not None else None
    if reply is None or made is None:
        return
    if reply.status in {Status.COMPLETE, Status.STOPPED} and reply.text:
        note(_made(made))
    else:
        kept = f"They are kept in session {session}: the same command goes on." if session else "Nothing was kept."
        note(f"Stopped: {made.done:,} of {made.parts:,} parts are done. {kept}")


def _made(made: ByParts) -> str:
    how = (
        "their results one after the other"
        if made.joined
        else f"brought together in {counted(made.rounds, 'round')}"
    )
    said = [f"Read in {counted(made.parts, 'part')}, {how}"]
    said += (
        [f"{made.kept:,} {'result was' if made.kept == 1 else 'results were'} there already"] if made.kept else []
    )
    said += [f"failed: {_numbers(made.failed)}"] if made.failed else []
    said += [f"broke off at their longest: {_numbers(made.cut_off)}"] if made.cut_off else []
    return "; ".join(said) + "."


def _numbers(parts: Sequence[int]) -> str:
    return ", ".join(map(str, parts[:12])) + (", …" if len(parts) > 12 else "")


async def parts_report(chat: Chat, reply: Message) -> dict[str, Any]:
    """The parts, for programs; empty where the reply was not made by parts."""
    made = reply.provenance.by_parts
    asked = chat.session.tree.get(reply.parent or 0)
    if made is None or asked is None:
        return {}
    files = {file.name: file for file in asked.files}
    results = await chat.store.parts.of(reply.id)
    return {"by_parts": made.model_dump(), "parts": [_part(files[one.file], one) for one in results]}


def _part(file: Attachment, result: PartResult) -> dict[str, Any]:
    places = file.document.places_of((result.start, result.end))
    kept = result.model_dump(exclude={"digest", "problem", "place"})
    error = {"error": {"kind": "part", "message": result.problem}} if result.problem else {}
    return {"part": result.place, **kept, f"{file.document.unit}s": list(places), **error}
