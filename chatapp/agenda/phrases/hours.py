"""Reads the time of day in a phrase: in digits, in words, or as a part of the day."""

from __future__ import annotations

from chatapp.agenda.phrases.found import Found
from chatapp.agenda.phrases.pieces import Phrase, Pieces, value_of


class Hours:
    """Takes out of a phrase what says the time of day, the plainest first."""

    def __init__(self, phrase: Phrase, pieces: Pieces, found: Found) -> None:
        self._phrase = phrase
        self._pieces = pieces
        self._found = found

    def read(self) -> None:
        """Find the time, and the part of the day on either side of it."""
        self._take_part_of_day()
        any(step() for step in (self._time, self._past_hour, self._noon, self._hour))
        self._take_part_of_day()

    def _time(self) -> bool:
        for pattern in self._pieces.times:
            if (match := self._phrase.take(pattern)) is None:
                continue
            hour, minute = int(match[1]), int(match[2] or 0)
            if hour <= 24 and minute < 60:
                half = (match[3] or "").lower().replace(".", "")
                plain = not half and (match[1].startswith("0") or hour > 12 or self._pieces.language.code != "en")
                self._at(hour, minute, half, by_24=plain)
                self._found.digits_only = not half and match[0][0].isdecimal()
                return True
            self._phrase.put_back(match)
        return False

    def _past_hour(self) -> bool:
        pieces = self._pieces
        match = self._phrase.take(pieces.past) if pieces.past else None
        if match is None or pieces.number(match[2]) > 12:
            return False
        minutes = pieces.number(match[2]) * 60 + value_of(pieces.language.past, match[1])
        self._at(minutes // 60 % 12, minutes % 60)
        return True

    def _noon(self) -> bool:
        match = self._phrase.take(self._pieces.noon)
        if match is not None:
            self._at(value_of(self._pieces.language.noon, match[1]), 0, by_24=True)
        return match is not None

    def _hour(self) -> bool:
        pieces = self._pieces
        for pattern in (pieces.hour, pieces.o_clock):
            if (match := self._phrase.take(pattern)) is None:
                continue
            hour = pieces.number(match[1])
            if hour <= 24:
                more = value_of(pieces.language.plus, match[3]) if match[3] else 0
                minutes = hour * 60 + more
                self._found.digits_only = pattern is pieces.o_clock
                exact = bool(match[2]) and match[1].isdecimal() and pieces.language.code != "en"
                self._at(minutes // 60, minutes % 60, by_24=(exact and not more) or hour > 12)
                return True
            self._phrase.put_back(match)
        return False

    def _at(self, hour: int, minute: int, half: str = "", *, by_24: bool = False) -> None:
        found = self._found
        found.hour, found.minute, found.by_24 = hour % 24, minute, by_24
        found.half = half or found.half

    def _take_part_of_day(self) -> None:
        if self._found.part is None and (match := self._phrase.take(self._pieces.part)) is not None:
            self.take_part(value_of(self._pieces.language.parts, match[1]))

    def take_bare_part(self) -> None:
        """A part of the day right behind the piece that was taken last: “tomorrow morning”."""
        if (match := self._phrase.take_next(self._pieces.bare)) is not None:
            self.take_part(value_of(self._pieces.language.bare, match[1]))

    def take_part(self, hour: int) -> None:
        """A part of the day, by its usual hour."""
        self._found.part = hour
        self._found.half = "pm" if hour > 12 else "am"
