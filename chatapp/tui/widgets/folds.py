"""Big pastes in the composer: a chip such as `[312 lines, 9.1 KB]` stands for each, until it is sent."""

from __future__ import annotations

import re

from chatapp.text import counted, display

FOLD_BYTES = 8 * 1024
FOLD_LINE = 2 * 1024
"""A paste with a line this long makes each later key slow in a text area, whatever its size."""
CHIP = re.compile(r"\[\d[\d,]* lines?, [\d.]+ [KM]B(?: #\d+)?\]")


class Folds:
    """The chips of a draft, each with the text that it stands for."""

    def __init__(self) -> None:
        self._folded: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._folded)

    def clear(self) -> None:
        """There are none."""
        self._folded.clear()

    def fold(self, text: str) -> str:
        """A chip in the place of a paste that is big, or that holds what cannot be shown as it is."""
        longest = max(map(len, text.split("\n")), default=0)
        if len(text) <= FOLD_BYTES and longest <= FOLD_LINE and display(text) == text:
            return text
        chip = self._chip(text)
        self._folded[chip] = text
        return chip

    def unfold(self, text: str) -> str:
        """A text with every folded paste in its place."""
        for chip, whole in self._folded.items():
            text = text.replace(chip, whole, 1)
        return text

    def at_end(self, text: str) -> str | None:
        """The chip that a text ends with."""
        return next((chip for chip in self._folded if text.endswith(chip)), None)

    def _chip(self, text: str) -> str:
        lines = text.count("\n") + 1
        size = len(text.encode())
        amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} KB"
        name = f"[{counted(lines, 'line')}, {amount}]"
        count = 2
        while name in self._folded:
            name = f"{name.removesuffix(']').partition(' #')[0]} #{count}]"
            count += 1
        return name
