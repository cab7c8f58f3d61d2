"""DOCX, paragraph by paragraph: its words, in the order of the document, tables and notes with them.

A DOCX is an archive of XML. Only the members with words are opened, in memory; nothing is unpacked to disk,
nothing that they refer to is fetched, and a member that declares entities is refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, iterparse

from chatapp.conversation.document import Document, Unit
from chatapp.files.errors import TEXT_LIMIT, Unreadable
from chatapp.text import repair

MEMBER_LIMIT = 64 * 2**20
"""Bytes of XML."""
_MEMBERS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"


def read_docx(data: bytes) -> Document:
    """The text of a DOCX.

    Raises:
        Unreadable: when it is broken, encrypted or a bomb, or holds no text.
    """
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    for paragraph in _all_paragraphs(data):
        starts.append(length)
        parts.append(f"{repair(paragraph)}\n")
        length += len(parts[-1])
        if length > TEXT_LIMIT:
            raise Unreadable(f"it holds more than {TEXT_LIMIT // 10**6} million characters")
    if not starts:
        raise Unreadable("it holds no text")
    return Document("".join(parts), Unit.PARAGRAPH, tuple(starts))


def _all_paragraphs(data: bytes) -> Iterator[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            if _MEMBERS[0] not in names:
                raise Unreadable("it is no Word document")
            for name in _MEMBERS:
                if name in names:
                    yield from _paragraphs(_member(archive, name))
    except (zipfile.BadZipFile, zlib.error, ParseError, NotImplementedError, EOFError, OSError) as error:
        raise Unreadable("it is a broken Word document") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The whole member; its size is measured, whatever the archive says of it."""
    if archive.getinfo(name).flag_bits & 1:
        raise Unreadable("it is encrypted; save a copy without a password")
    with archive.open(name) as member:
        content = member.read(MEMBER_LIMIT + 1)
    if len(content) > MEMBER_LIMIT:
        raise Unreadable("it unfolds to far more than a document holds")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content[:64]:
        raise Unreadable("it declares entities, which no Word document does")
    return content


def _paragraphs(content: bytes) -> Iterator[str]:
    """The words of each paragraph that has any; what it holds is forgotten once it was read."""
    words: list[list[str]] = []
    for event, element in iterparse(io.BytesIO(content), ("start", "end")):  # noqa: S314  it declares no entities
        tag = _local(element)
        if event == "start":
            if tag == "p":
                words.append([])
        elif tag == "p":
            text = "".join(words.pop()).strip()
            element.clear()
            if text:
                yield text
        elif words:
            words[-1].append(_said(tag, element))


def _said(tag: str, element: Element) -> str:
    match tag:
        case "t":
            return element.text or ""
        case "tab":
            return "\t"
        case "br" | "cr":
            return "\n"
        case _:
            return ""


def _local(element: Element) -> str:
    tag = element.tag
    for space in (_WORD, _STRICT):
        if tag.startswith(space):
            return tag[len(space) :]
    return ""
