"""A checker for GBNF, llama.cpp's grammar notation: says where a grammar is wrong before llama.cpp is asked.

llama.cpp answers a grammar that it cannot read with no sampler and a line on standard error; this reads the same
notation, rule by rule, and answers with a line, a column and a sentence. What it accepts llama.cpp accepts, except
for token references (`<name>`), which only a vocabulary can judge.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

ROOT = "root"
MAX_RULES = 2000
MAX_DEPTH = 50
"""Parentheses inside of each other; llama.cpp reads them by recursion."""
MAX_REPETITIONS = 2000
"""llama.cpp's own limit, also for repetitions inside of each other multiplied."""

_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_ESCAPE = re.compile(r'\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[trn\\"\[\]-])')
_TOKEN = re.compile(r"!?<(?:\[\d{1,9}\]|[^>\r\n]+)>")
_REPETITION = re.compile(r"\{[ \t]*(\d{1,9})[ \t]*(?:(,)[ \t]*(\d{1,9})?[ \t]*)?\}")


class GrammarError(ValueError):
    """A grammar or a schema that cannot be used; the message is a sentence, with line and column where known."""


@functools.lru_cache(maxsize=16)
def check_grammar(text: str) -> None:
    """Accept a grammar that llama.cpp can use.

    Raises:
        GrammarError: with line, column and a sentence.
    """
    _Reader(text).read()


