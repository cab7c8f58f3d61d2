"""The model's vocabulary: text to token ids and back, and which tokens are special."""

from __future__ import annotations

import ctypes
import hashlib
from functools import cached_property
from typing import Any

from llama_cpp import llama_cpp as L  # noqa: N812

from chatapp.conversation.decision import Token
from chatapp.engine.worker.openings import Openings, text_of

_SPECIAL = L.LLAMA_TOKEN_ATTR_CONTROL | L.LLAMA_TOKEN_ATTR_UNKNOWN
_ANCHOR = "\x01"
"""A character that no vocabulary merges with its neighbours."""


class Vocabulary:
    """Tokenises with special tokens off: a text can never become a control token.

    `specials` maps the text of each control or unknown token to its id. `attributes` holds llama.cpp's bit set
    for each of these ids.
    """

    def __init__(self, pointer: Any, tokenizer_names: str = "") -> None:
        self.pointer = pointer
        self.size: int = L.llama_vocab_n_tokens(pointer)
        self.bos: int = L.llama_vocab_bos(pointer)
        """-1 when there is none."""
        self.eos: int = L.llama_vocab_eos(pointer)
        self.adds_bos: bool = L.llama_vocab_get_add_bos(pointer)
        self.specials: dict[str, int] = {}
        self.attributes: dict[int, int] = {}
        self.fingerprint = self._read(tokenizer_names)
        self._pieces: dict[int, bytes] = {}
        self._tokens: dict[int, Token] = {}
        self.kept: dict[Any, Any] = {}
        """Samplers that took long to make from this vocabulary, by what they were made with."""
        self._anchor = self.tokenize(_ANCHOR)

    def _read(self, tokenizer_names: str) -> str:
        """Collect the special tokens, and hash what makes token ids mean the same: names, texts, attributes."""
        pointer, get_attributes, get_text = self.pointer, L.llama_vocab_get_attr, L.llama_vocab_get_text
        digest = hashlib.sha256(f"{tokenizer_names}\n{self.size}\n".encode())
        texts: list[bytes] = []
        for token in range(self.size):
            text = get_text(pointer, token) or b""
            texts.append(text)
            attributes = get_attributes(pointer, token)
            if attributes & _SPECIAL and len(text) > 1:  # of one character: as good as text
                self.specials.setdefault(text.decode("utf-8", "replace"), token)
                self.attributes[token] = attributes
                texts.append(b"%d" % attributes)
        digest.update(b"\0".join(texts))
        return digest.hexdigest()

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """The ids of a text that follows a special token or nothing.

        With `special` the names of special tokens stand for them: never for what people or models wrote.
        """
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            ids = (L.llama_token * room)()
            count = L.llama_tokenize(self.pointer, data, len(data), ids, room, False, special)
            if count >= 0:
                return list(ids[:count])
            room = -count

    def tokenize_after_text(self, text: str) -> list[int]:
        """The ids of a text that follows other text: some vocabularies would put a space before it."""
        ids = self.tokenize(_ANCHOR + text)
        known = len(self._anchor)
        return ids[known:] if ids[:known] == self._anchor else self.tokenize(text)

    def piece(self, token: int) -> bytes:
        """The bytes of a token; a special token has none."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    @cached_property
    def sorted_pieces(self) -> list[tuple[bytes, int]]:
        """The bytes of every token that stands for text, ASCII in lower case, in order, each with its id."""
        return sorted((self.piece(token).lower(), token) for token in range(self.size) if self.is_plain(token))

    @cached_property
    def openings(self) -> tuple[Openings, ...]:
        """The one and the two characters that tokens begin with; a quarter of a second the first time."""
        texts = [text_of(self.piece(token)) if self.is_plain(token) else "" for token in range(self.size)]
        return Openings.of(texts, 1), Openings.of(texts, 2)

    def _read_piece(self, token: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = L.llama_token_to_piece(self.pointer, token, buffer, room, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            room = -length

    def ends_turn(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        return bool(L.llama_vocab_is_eog(self.pointer, token))

    def is_plain(self, token: int) -> bool:
        """Whether an id is of this vocabulary and stands for text only."""
        return 0 <= token < self.size and token not in self.attributes and not self.ends_turn(token)

    def name(self, token: int) -> str:
        """What a token stands for, for people: its text; bytes that are no character as `<E2>`; its name."""
        piece = self.piece(token)
        if not piece:
            return self.text_of(token)
        try:
            return piece.decode()
        except UnicodeDecodeError:
            return "".join(f"<{byte:02X}>" for byte in piece)

    def token(self, token: int) -> Token:
        """A token as the app is told of it."""
        known = self._tokens.get(token)
        if known is None:
            piece = self.piece(token)
            data = piece if self.is_plain(token) and piece else self.text_of(token).encode()
            special = not (piece and self.is_plain(token))
            known = self._tokens[token] = Token(id=token, hex=data.hex(), special=special)
        return known

    def text_of(self, token: int) -> str:
        """How the vocabulary writes a token, as chat templates do; empty for -1."""
        if token < 0:
            return ""
        return (L.llama_vocab_get_text(self.pointer, token) or b"").decode("utf-8", "replace")
