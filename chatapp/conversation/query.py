"""What a person types to find something: words, phrases, beginnings, OR, NOT, filters. Nothing typed is an error.

    keeper "trimmed the lamp" light*  either OR or  NOT storm  -rain
    role:user persona:Tutor model:smol tag:work after:2026-01-01 before:yesterday

All parts must be met. Words are compared without capitals and accents. Where a script puts no spaces between
words, and where something is typed that is no word at all, the very characters are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from chatapp.conversation.message import Role
from chatapp.text import folded, repair

_PART = re.compile(r'(?P<minus>-?)(?:(?P<key>[a-z]+):)?(?P<value>"[^"]*"?|[^\s"]+)', re.IGNORECASE)
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$")
MOST_TERMS = 32
"""What is typed beyond so many words is passed over."""


@dataclass(frozen=True)
class Term:
    """Something to be found: words that follow one another, or, with `literal`, these very characters."""

    text: str
    """As typed."""
    prefix: bool = False
    """Whether the last word may go on."""

    @property
    def literal(self) -> bool:
        """Whether the characters themselves are looked for, because words cannot be told apart in them."""
        return self.unspaced or not any(character.isalnum() for character in self.text)

    @property
    def unspaced(self) -> bool:
        """Whether it is of a script without spaces between words."""
        return _UNSPACED.search(self.text) is not None

    @cached_property
    def expression(self) -> str:
        """A regular expression for folded text."""
        if self.literal:
            return re.escape(folded(self.text))
        words = r"[\W_]+".join(map(re.escape, re.findall(r"[^\W_]+", folded(self.text)))) or re.escape(self.text)
        return rf"(?<![^\W_]){words}" + ("" if self.prefix else r"(?![^\W_])")


@dataclass(frozen=True)
class Query:
    """A query that was understood; `passed_over` says, a sentence each, which parts were not."""

    groups: tuple[tuple[Term, ...], ...] = ()
    """One term of every group must be there."""
    without: tuple[Term, ...] = ()
    roles: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    after_ms: int | None = None
    before_ms: int | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def terms(self) -> list[Term]:
        """Everything that is to be found."""
        return [term for group in self.groups for term in group]

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        asked = (self.groups, self.without, self.roles, self.personas, self.models, self.tags)
        return not any(asked) and self.after_ms is None and self.before_ms is None

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Finds the terms in folded text, for marking them; none when there are none."""
        return re.compile("|".join(term.expression for term in self.terms)) if self.groups else None


@dataclass
class _Reading:
    now: datetime
    groups: list[list[Term]] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    named: dict[str, list[str]] = field(default_factory=dict)
    dates: dict[str, int] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)


def read_query(text: str, *, typing: bool = False, now: datetime | None = None) -> Query:
    """Read what was typed.

    Args:
        text: the query.
        typing: whether it is still being typed, so that the last word may go on.
        now: what `today` and `yesterday` count from, in the zone that dates are meant in.
    """
    text = repair(text)
    reading = _Reading(now or datetime.now().astimezone())
    negate = either = False
    for part in _PART.finditer(text):
        minus, key, value = part["minus"], (part["key"] or "").lower(), part["value"]
        word = part[0]
        if word in {"AND", "&&"}:
            continue
        if word in {"OR", "|", "||"}:
            either = bool(reading.groups)
            continue
        if word == "NOT":
            negate = True
            continue
        if key and _filter(reading, key, value.strip('"')):
            continue
        if key:
            value = f"{part['key']}:{value}"
        _take(
            reading,
            value,
            negate=negate or bool(minus),
            either=either,
            open_end=typing and part.end() == len(text),
        )
        negate = either = False
    return Query(
        groups=tuple(map(tuple, reading.groups)),
        without=tuple(reading.without),
        **{f"{key}s": tuple(values) for key, values in reading.named.items()},
        after_ms=reading.dates.get("after"),
        before_ms=reading.dates.get("before"),
        passed_over=tuple(reading.passed_over),
    )


def _take(reading: _Reading, value: str, *, negate: bool, either: bool, open_end: bool) -> None:
    """Take a word or a phrase."""
    closed = len(value) > 1 and value.startswith('"') and value.endswith('"')
    text = value.replace('"', " ").strip()
    prefix = not closed and (open_end or text.endswith("*"))
    if text.strip("*"):
        text = text.rstrip("*")
    if not text:
        return
    if sum(map(len, reading.groups)) + len(reading.without) >= MOST_TERMS:
        reading.passed_over.append(f"‘{value}’ was passed over: more than {MOST_TERMS} words.")
        return
    term = Term(text, prefix)
    if negate:
        reading.without.append(term)
    elif either:
        reading.groups[-1].append(term)
    else:
        reading.groups.append([term])


def _filter(reading: _Reading, key: str, value: str) -> bool:
    """Take a filter; whether the key is one."""
    if key in {"persona", "model", "tag"}:
        if value:
            reading.named.setdefault(key, []).append(value.strip())
        return True
    if key == "role":
        _filter_role(reading, value)
        return True
    if key in {"after", "before"}:
        _filter_date(reading, key, value)
        return True
    return False


def _filter_role(reading: _Reading, value: str) -> None:
    aliases = {"me": Role.USER, "you": Role.USER, "model": Role.ASSISTANT, "ai": Role.ASSISTANT}
    name = value.casefold()
    role = aliases.get(name) or next((role for role in Role if name and role.startswith(name)), None)
    if role is not None:
        reading.named.setdefault("role", []).append(role.value)
    elif value:
        reading.passed_over.append(f"‘role:{value}’ was passed over: it is user, assistant or system.")


def _filter_date(reading: _Reading, key: str, value: str) -> None:
    days: dict[str, Callable[[date], date]] = {
        "today": lambda day: day,
        "yesterday": lambda day: day - timedelta(days=1),
    }
    try:
        day = days[value.casefold()](reading.now.date()) if value.casefold() in days else _day(value)
        moment = datetime(day.year, day.month, day.day, tzinfo=reading.now.tzinfo)
        reading.dates[key] = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        if value:
            reading.passed_over.append(f"‘{key}:{value}’ was passed over: write a date as 2026-01-31.")


def _day(text: str) -> date:
    """The first day of a year, of a month, or the day itself."""
    if (found := _DATE.match(text)) is None:
        raise ValueError(text)
    year, month, day = found.groups()
    return date(int(year), int(month or 1), int(day or 1))
