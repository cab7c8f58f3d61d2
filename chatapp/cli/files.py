"""The files that `chatapp ask` is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chatapp.attaching import fit_of, given_of
from chatapp.chat import Chat
from chatapp.cli.output import note
from chatapp.conversation.attachment import Attachment, Given, shortened
from chatapp.errors import Refusal
from chatapp.files import Unreadable, read_file, sentence
from chatapp.text import counted


async def read_files(paths: Sequence[str]) -> list[Attachment]:
    """The files, each under a name of its own.

    Raises:
        Refusal: when one of them cannot be read.
    """
    files: list[Attachment] = []
    for name in paths:
        path = Path(name)  # the shell knows what ~ means
        try:
            files.append(await read_file(path, [file.name for file in files]))
        except Unreadable as error:
            raise Refusal("file", sentence(path, error)) from error
    return files


async def fitted(chat: Chat, files: Sequence[Attachment], take: str | None, question: str) -> list[Attachment]:
    """The files as they are given to the model; what is not given of one is said.

    Raises:
        Refusal: when one does not fit, and nobody said what is to be given of it.
    """
    given: list[Attachment] = []
    for place, file in enumerate(files):
        fit = await fit_of(chat, file, question, given)
        if fit.fits or take == Given.WHOLE:
            given.append(file)
            continue
        if take is not None and Given(take).by_parts:
            given.append(shortened(file, Given(take)))
            continue
        if take is None:
            raise Refusal(
                "context",
                f"{file.name} has {counted(fit.tokens, 'token')}, and {fit.room:,} are free in the context window."
                " --take passages gives those that the question is about, --take beginning as much as fits,"
                " --take parts all of it, part by part.",
            )
        share = fit.room // (len(files) - place)
        part = await given_of(chat.engine, file, Given(take), question, share)
        given.append(part)
        note(_said(part))
    return given


def _said(file: Attachment) -> str:
    what = "its beginning" if file.given is Given.BEGINNING else "the passages that the question is about"
    share = file.characters / max(1, len(file.document.text))
    return f"Of {file.name}, the model reads {what}: {share:.0%}."
