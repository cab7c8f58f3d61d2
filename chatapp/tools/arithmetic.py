"""A calculator that is exact: fractions all the way, within limits that no expression can talk it out of.

    expression = term (('+' | '-') term)*
    term       = sign (('*' | '/' | 'of' | 'mod') sign)*
    sign       = '-' sign | power
    power      = percent (('^' | '**') sign)?
    percent    = atom '%'*
    atom       = number | '(' expression ')' | function '(' expression (',' expression)* ')'

`340 + 12%` adds 12 % of 340, as on a desk calculator.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

LONGEST = 500
"""Characters of an expression."""
DEEPEST = 50
"""Parentheses, signs and powers inside of each other."""
MOST_BITS = 4096
"""Of a numerator or a denominator, about 1,200 digits: nothing larger is ever computed."""
_OPERATORS = {"of", "mod"}
MOST_DIGITS = 60
"""A result with more is rounded, and said to be."""
_GROUPS = r"\d{1,3}(?:,\d{3})+(?!\d)|"
_WORD = r"\s*(?:(?:{whole}\d+)(?:\.\d+)?(?:[eE][+-]?\d{{1,3}}(?!\d))?|\.\d+|[A-Za-z]+|\*\*|[-+*/^%(),])"
_WORDS = {grouped: re.compile(_WORD.format(whole=_GROUPS if grouped else "")) for grouped in (True, False)}
"""With groups of three digits; without, where a comma parts the arguments of a function."""
_PLAIN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\N{NO-BREAK SPACE}": " ", "_": " "})


class NotCalculated(ValueError):  # noqa: N818  it says what happened
    """An expression that is none, or that is too large; the message is a sentence."""


@dataclass(frozen=True)
class Result:
    """A number. A root that is no fraction is `rounded`."""

    value: Fraction
    rounded: bool = False

    def written(self, digits: int = MOST_DIGITS) -> str:
        """As people write it: exact where so many digits can say it, else rounded and marked."""
        written = decimal(self.value)
        if written is None or len(written) > digits + 2:
            short = f"{self.value.numerator}/{self.value.denominator}"
            return f"{short} ≈ {_scientific(self.value)}" if len(short) <= 24 else f"≈ {_scientific(self.value)}"
        return f"≈ {written}" if self.rounded else written


def calculate(expression: str) -> Result:
    """The value of an expression.

    Raises:
        NotCalculated: when it cannot be read, has no value, or would be too large.
    """
    if len(expression) > LONGEST:
        raise NotCalculated(f"An expression has at most {LONGEST} characters; this has {len(expression):,}.")
    reader = _Reader(list(_words_of(expression.translate(_PLAIN))))
    return Result(reader.whole(), reader.rounded)


def decimal(value: Fraction) -> str | None:
    """A fraction as a decimal number, where that is exact and short; None otherwise."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MOST_DIGITS:
        return None
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    if len(digits) > MOST_DIGITS:
        return None
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else sign + digits


def _scientific(value: Fraction) -> str:
    """Fifteen digits of a number of any size."""
    if value == 0:
        return "0"
    size = abs(value)
    exponent = len(str(size.numerator)) - len(str(size.denominator))
    exponent -= size < Fraction(10) ** exponent
    digits = round(size / Fraction(10) ** (exponent - 14))
    if digits == 10**15:
        digits, exponent = 10**14, exponent + 1
    sign = "-" if value < 0 else ""
    if -5 <= exponent < 15:
        return sign + str(decimal(digits * Fraction(10) ** (exponent - 14)))
    mantissa = f"{str(digits)[0]}.{str(digits)[1:]}".rstrip("0").rstrip(".")
    return f"{sign}{mantissa}e{exponent}"


# Reading ------------------------------------------------------------------------------------------------------


def _words_of(text: str) -> Iterator[str]:
    position, text = 0, text.rstrip()
    opened: list[bool] = []  # of each parenthesis, whether it holds arguments
    word = ""
    while position < len(text):
        match = _WORDS[not any(opened)].match(text, position)
        if match is None:
            raise NotCalculated(f"‘{text[position : position + 12].strip()}’ is not arithmetic.")
        before, word = word, match[0].strip()
        if word == "(":
            opened.append(before.isalpha() and before.casefold() not in _OPERATORS)
        elif word == ")" and opened:
            opened.pop()
        yield word
        position = match.end()


