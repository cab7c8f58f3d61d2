"""From turns to token ids.

The rendered prompt is split at special tokens only, and what stands between two of them is tokenised as one piece:
that is what llama.cpp does with the same text. Inside such a piece, contents whose ids are known keep them: those
are the ids that the KV cache holds, and a model does not always write a word with the tokens that the tokeniser
would take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.prompt import Turn
from chatapp.engine.worker.layout import Guards, Layout, Span, chat_layout, longest_first, plain_layout
from chatapp.engine.worker.template import ChatTemplate
from chatapp.engine.worker.vocabulary import Vocabulary

_BLANKS = " \t\n\v\f\r"
"""What C's isspace takes for a blank: llama.cpp strips these, not all of Unicode's."""


class PromptMaker:
    """Makes prompts for one model."""

    def __init__(self, vocabulary: Vocabulary, template: ChatTemplate) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._guards = Guards(vocabulary.specials)
        texts = longest_first(vocabulary.specials)
        self._special = re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def ids(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> list[int]:
        """The token ids of a prompt; for the arguments see `Generate`.

        Raises:
            TemplateError: when the chat template cannot render these turns.
        """
        if template:
            layout = chat_layout(turns, self._template, self._guards, open_last=open_last)
            ids = [token for part in self._parts(layout) for token in part]
        else:
            layout = plain_layout(turns)
            ids = self._fragment(layout)
        if self._vocabulary.adds_bos and ids[:1] != [self._vocabulary.bos]:
            ids.insert(0, self._vocabulary.bos)
        return ids

    def _parts(self, layout: Layout) -> Iterator[Sequence[int]]:
        """The ids of each stretch of text and of each special token, in order."""
        start = 0
        for match in self._special.finditer(layout.text):
            token = self._vocabulary.specials[match[0]]
            attributes = self._vocabulary.attributes[token]
            end = match.start()
            if attributes & L.LLAMA_TOKEN_ATTR_LSTRIP:
                end = start + len(layout.text[start:end].rstrip(_BLANKS))
            yield self._fragment(layout.cut(start, end))
            yield (token,)
            start = match.end()
            if attributes & L.LLAMA_TOKEN_ATTR_RSTRIP:
                start = len(layout.text) - len(layout.text[start:].lstrip(_BLANKS))
        yield self._fragment(layout.cut(start, len(layout.text)))

    def _fragment(self, fragment: Layout) -> list[int]:
        """The ids of a stretch without special tokens."""
        ids: list[int] = []
        position = 0
        for span in fragment.spans:
            start, text = self._place(fragment.text, span, position)
            known, length = self._known(text, span.token_ids)
            if known:
                ids += self._text(fragment.text[position:start], first=position == 0)
                ids += known
                position = max(span.start, span.end - (len(text) - length))
        ids += self._text(fragment.text[position:], first=position == 0)
        return ids

    def _text(self, text: str, *, first: bool) -> list[int]:
        if not text:
            return []
        return self._vocabulary.tokenize(text) if first else self._vocabulary.tokenize_after_text(text)

    def _place(self, text: str, span: Span, earliest: int) -> tuple[int, str]:
        """Where the ids of a content start in a text, and the text that they are to spell.

        The blank that a reply begins with may be written by the template, or left out by it: it is the reply's.
        """
        first = span.token_ids[0]
        head = self._vocabulary.piece(first) if self._vocabulary.is_plain(first) else b""
        blanks = head[: len(head) - len(head.lstrip())].decode("ascii", "replace")
        start = span.start - len(blanks)
        if start >= earliest and text[start : span.start] == blanks and not text.startswith(blanks, span.start):
            return start, text[start : span.end]
        return span.start, span.dropped + text[span.start : span.end]

    def _known(self, text: str, token_ids: Sequence[int]) -> tuple[Sequence[int], int]:
        """The longest prefix of the ids that spells the beginning of a text, and how much of the text that is."""
        data, spelled = text.encode("utf-8", "replace"), 0
        count = whole = length = 0
        for count, token in enumerate(token_ids, start=1):
            piece = self._vocabulary.piece(token) if self._vocabulary.is_plain(token) else b""
            if not piece or not data.startswith(piece, spelled):
                break
            spelled += len(piece)
            if _between_characters(data, spelled):
                whole, length = count, spelled
        return token_ids[:whole], len(data[:length].decode())


def _between_characters(data: bytes, position: int) -> bool:
    """Whether UTF-8 may be cut there."""
    return position >= len(data) or data[position] & 0xC0 != 0x80  # a continuation byte looks like 10xxxxxx
