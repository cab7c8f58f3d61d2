"""The two gateways that every piece of foreign text passes.

`repair` stands before the store: what it returns can be saved, sent and read back unchanged. `display` stands
before the screen: what it returns cannot move the cursor, change the title, write to the clipboard or reverse
the reading order. What a person or a model said is stored as it was said; only drawing makes it harmless.
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")

# ESC is shown as its picture, so that a person can see what was tried.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_HIDDEN = {
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), REPLACEMENT),  # C1 controls, CSI and OSC among them
    **dict.fromkeys((0x2028, 0x2029), REPLACEMENT),  # line and paragraph separators
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), REPLACEMENT),  # BiDi embeddings, isolates
    **dict.fromkeys((0x200E, 0x200F, 0x061C), REPLACEMENT),  # BiDi marks
    **dict.fromkeys((0x200B, 0x2060, 0xFEFF), ""),  # invisible, of no width
    **dict.fromkeys(range(0xE0000, 0xE0080), ""),  # tag characters
}
_DISPLAY = str.maketrans(_PICTURES | _HIDDEN)
_ONE_LINE = str.maketrans({"\t": " ", "\n": " "})

MARKS_PER_CHARACTER = 8


def repair(text: str) -> str:
    """Text that can be stored: no lone surrogates, no NUL, and lines that end in a plain newline."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", REPLACEMENT)
    return _SURROGATE.sub(REPLACEMENT, text)


def display(text: str) -> str:
    """Text that is safe to draw: control, escape and BiDi characters made visible, mark floods cut.

    Newlines and tabs stay. Works character by character, so that a sequence split over two pieces is caught.
    """
    text = _SURROGATE.sub(REPLACEMENT, text).translate(_DISPLAY)
    return text if text.isascii() else _cut_mark_floods(text)


def display_line(text: str) -> str:
    """The same, on one line: for titles, names and paths."""
    return display(text).translate(_ONE_LINE)


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 message`, `1,284 tokens`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cell(text: str) -> str:
    """Text for a cell of a table file, which no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


class _Fold(dict[int, str]):
    """Each character's base letter in lower case, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        parts = unicodedata.normalize("NFD", letter)
        small = (parts[0] if all(map(unicodedata.combining, parts[1:])) else letter).casefold()
        self[code] = small if len(small) == 1 else letter
        return self[code]


_FOLD = _Fold()


def folded(text: str) -> str:
    """Text for comparing: lower case, without accents, every character still in its place."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def display_token(data: bytes, *, special: bool = False) -> str:
    """A token on one line: a space at its start as `·`, a line end as `↵`, what is no character as `<0A>`.

    The name of a special token is shown as it is; text may look the same, so whoever draws tells the two apart.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "".join(f"<{byte:02X}>" for byte in data)
    if not special:
        text = text.replace("\n", "↵")
        text = "·" * (len(text) - len(text.lstrip(" "))) + text.lstrip(" ")
        text = "".join(f"<{ord(c):02X}>" if ord(c) < 0x20 or ord(c) == 0x7F else c for c in text)
    return display_line(text)


def _cut_mark_floods(text: str) -> str:
    """Keep at most eight combining marks on a character (scripts need two or three, Zalgo uses dozens)."""
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MARKS_PER_CHARACTER:
            kept.append(character)
    return "".join(kept)
