"""Where a reply says that it has it from: the places that it cites, each with its passage, and the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from chatapp.conversation.attachment import Attachment, Citation
from chatapp.conversation.by_parts import PartResult
from chatapp.conversation.document import Document, Unit
from chatapp.home import short_path
from chatapp.tui.entries import file_facts
from chatapp.tui.screens.ledger import LedgerRow
from chatapp.tui.screens.ledger_screen import LedgerScreen
from chatapp.tui.screens.passage import PassageScreen

AROUND = 3
"""Lines or paragraphs that are shown before and after the one that is cited."""
_LONGEST = 4000
_WORDS = {Unit.LINE: "line", Unit.PAGE: "page", Unit.PARAGRAPH: "paragraph"}


class SourcesScreen(LedgerScreen):
    """The passages at the right are what the model was given, whatever became of the file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,o", "open", "read it there", id="sources.open"),
    ]

    def __init__(
        self, cited: Sequence[Citation], files: Sequence[Attachment], parts: Sequence[PartResult] = ()
    ) -> None:
        super().__init__("Sources", "This reply names no place of a file.")
        self._cited, self._files, self._parts = cited, files, parts

    async def fill(self) -> None:
        """The places first, then the files."""
        places = list({(one.file.name, one.place): one for one in self._cited}.values())
        groups = [
            ("cited", [_place(one) for one in places]),
            *self._rounds(),
            ("files", [_file(one) for one in self._files]),
        ]
        many = f"{len(places):,} cited" if places else "nothing is cited"
        if read := sum(one.round == 0 for one in self._parts):
            many = f"{read:,} parts   {many}"
        self.ledger.show(groups, aside=many, does=(("enter", "read it there"),))

    def _rounds(self) -> list[tuple[str, list[LedgerRow]]]:
        """What came of the parts, round by round; each row stands for a stretch of its file."""
        files = {file.name: file for file in self._files}
        rounds = sorted({one.round for one in self._parts})
        return [
            (
                "parts" if number == 0 else f"brought together, round {number:,}",
                [_part(files[one.file], one) for one in self._parts if one.round == number and one.file in files],
            )
            for number in rounds
        ]

    def action_open(self) -> None:
        """Open the document at the place."""
        here = self.ledger.here
        if here is None:
            return
        if isinstance(here.value, Citation | _Stretch):
            self.app.push_screen(PassageScreen(here.value.file, here.value.place))
        elif isinstance(here.value, Attachment):
            self.app.push_screen(PassageScreen(here.value, 1))

    def on_ledger_chosen(self) -> None:
        """A second click opens it, too."""
        self.action_open()


@dataclass(frozen=True)
class _Stretch:
    """Where a part begins."""

    file: Attachment
    place: int
    number: tuple[int, int]


def _part(file: Attachment, result: PartResult) -> LedgerRow:
    span = (result.start, result.end)
    facts = (
        ("of", f"{file.name}, {file.document.in_words(span)}"),
        ("prompt", f"{result.prompt_tokens:,} tokens, {result.reused_tokens:,} reused"),
        (
            "said",
            f"{result.generated_tokens:,} tokens" + (f", {result.stop_reason}" if result.stop_reason else ""),
        ),
    )
    return LedgerRow(
        _Stretch(file, file.document.place_at(result.start), (result.round, result.place)),
        f"{result.place:,} of {result.of:,}",
        file.document.in_words(span),
        right="failed" if result.problem else "",
        urgent=bool(result.problem),
        facts=facts,
        body=result.problem or result.text,
    )


def _place(cited: Citation) -> LedgerRow:
    document = cited.file.document
    return LedgerRow(
        cited,
        f"{_WORDS[document.unit]} {cited.place:,}",
        cited.file.name,
        facts=(("file", short_path(Path(cited.file.path)) if cited.file.path else "–"),),
        body=passage(document, cited.place),
    )


def _file(file: Attachment) -> LedgerRow:
    facts = (
        ("path", short_path(Path(file.path)) if file.path else "–"),
        ("sha-256", file.source or "–"),
        ("given", file.given),
    )
    return LedgerRow(
        file, "", file.name, right=file_facts(file, None), facts=facts, body=file.document.text[:_LONGEST]
    )


def passage(document: Document, place: int) -> str:
    """A place with what stands around it; a page stands for itself."""
    around = 0 if document.unit is Unit.PAGE else AROUND
    first, last = max(1, place - around), min(document.places, place + around)
    lines = []
    for number in range(first, last + 1):
        start, end = document.span_of(number) or (0, 0)
        mark = "▸ " if number == place and around else ""
        lines.append(f"{mark}{document.text[start:end].rstrip()}")
    return "\n".join(lines)[:_LONGEST]
