"""A file that a message brings along, and what the model is given of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from chatapp.conversation.document import Document, Span, Unit
from chatapp.text import display_line

NAME_LENGTH = 80
_UNCITABLE = str.maketrans({"[": "(", "]": ")", ":": "·"})
_GAP = "[…]"
_BY_PARTS = "(read part by part; the answer was made from all of it)"
_ASKED = "Answer from the files above, and after what you take from them name the place, as in"


class Given(StrEnum):
    """How much of a file the model is given."""

    WHOLE = "whole"
    BEGINNING = "beginning"
    PASSAGES = "passages"
    PARTS = "parts"
    """All of it, part by part, and what comes of the parts is brought together. Nothing of it is in the prompt."""
    EACH_PART = "each-part"
    """All of it, part by part, and what comes of the parts is put one after the other: a translation, for one."""

    @property
    def by_parts(self) -> bool:
        """Whether the model reads all of it, part by part."""
        return self in {Given.PARTS, Given.EACH_PART}

    @property
    def joined(self) -> bool:
        """Whether what comes of the parts follows one another as it is."""
        return self is Given.EACH_PART


@dataclass(frozen=True)
class Attachment:
    """A file as it was when it was attached."""

    name: str
    document: Document
    path: str = ""
    source: str = ""
    """The SHA-256 of the file that the document was read from."""
    size: int = 0
    """Bytes of that file."""
    modified_ns: int = 0
    """When that file was last changed."""
    given: Given = Given.WHOLE
    spans: tuple[Span, ...] = ()
    """What the model is given, where that is not the whole."""

    def __post_init__(self) -> None:
        """Refuse stretches that the document does not have.

        Raises:
            ValueError: when there are such.
        """
        length = len(self.document.text)
        inside = all(0 <= start <= end <= length for start, end in self.spans)
        if not inside or any(one[1] > two[0] for one, two in pairwise(self.spans)):
            raise ValueError("its stretches do not ascend within its text")

    @property
    def stretches(self) -> tuple[Span, ...]:
        """What the model is given, in passages of the document or parts of them."""
        return self.document.passages if self.given is Given.WHOLE else self.spans

    @property
    def characters(self) -> int:
        """How many characters the model is given."""
        return sum(end - start for start, end in self.stretches)


def citable_name(name: str, taken: Iterable[str] = ()) -> str:
    """A name on one line that can stand in a citation, and that no other file of the message has."""
    plain = display_line(name).translate(_UNCITABLE).strip()[:NAME_LENGTH] or "file"
    there, wanted, count = set(taken), plain, 2
    while wanted in there:
        wanted, count = f"{plain} ({count})", count + 1
    return wanted


def label(name: str, unit: Unit, place: int) -> str:
    """A place of a file as it is cited: `[notes.md:12]`, `[letter.pdf p. 3]`, `[plan.docx par. 4]`."""
    match unit:
        case Unit.LINE:
            return f"[{name}:{place}]"
        case Unit.PAGE:
            return f"[{name} p. {place}]"
        case Unit.PARAGRAPH:
            return f"[{name} par. {place}]"


def content(text: str, files: Sequence[Attachment]) -> str:
    """What the model is given of a message: its files, each place with its name before it, and then its words."""
    return f"{files_text(files)}{text}" if files else text


def files_text(files: Sequence[Attachment]) -> str:
    """The part of a message's content that comes from its files."""
    if not files:
        return ""
    written = "".join(f"File: {one.name}\n{_written(one)}\n\n" for one in files)
    example = next(
        (label(one.name, one.document.unit, _first(one)) for one in files if not one.given.by_parts), ""
    )
    return f"{written}{_ASKED} {example}.\n\n" if example else written


def _first(file: Attachment) -> int:
    return file.document.place_at(file.stretches[0][0]) if file.stretches else 1


def _written(file: Attachment) -> str:
    if file.given.by_parts:
        return _BY_PARTS
    document, lines, last = file.document, [], 0
    for start, end in file.stretches:
        if start > last:
            lines.append(_GAP)
        body = document.text[start:end]
        blank = len(body) - len(body.lstrip("\n"))
        place = document.place_at(min(start + blank, max(start, end - 1)))
        lines += [label(file.name, document.unit, place), body.strip("\n")]
        last = end
    if last < len(document.text):
        lines.append(_GAP)
    return "\n".join(lines)


# Citations --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Citation:
    """Words of a reply that name a place of a file."""

    start: int
    end: int
    file: Attachment
    place: int


def citations(text: str, files: Sequence[Attachment]) -> list[Citation]:
    """The citations in a text, in their order; a place that its file does not have is none."""
    by_name = {one.name.casefold(): one for one in files}
    if not by_name:
        return []
    names = "|".join(re.escape(one.name) for one in sorted(files, key=lambda one: -len(one.name)))
    pattern = rf"\[({names})(?::\s?|,?\s(?:p|page|par|paragraph|line)s?\.?\s)(\d{{1,9}})(?:\s?[-–]\s?\d{{1,9}})?\]"
    found = re.finditer(pattern, text, re.IGNORECASE)
    cited = (
        Citation(one.start(), one.end(), by_name[one[1].casefold()], int(one[2]))
        for one in found
        if one[1].casefold() in by_name
    )
    return [one for one in cited if one.file.document.span_of(one.place) is not None]


def shortened(file: Attachment, given: Given, spans: Iterable[Span] = ()) -> Attachment:
    """The file with another part of it given."""
    return replace(file, given=given, spans=() if given is Given.WHOLE else tuple(spans))


def beginning(document: Document, characters: int) -> tuple[Span, ...]:
    """The passages at the beginning, as many as so many characters hold; one in any case."""
    taken = [span for span in document.passages if span[1] <= characters]
    return tuple(taken or document.passages[:1])
