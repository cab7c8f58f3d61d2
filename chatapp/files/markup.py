"""HTML: the words that a browser would show, paragraph by paragraph."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from chatapp.conversation.document import Document, Unit
from chatapp.files.errors import Unreadable
from chatapp.files.plain import decoded, within_limit
from chatapp.text import repair

_UNSEEN = frozenset({"script", "style", "head", "template", "noscript", "svg", "iframe", "object"})
_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "br", "dd", "details", "dialog", "div", "dl", "dt"),
        *(
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
        ),
        *("li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tr", "ul"),
    ]
)
_CELLS = frozenset({"td", "th"})
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)


def read_html(data: bytes) -> Document:
    """The text of a web page.

    Raises:
        Unreadable: when it is no text, or shows none.
    """
    words = _Words()
    words.feed(within_limit(_decoded(data)))
    words.close()
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    for paragraph in words.paragraphs():
        starts.append(length)
        parts.append(f"{paragraph}\n")
        length += len(parts[-1])
    if not starts:
        raise Unreadable("it shows no text")
    return Document("".join(parts), Unit.PARAGRAPH, tuple(starts))


def _decoded(data: bytes) -> str:
    """As UTF-8 where it is that, or else as the page says itself."""
    named = _CHARSET.search(data[:4096])
    if named is not None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            try:
                return data.decode(named[1].decode("ascii"), "replace")
            except LookupError:
                pass
    return decoded(data)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[list[str]] = [[]]
        self._unseen = ""
        self._depth = 0

    def paragraphs(self) -> list[str]:
        """The blocks that have words, blanks as a browser shows them."""
        return [text for block in self._blocks if (text := " ".join(repair("".join(block)).split()))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "body" and self._unseen == "head":  # whose end was forgotten
            self._unseen = ""
        if self._unseen:
            self._depth += tag == self._unseen
        elif tag in _UNSEEN:
            self._unseen, self._depth = tag, 1
        elif tag in _BLOCKS:
            self._blocks.append([])
        elif tag in _CELLS:
            self._blocks[-1].append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            self._depth -= tag == self._unseen
            if self._depth == 0:
                self._unseen = ""
        elif tag in _BLOCKS:
            self._blocks.append([])

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._blocks[-1].append(data)