class _Reader:
    """Reads one grammar, in the order of its characters.

    A rule is kept as its alternatives, each a list of items: that is what left recursion is found by.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._rules: dict[str, list[list[_Item]]] = {}
        self._references: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._endless: list[tuple[_Item, int]] = []
        """What is repeated without end, and where."""
        self._synthetic = 0

    def read(self) -> None:
        if "\0" in self._text:
            raise self._error("a grammar holds no NUL character", self._text.index("\0"))
        self._skip(lines=True)
        while self._at < len(self._text):
            self._rule()
        if ROOT not in self._rules:
            raise GrammarError(f"the grammar has no rule called ‘{ROOT}’: that is where a reply begins")
        for name, place in self._references.items():
            if name not in self._rules:
                raise self._error(f"there is no rule called ‘{name}’", place)
        self._check_recursion()

    # Reading ---------------------------------------------------------------------------------------------------

    def _error(self, sentence: str, at: int | None = None) -> GrammarError:
        at = self._at if at is None else at
        line = self._text.count("\n", 0, at) + 1
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        return GrammarError(f"line {line}, column {column}: {sentence}")

    def _skip(self, *, lines: bool) -> None:
        pattern = _SPACE_AND_LINES if lines else _SPACE
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _rule(self) -> None:
        place = self._at
        found = _NAME.match(self._text, self._at)
        if not found:
            raise self._error("here a rule's name is due, of letters, digits and -")
        self._at = found.end()
        self._skip(lines=False)
        if not self._text.startswith("::=", self._at):
            raise self._error("here ‘::=’ is due")
        self._at += 3
        self._skip(lines=True)
        self._places[found[0]] = place
        self._rules[found[0]] = self._alternatives(found[0], depth=0)
        if len(self._rules) > MAX_RULES:
            raise self._error(f"more than {MAX_RULES:,} rules are too many")
        if self._peek() not in {"", "\r", "\n"}:
            raise self._error(f"‘{self._peek()}’ cannot stand here")
        self._skip(lines=True)

    def _alternatives(self, rule: str, depth: int) -> list[list[_Item]]:
        found = [self._sequence(rule, depth)]
        while self._peek() == "|":
            self._at += 1
            self._skip(lines=True)
            found.append(self._sequence(rule, depth))
        return found

    def _sequence(self, rule: str, depth: int) -> list[_Item]:
        items: list[_Item] = []
        weight = 1
        while character := self._peek():
            start = self._at
            if character in "*+?{":
                weight = self._repeat(items, weight)
            elif (item := self._item(character, rule, depth)) is not None:
                items.append(item)
                weight = item.weight
            else:
                break
            self._skip(lines=depth > 0)
            assert self._at > start  # noqa: S101  every turn reads something
        return items

    def _item(self, character: str, rule: str, depth: int) -> _Item | None:
        if character == '"':
            return _Item(may_be_empty=self._quoted('"', "a string") == 0)
        if character == "(":
            return self._group(rule, depth)
        if character == "[":
            self._at += self._text.startswith("[^", self._at)
            if self._quoted("]", "a set of characters", ranges=True) == 0:
                raise self._error("an empty set of characters matches nothing", self._at - 1)
        elif character == ".":
            self._at += 1
        elif character in "<!":
            if not (token := _TOKEN.match(self._text, self._at)):
                raise self._error("here a token is due, as <[123]> or <name>")
            self._at = token.end()
        elif name := _NAME.match(self._text, self._at):
            self._references.setdefault(name[0], self._at)
            self._at = name.end()
            return _Item(name=name[0])
        else:
            return None
        return _Item()

    def _group(self, rule: str, depth: int) -> _Item:
        if depth >= MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} parentheses inside of each other are too many")
        opened = self._at
        self._at += 1
        self._skip(lines=True)
        self._synthetic += 1
        before = self._synthetic
        name = f"{rule}({self._synthetic}"  # no rule of the grammar can have this name
        self._rules[name] = self._alternatives(rule, depth + 1)
        self._places[name] = opened
        if self._peek() != ")":
            raise self._error("this parenthesis is never closed", opened)
        self._at += 1
        return _Item(name=name, weight=self._synthetic - before + 1)

    def _quoted(self, end: str, what: str, *, ranges: bool = False) -> int:
        """Read to the end mark; how many characters there are."""
        opened = self._at
        self._at += 1
        count = 0
        while (character := self._peek()) != end:
            if not character:
                raise self._error(f"{what} is never closed", opened)
            self._character()
            count += 1
            if ranges and self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                self._character()
        self._at += 1
        return count

    def _character(self) -> None:
        if self._peek() != "\\":
            self._at += 1
            return
        if not (found := _ESCAPE.match(self._text, self._at)):
            raise self._error('this escape is not known; there are \\n \\r \\t \\\\ \\" \\[ \\] \\- \\x \\u \\U')
        self._at = found.end()

    def _repeat(self, items: list[_Item], weight: int) -> int:
        """Read a repetition of the last item; how many rules llama.cpp makes of it."""
        if not items:
            raise self._error("there is nothing before this to repeat")
        least, most = 0, None
        if self._peek() == "{":
            found = _REPETITION.match(self._text, self._at)
            if not found:
                raise self._error("here {3}, {3,} or {3,5} is due")
            least = int(found[1])
            most = int(found[3]) if found[3] else None if found[2] else least
            if most is not None and most < least:
                raise self._error("the larger number comes second")
            end = found.end()
        else:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self._peek()]
            end = self._at + 1
        weight *= most or least or 1
        if weight > MAX_REPETITIONS:
            raise self._error(
                f"more than {MAX_REPETITIONS:,} repetitions are too many; leave the upper number out"
            )
        item = items[-1]
        self._synthetic += 1 if most is None else most - least
        if most is None:
            self._endless.append((item, self._at))
        items[-1] = _Item(item.name, may_be_empty=item.may_be_empty or least == 0, weight=weight)
        self._at = end
        return weight

    # Left recursion ----------------------------------------------------------------------------------------------

    def _check_recursion(self) -> None:
        """No rule may come to itself again before a character is read: llama.cpp refuses such grammars."""
        empty = self._empty_rules()
        for item, place in self._endless:
            if _may_be_empty(item, empty):
                raise self._error("what may be empty cannot be repeated without end", place)
        edges = {
            name: {item.name for alternative in rule for item in _leading(alternative, empty) if item.name}
            for name, rule in self._rules.items()
        }
        done: set[str] = set()
        for start in self._rules:
            path: dict[str, None] = {}
            stack = [(start, iter(edges[start]))] if start not in done else []
            path[start] = None
            while stack:
                name, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    stack.pop()
                    path.pop(name, None)
                    done.add(name)
                elif following in path:
                    shown = following.partition("(")[0]
                    raise self._error(
                        f"the rule ‘{shown}’ begins with itself (left recursion)", self._places[following]
                    )
                elif following not in done:
                    path[following] = None
                    stack.append((following, iter(edges[following])))

    def _empty_rules(self) -> set[str]:
        """The rules that may match nothing, found by going over them until no more are found."""
        empty: set[str] = set()
        while True:
            more = {
                name
                for name, rule in self._rules.items()
                if name not in empty and any(all(_may_be_empty(i, empty) for i in alt) for alt in rule)
            }
            if not more:
                return empty
            empty |= more


@dataclass(frozen=True)
class _Item:
    """A part of a sequence: a rule by its name, or something of characters when the name is empty."""

    name: str = ""
    may_be_empty: bool = False
    weight: int = 1
    """How many rules llama.cpp makes of it."""


def _may_be_empty(item: _Item, empty: set[str]) -> bool:
    return item.may_be_empty or item.name in empty


def _leading(alternative: list[_Item], empty: set[str]) -> list[_Item]:
    """The items that the alternative may begin with."""
    found = []
    for item in alternative:
        found.append(item)
        if not _may_be_empty(item, empty):
            break
    return found
