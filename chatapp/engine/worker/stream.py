"""From tokens' bytes to text that is final: whole characters, and nothing that may belong to a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class StopStrings:
    """Holds text back while it may be the start of a stop string.

    The first stop string that is complete ends the reply; of several that are complete at the same character, the
    one that started first. So it does not matter in what pieces the text comes.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.found = ""
        """The stop string that was met."""

    def feed(self, text: str) -> str:
        """Take text; return what is final now. After a stop string was met nothing is."""
        if self.found:
            return ""
        text, self._held = self._held + text, ""
        ends = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            _, start, self.found = min(ends)
            return text[:start]
        held = max((_overlap(text, stop) for stop in self._stops), default=0)
        final = len(text) - held
        self._held = text[final:]
        return text[:final]

    def flush(self) -> str:
        """What was held back, now that no more comes."""
        held, self._held = self._held, ""
        return held

    def replace(self, stops: Sequence[str]) -> str:
        """Wait for other strings; return what is final by that."""
        self._stops = [stop for stop in stops if stop]
        return self.feed("")


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of the text that a stop string, longer than that, begins with."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0


def incremental_utf8(errors: str = "replace") -> codecs.IncrementalDecoder:
    """The one way in which bytes become text here: U+FFFD for what is no UTF-8."""
    return codecs.getincrementaldecoder("utf-8")(errors)


class TextStream:
    """The text of a reply as its tokens come."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._decoder = incremental_utf8()
        self.stops = StopStrings(stops)

    def go_on_from(self, said: bytes) -> None:
        """Take what the reply has said already: its last character may get complete now."""
        self._decoder.decode(said)

    def feed(self, piece: bytes) -> str:
        """Take a token's bytes; return the text that is final now.

        Bytes that are no UTF-8 become U+FFFD. Those of a character that never gets complete are dropped.
        """
        return self.stops.feed(self._decoder.decode(piece))
