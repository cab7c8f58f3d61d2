"""The end of a text that is being written: marks that are open are closed, marks that may yet change wait.

Without this, `**bold` would show its stars until the closing ones have come.
"""

from __future__ import annotations

import re

# A last line of nothing but marks may yet turn into anything: the dash under "text" would make it a heading, and
# the number below an item would be the item's last word until its dot has come.
_BARE_MARKS = re.compile(r"(?:(?:^|\n)[ >]*[-=*_`#|~+>:]+|\n[ >]*\d{1,3}[.)]?) *\Z")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_MARKS = re.compile(r"`+|\*{1,3}|\\.")
_ITEM = re.compile(r"^[ >]*\*(?= )", re.MULTILINE)
_FENCE = re.compile(r"^[ >]*(?:```|~~~|    |\t)", re.MULTILINE)


def without_bare_marks(source: str) -> str:
    """The source up to a last line whose meaning is not known yet."""
    return _BARE_MARKS.sub("", source)


def closed(source: str) -> str:
    """The source with the emphasis and the code that are open in its last paragraph closed."""
    start = 0
    for blank in _PARAGRAPH.finditer(source):
        start = blank.end()
    paragraph = source[start:]
    if _FENCE.search(paragraph):
        return source
    if not _open_marks(paragraph):
        return source
    text = paragraph.rstrip(" *`\n")
    return source[:start] + text + "".join(reversed(_open_marks(text)))


def _open_marks(paragraph: str) -> list[str]:
    """The marks that have been opened and not closed, outermost first."""
    paragraph = _ITEM.sub(lambda item: " " * len(item[0]), paragraph)
    opened: list[str] = []
    for found in _MARKS.finditer(paragraph):
        mark, before = found[0], paragraph[max(0, found.start() - 1) : found.start()]
        in_code = bool(opened) and opened[-1].startswith("`")
        if opened and opened[-1] == mark and (in_code or before.strip()):
            opened.pop()
        elif not in_code and (
            mark.startswith("`") or _opens(mark, before, paragraph[found.end() : found.end() + 1])
        ):
            opened.append(mark)
    return opened


def _opens(mark: str, before: str, after: str) -> bool:
    """Whether stars open an emphasis: behind a blank or a sign, before a word or the end."""
    return mark.startswith("*") and not before.isalnum() and not after.isspace()