class _Reader:
    """Reads and computes in one pass, by recursive descent."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0
        self.rounded = False

    def whole(self) -> Fraction:
        value = self._sum()
        if self._next:
            raise NotCalculated(f"‘{self._next}’ is one too many.")
        return value

    @property
    def _next(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _take(self, *wanted: str) -> str:
        """The next word, if it is one of these."""
        word = self._next
        if word.casefold() in wanted:
            self._at += 1
            return word.casefold()
        return ""

    def _sum(self) -> Fraction:
        self._deeper()
        value = self._product()
        while operator := self._take("+", "-"):
            begin = self._at
            right = self._product()
            if self._is_share(begin):
                right *= value
            value = _bounded(value + right if operator == "+" else value - right)
        self._depth -= 1
        return value

    def _is_share(self, begin: int) -> bool:
        """Whether what was read is one number in per cent, and nothing else."""
        return self._at - begin == 2 and self._words[self._at - 1] == "%"

    def _product(self) -> Fraction:
        value = self._sign()
        while operator := self._take("*", "/", "of", "mod"):
            right = self._sign()
            if operator in {"/", "mod"} and right == 0:
                raise NotCalculated("Nothing can be divided by zero.")
            if operator == "mod":
                value = _bounded(value % right)
            else:
                value = _bounded(value / right if operator == "/" else value * right)
        return value

    def _sign(self) -> Fraction:
        self._deeper()
        if self._take("-"):
            value = -self._sign()
        elif self._take("+"):
            value = self._sign()
        else:
            value = self._power()
        self._depth -= 1
        return value

    def _power(self) -> Fraction:
        base = self._percent()
        return _power(base, self._sign()) if self._take("^", "**") else base

    def _percent(self) -> Fraction:
        value = self._atom()
        while self._take("%"):
            value /= 100
        return value

    def _atom(self) -> Fraction:
        word = self._next
        self._at += 1
        if word[:1].isdigit() or word[:1] == ".":
            return _bounded(Fraction(word.replace(",", "")))
        if word == "(":
            value = self._sum()
            self._close()
            return value
        if word.isalpha() and self._next == "(":
            return self._call(word.casefold())
        raise NotCalculated(f"‘{word}’ stands where a number should." if word else "It breaks off.")

    def _call(self, name: str) -> Fraction:
        self._at += 1
        given = [self._sum()]
        while self._take(","):
            given.append(self._sum())
        self._close()
        if name == "sqrt" and len(given) == 1:
            return self._root(given[0])
        if name == "round" and len(given) == 2:
            return _rounded(*given)
        if name in _OF_MANY:
            return _OF_MANY[name](given)
        if name in _OF_ONE and len(given) == 1:
            return Fraction(_OF_ONE[name](given[0]))
        raise NotCalculated(
            f"There is no ‘{name}’ of {len(given)}; there are sqrt, round, abs, floor, ceil, min, max."
        )

    def _close(self) -> None:
        if not self._take(")"):
            raise NotCalculated("A parenthesis is not closed.")

    def _root(self, value: Fraction) -> Fraction:
        if value < 0:
            raise NotCalculated("A negative number has no square root here.")
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above**2 == value.numerator and below**2 == value.denominator:
            return Fraction(above, below)
        self.rounded = True
        scale = 10**20
        return _bounded(Fraction(math.isqrt(value.numerator * scale**2 // value.denominator), scale))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotCalculated(f"It is nested more than {DEEPEST} deep.")


_OF_ONE: dict[str, Callable[[Fraction], Fraction | int]] = {
    "abs": abs, "floor": math.floor, "ceil": math.ceil, "round": round,
}  # fmt: skip
_OF_MANY: dict[str, Callable[[list[Fraction]], Fraction]] = {"min": min, "max": max}


def _rounded(value: Fraction, places: Fraction) -> Fraction:
    if places.denominator != 1 or abs(places) > 100:
        raise NotCalculated("A number is rounded to between -100 and 100 places.")
    return Fraction(round(value, int(places)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    """A power; its size is known before it is computed."""
    if exponent.denominator != 1:
        raise NotCalculated("Only whole numbers can be exponents; for a root there is sqrt.")
    if base == 0 and exponent < 0:
        raise NotCalculated("Nothing can be divided by zero.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and (bits - 1) * abs(exponent) > MOST_BITS:
        raise NotCalculated(_TOO_LARGE)
    return _bounded(base ** (int(exponent) if bits > 1 else int(exponent) % 2 + 2 * (exponent != 0)))


_TOO_LARGE = f"That would have more than about {int(MOST_BITS * math.log10(2)):,} digits."


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise NotCalculated(_TOO_LARGE)
    return value
