"""The expressions of a language, put together and compiled once, and a phrase that is taken apart with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeVar

from chatapp.agenda.phrases.languages import Language

V = TypeVar("V")

_TAKEN = "\x1f"
"""Stands in the place of what was taken out: it is part of no word, and of no expression."""
_HALVES = r"am|pm|a\.m\.?|p\.m\.?"
_YEAR = r"(?:,? (?:of |de |del )?(\d{4}))?"


class Phrase:
    """What was typed; pieces are taken out of it, and what is left is what the reminder is about."""

    def __init__(self, text: str) -> None:
        self.left = text
        self.end = 0
        """Where the last piece ended."""
        self.taken = 0
        """Characters that were understood."""

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take out the first place that fits."""
        return self._taken(pattern.search(self.left))

    def take_next(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take out what fits right behind the last piece."""
        return self._taken(pattern.match(self.left, self.end))

    def put_back(self, match: re.Match[str]) -> None:
        """It was none after all."""
        self.left = match.string
        self.taken -= match.end() - match.start()

    def _taken(self, match: re.Match[str] | None) -> re.Match[str] | None:
        if match is not None:
            start, end = match.span()
            self.left = self.left[:start] + _TAKEN * (end - start) + self.left[end:]
            self.end = end
            self.taken += end - start
        return match


def without_gaps(left: str, edges: str) -> str:
    """What is left of a phrase, as a sentence of its own: no gaps, no words that have lost their place."""
    text = " ".join(left.replace(_TAKEN, " ").split())
    text = re.sub(r" (?=[,.;!?])", "", text)
    before = None
    while text != before:
        before = text
        text = re.sub(rf"^(?:{edges})(?:(?<=[’'])|(?!\w))", "", text, flags=re.IGNORECASE)
        text = re.sub(rf"(?<!\w)(?:{edges})$", "", text, flags=re.IGNORECASE).strip(" ,;.")
    return text


class Pieces:
    """The compiled expressions of one language."""

    def __init__(self, language: Language) -> None:
        one = self.language = language
        number = rf"\d{{1,4}}|{_any(one.numbers)}"
        month = rf"(?:{'|'.join(one.months)})\.?"
        unit, weekday, nth = _any(one.units), "|".join(one.weekdays), _any(one.nth)
        days = "|".join(name for name, value in one.units.items() if value == "day")
        day = rf"(?:(?:{one.on}) )?"
        self.lead = _compile(rf"^\W*(?:{one.lead})")
        self.delta = _compile(
            rf"(?:{one.within}) ({number}) ?({unit})(?: ?{one.also} ({number}) ?({unit}))?"
            rf"|({number}) ?({unit}) (?:{one.ago})"
        )
        self.half_hour = _compile(rf"(?:{one.within}) (?:{one.half_hour})")
        self.day = _compile(rf"{day}({_any(one.days)})")
        self.weekday = _compile(rf"{day}((?:{one.coming}) )?({weekday})( (?:{one.coming}))?")
        self.bare = _compile(rf" ?({_any(one.bare)})")
        self.part = _compile(rf"({_any(one.parts)})")
        self.noon = _compile(rf"(?:(?:{one.at}) )?({_any(one.noon)})")
        self._compile_times(one, number)
        # Rules.
        every = rf"(?:{one.every})"
        self.nth = _compile(
            rf"({every} |the |le |el |am |den )?({nth}) ({weekday})s?(?: ({one.of_month})| ({one.each_month}))?"
        )
        self.nth_day = _compile(rf"{day}(?:the )?({nth})(?: (?:{days}))? (?:{one.each_month})")
        self.other = _compile(rf"(?:{one.other}) (?:({weekday})|({unit}))")
        self.every_few = _compile(rf"{every} ({number})\.? ({unit})")
        self.every_weekday = _compile(rf"{every} ({weekday})s?")
        self.and_weekday = _compile(rf" ?{one.also} (?:{every} )?({weekday})s?")
        self.habit = _compile(one.habit.format(day=f"({weekday})"))
        self.and_habit = _compile(rf" ?{one.also} ({weekday})s?")
        self.workdays = _compile(rf"(?:(?:{every}|{one.on}) )?(?:{one.workdays})")
        self.weekend = _compile(rf"{every} (?:{one.weekend})")
        self.every_unit = _compile(rf"{every} ({unit})")
        self.every_part = _compile(rf"{every} ({_any(one.bare)})")
        # “Weekly at 9”, but not “the weekly report”.
        self.adverb = _compile(rf"({_any(one.adverbs)})(?= ?(?:$|,|{_TAKEN}))")
        self.until = _before_a_date(one.until, month)
        self.count = _compile(rf"({number}) ?(?:{one.times})")
        # Dates.
        self.every_before = _before_a_date(one.every, month)
        self.iso_date = _compile(rf"{day}(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})")
        self.dotted_date = _compile(rf"{day}(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}|\d{{2}})?")
        self.slashed_date = _compile(rf"{day}(\d{{1,2}})/(\d{{1,2}})(?:/(\d{{4}}|\d{{2}}))?")
        self.day_month = _compile(
            rf"{day}(?:the )?(\d{{1,2}})(?:st|nd|rd|th|er|\.|º)? (?:of |de )?({month}){_YEAR}"
        )
        self.month_day = _compile(rf"{day}({month}) (\d{{1,2}})(?:st|nd|rd|th)?(?![:.\d]){_YEAR}")
        self.day_of_month = _compile(rf"(?:{one.month_day})(?: (?:{one.each_month}|{one.of_month}))?")
        self.each_month = _compile(one.each_month)

    def _compile_times(self, one: Language, number: str) -> None:
        """Times of day, the plainest first; `number` stands for the language's numbers."""
        at, behind = rf"(?:(?:{one.at}) )", rf"(?: ?(?:{one.o_clock}))"
        self.times = (
            _compile(rf"{at}?(\d{{1,2}})[:h](\d{{2}})(?: ?({_HALVES}))?{behind}?"),
            _compile(rf"{at}?(\d{{1,2}})\.(\d{{2}})(?: ?({_HALVES})|{behind})"),
            _compile(rf"{at}?(\d{{1,2}})()(?: ?({_HALVES}))"),
        )
        self.past = _compile(rf"{at}?({_any(one.past)}) ({number})") if one.past else None
        self.hour = _compile(
            rf"{at}({number})({behind})?(?: ({_any(one.plus)}))?" if one.plus else rf"{at}({number})({behind})?()"
        )
        self.o_clock = _compile(
            rf"({number})({behind})(?: ({_any(one.plus)}))?" if one.plus else rf"({number})({behind})()"
        )

    def is_every(self, text: str) -> bool:
        """Whether a word says that something repeats."""
        return _is(self.language.every, text.strip())

    def number(self, text: str) -> int:
        """The value of a number in digits or in words."""
        return int(text) if text.isdecimal() else value_of(self.language.numbers, text)

    def month_of(self, text: str) -> int:
        """The number of a month, from 1."""
        return next(i for i, name in enumerate(self.language.months, 1) if _is(name, text.rstrip(".")))

    def weekday_of(self, text: str) -> int:
        """The number of a weekday, from 0, Monday."""
        return next(i for i, name in enumerate(self.language.weekdays) if _is(name, text))


@cache
def pieces_of(language: Language) -> Pieces:
    """The pieces of a language, compiled when it is first needed."""
    return Pieces(language)


def value_of(table: Mapping[str, V], text: str) -> V:
    """What an expression that fits the text stands for."""
    return next(value for name, value in table.items() if _is(name, text))


def _is(expression: str, text: str) -> bool:
    return re.fullmatch(expression, text, re.IGNORECASE) is not None


def _any(table: Iterable[str]) -> str:
    return "|".join(table)


def _before_a_date(expression: str, month: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{expression}) (?=\d|{month} \d)", re.IGNORECASE)


def _compile(expression: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{expression})(?!\w)", re.IGNORECASE)
