"""From turns to token ids.

The rendered prompt is split at special tokens only, and what stands between two of them is tokenised as one piece:
that is what llama.cpp does with the same text. Inside such a piece, contents whose ids are known keep them: those
are the ids that the KV cache holds, and a model does not always write a word with the tokens that the tokeniser
would take.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.prompt import Turn
from chatapp.engine.worker.layout import (
    GUARD,
    Guards,
    Layout,
    Span,
    chat_layout,
    longest_first,
    places,
    plain_layout,
)
from chatapp.engine.worker.stream import incremental_utf8
from chatapp.engine.worker.template import ChatTemplate
from chatapp.engine.worker.vocabulary import Vocabulary
from chatapp.text import REPLACEMENT

_BLANKS = " \t\n\v\f\r"
"""What C's isspace takes for a blank: llama.cpp strips these, not all of Unicode's."""


@dataclass(frozen=True)
class _Piece:
    """A stretch of the rendered text (guards included) or one special token, and its ids."""

    start: int
    end: int
    ids: Sequence[int]


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
        pieces = self._pieces(self._layout(turns, template=template, open_last=open_last), template=template)
        return self._begun([token for piece in pieces for token in piece.ids])

    def text(self, text: str, *, special: bool = False) -> list[int]:
        """The token ids of a text as it is; with `special` the names of special tokens in it stand for them."""
        return self._begun(self._vocabulary.tokenize(text, special=special))

    def owners(
        self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False
    ) -> tuple[list[int], list[int]]:
        """The ids of a prompt, and for each the turn that it belongs to; `len(turns)` for what opens the reply.

        What the template writes around a content belongs to its turn: before it, from the end of the turn before;
        after it, up to the token that ends the turn. A token belongs to the turn that it begins in.

        Raises:
            TemplateError: when the chat template cannot render these turns.
        """
        layout = self._layout(turns, template=template, open_last=open_last)
        borders = self._borders(layout, turns, template=template, open_last=open_last)
        ids: list[int] = []
        owners: list[int] = []
        for piece in self._pieces(layout, template=template):
            ids += piece.ids
            owners += self._owners_in(layout.text, piece, borders)
        begun = self._begun(ids)
        return begun, owners[:1] * (len(begun) - len(ids)) + owners

    def counts(self, turns: Sequence[Turn], *, template: bool = True, open_last: bool = False) -> tuple[int, ...]:
        """How many tokens of a prompt belong to each turn, and at last to what opens the reply.

        Raises:
            TemplateError: when the chat template cannot render these turns.
        """
        _, owners = self.owners(turns, template=template, open_last=open_last)
        many = Counter(owners)
        return tuple(many[turn] for turn in range(len(turns) + 1))

    def _layout(self, turns: Sequence[Turn], *, template: bool, open_last: bool) -> Layout:
        if not template:
            return plain_layout(turns)
        return chat_layout(turns, self._template, self._guards, open_last=open_last)

    def _begun(self, ids: list[int]) -> list[int]:
        """The ids with the token that the model wants at the beginning of every text."""
        begins = self._vocabulary.adds_bos and ids[:1] != [self._vocabulary.bos]
        return [self._vocabulary.bos, *ids] if begins else ids

    def _pieces(self, layout: Layout, *, template: bool) -> Iterator[_Piece]:
        """The ids of each stretch of text and of each special token, in order."""
        if not template:
            yield _Piece(0, len(layout.text), self._fragment(layout))
            return
        start = 0
        for match in self._special.finditer(layout.text):
            token = self._vocabulary.specials[match[0]]
            attributes = self._vocabulary.attributes[token]
            end = match.start()
            if attributes & L.LLAMA_TOKEN_ATTR_LSTRIP:
                end = start + len(layout.text[start:end].rstrip(_BLANKS))
            yield _Piece(start, end, self._fragment(layout.cut(start, end)))
            yield _Piece(*match.span(), (token,))
            start = match.end()
            if attributes & L.LLAMA_TOKEN_ATTR_RSTRIP:
                start = len(layout.text) - len(layout.text[start:].lstrip(_BLANKS))
        end = len(layout.text)
        yield _Piece(start, end, self._fragment(layout.cut(start, end)))

    # Whose tokens they are ---------------------------------------------------------------------------------------

    def _borders(
        self, layout: Layout, turns: Sequence[Turn], *, template: bool, open_last: bool
    ) -> list[tuple[int, int]]:
        """Where each turn begins in the text, glue included, in order: pairs of position and turn."""
        if not template:
            ends = list(accumulate((len(turn.content) for turn in turns), initial=0))
            return [(start, turn) for turn, start in enumerate(ends[:-1])]
        borders: list[tuple[int, int]] = []
        end = 0
        for place in places(turns, self._template, self._guards, open_last=open_last):
            borders.append((self._turn_end(layout.text, end, place.start) if borders else 0, place.turn))
            end = place.end
        if not open_last or not turns:
            borders.append((self._turn_end(layout.text, end, len(layout.text)) if borders else 0, len(turns)))
        return borders or [(0, 0)]

    def _turn_end(self, text: str, start: int, end: int) -> int:
        """Where a turn ends within the template's own text between two contents."""
        for match in self._special.finditer(text, start, end):
            if self._vocabulary.ends_turn(self._vocabulary.specials[match[0]]):
                return end - len(text[match.end() : end].lstrip(_BLANKS))
        return start

    def _owners_in(self, text: str, piece: _Piece, borders: list[tuple[int, int]]) -> Iterator[int]:
        """The turns that the tokens of one piece belong to."""
        at = max(0, bisect_right(borders, piece.start, key=itemgetter(0)) - 1)
        ends: deque[tuple[int, int]] = deque()
        for position, turn in borders[at + 1 :]:
            if position >= piece.end:
                break
            ends.append((_bytes_in(text[piece.start : position]), turn))
        spelled, turn = 0, borders[at][1]
        if ends:  # some vocabularies write a blank that is not in the text
            said = sum(len(self._vocabulary.piece(token)) for token in piece.ids)
            spelled = min(0, _bytes_in(text[piece.start : piece.end]) - said)
        for token in piece.ids:
            while ends and ends[0][0] <= spelled:
                _, turn = ends.popleft()
            yield turn
            spelled += len(self._vocabulary.piece(token))

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
        """The longest prefix of the ids that spells the beginning of a text, and how much of the text that is.

        It is spelled as `TextStream` does it: with U+FFFD for bytes that are no UTF-8, and without those of a
        character at the end that did not get complete, which are the reply's all the same.
        """
        decoder = incremental_utf8()
        text = text.replace("\0", REPLACEMENT)  # as the store has it
        count = whole = length = position = 0
        for count, token in enumerate(token_ids, start=1):
            piece = self._vocabulary.piece(token) if self._vocabulary.is_plain(token) else b""
            said = decoder.decode(piece).replace("\0", REPLACEMENT)
            if not piece or not text.startswith(said, position):
                break
            position += len(said)
            unfinished, _ = decoder.getstate()
            if not unfinished or (position == len(text) and count == len(token_ids)):
                whole, length = count, position
        return token_ids[:whole], length


def _bytes_in(text: str) -> int:
    """Bytes of a stretch of a layout's text, without its guards."""
    return len(text.replace(GUARD, "").encode("utf-8", "replace"))
